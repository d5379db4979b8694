"""What a command did with the server, read from the journal: issued, failed, refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import attrs

from acme_server.protocol.journal import Entry


@attrs.frozen
class Summary:
    """How a command ended and what the server has to say about it.

    issued: certificates; failed: challenges; refused: requests, each once with its `count`.
    """

    command: tuple[str, ...]
    exit_status: int
    seconds: float
    issued: tuple[dict[str, Any], ...]
    failed: tuple[dict[str, Any], ...]
    refused: tuple[dict[str, Any], ...]

    def to_json(self) -> dict[str, Any]:
        """Return it as one JSON object."""
        return attrs.asdict(self)

    def to_lines(self) -> Iterator[str]:
        """Return it for people."""
        yield f"gravel run: {self.command[0]} ended with {self.exit_status} after {self.seconds:.1f} s"
        yield from _section("certificate", "issued", [_certificate_line(each) for each in self.issued])
        yield from _section("challenge", "failed", [_challenge_line(each) for each in self.failed])
        requests = sum(each["count"] for each in self.refused)
        yield from _section("request", "refused", [_request_line(each) for each in self.refused], requests)


def summarize(entries: Iterable[Entry], command: Sequence[str], exit_status: int, seconds: float) -> Summary:
    """Read the journal."""
    by_kind: dict[str, list[dict[str, Any]]] = {}
    for entry in entries:
        by_kind.setdefault(entry.kind, []).append(dict(entry.data))
    return Summary(
        command=tuple(command),
        exit_status=exit_status,
        seconds=round(seconds, 3),
        issued=tuple(by_kind.get("CertificateIssued", ())),
        failed=tuple(by_kind.get("ChallengeFailed", ())),
        refused=_counted(by_kind.get("RequestRefused", ())),
    )


def _counted(refusals: Iterable[dict[str, Any]]) -> tuple[dict[str, Any], ...]:
    """Return each kind of refusal once, with the detail of its first; details differ by the nonce or the URL."""
    refusals = tuple(refusals)
    counts = Counter(map(_refusal_key, refusals))
    first = {_refusal_key(each): each for each in reversed(refusals)}
    return tuple({**first[key], "count": count} for key, count in counts.items())


def _refusal_key(refusal: dict[str, Any]) -> tuple[Any, ...]:
    return refusal["endpoint"], refusal["status"], refusal["problem"]


def _section(noun: str, verb: str, lines: Sequence[str], count: int | None = None) -> Iterator[str]:
    number = len(lines) if count is None else count
    yield f"  {number or 'no'} {noun}{'' if number == 1 else 's'} {verb}"
    yield from (f"    {line}" for line in lines)


def _certificate_line(data: dict[str, Any]) -> str:
    return f"{', '.join(data['identifiers'])}: serial {data['serial']}, until {data['not_after']}"


def _challenge_line(data: dict[str, Any]) -> str:
    return f"{data['type']} {data['identifier']}: {data['detail']}"


def _request_line(data: dict[str, Any]) -> str:
    times = f" ({data['count']} times)" if data["count"] > 1 else ""
    return f"{data['endpoint']}: {data['status']} {data['problem'].rsplit(':', 1)[-1]}: {data['detail']}{times}"
