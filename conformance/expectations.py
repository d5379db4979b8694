"""What most checks expect of a reply."""

from __future__ import annotations

from conformance.verdict import expect
from conformance.wire import Reply


def accepted(reply: Reply, status: int, what: str) -> None:
    """Expect success with one status."""
    expect(reply.status == status, f"{status} for {what}", f"{reply}{_detail(reply)}")


def refused(reply: Reply, what: str, kind: str | None = None, status: int | None = None) -> None:
    """Expect a client's error for what was sent: any, or one of a type of problem, or with a status."""
    wanted = " ".join(filter(None, (str(status) if status else "4xx", kind)))
    met = (reply.status == status) if status else 400 <= reply.status < 500
    expect(met and (kind is None or reply.kind == kind), f"{wanted} for {what}", f"{reply}{_detail(reply)}")


def _detail(reply: Reply) -> str:
    detail = (reply.problem or {}).get("detail")
    return f": {detail}" if detail else ""
