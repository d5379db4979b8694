"""What most checks expect of a reply."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from conformance.verdict import expect
from conformance.wire import Reply

# How many of the replies that are wrong are told one by one.
TOLD = 4


def accepted(reply: Reply, status: int, what: str) -> None:
    """Expect success with one status."""
    expect(reply.status == status, f"{status} for {what}", f"{reply}{_detail(reply)}")


def refused(reply: Reply, what: str, kind: str | None = None, status: int | None = None) -> None:
    """Expect a client's error for what was sent: any, or one of a type of problem, or with a status."""
    wanted = " ".join(filter(None, (str(status) if status else "4xx", kind)))
    met = (reply.status == status) if status else _is_4xx(reply)
    expect(met and (kind is None or reply.kind == kind), f"{wanted} for {what}", f"{reply}{_detail(reply)}")


def _detail(reply: Reply) -> str:
    detail = (reply.problem or {}).get("detail")
    return f": {detail}" if detail else ""


def all_refused(replies: Iterable[tuple[str, Reply]]) -> None:
    """Expect a client's error for each of what was sent."""
    wrong = [f"{reply} for {what}" for what, reply in replies if not _is_4xx(reply)]
    expect(not wrong, "4xx for each", _told(wrong))


def all_explained(replies: Iterable[tuple[str, Reply]]) -> None:
    """Expect for each a client's error with a problem document (section 6.7) and a fresh nonce (section 6.5)."""
    wrong = []
    for what, reply in replies:
        if not _is_4xx(reply) or reply.problem is None:
            wrong.append(f"{reply} for {what}")
        elif not reply.header("Replay-Nonce"):
            wrong.append(f"{reply} without a Replay-Nonce for {what}")
    expect(not wrong, "4xx, a problem document and a Replay-Nonce for each", _told(wrong))


def _told(wrong: Sequence[str]) -> str:
    more = f"; and {len(wrong) - TOLD} more" if len(wrong) > TOLD else ""
    return "; ".join(wrong[:TOLD]) + more


def _is_4xx(reply: Reply) -> bool:
    return 400 <= reply.status < 500
