"""How an issuer stands with its server: the gate that keeps a Retry-After, and the breaker that counts errors in a row.

The gate is `status.notBefore` of the issuer, so that it holds for all its requests and challenges, and after a crash.
The breaker opens by way of the frame: what `sign` says of the issuer makes it not Ready, nobody asks the server any more,
and `check` is what half-opens it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypeAlias

import attrs

from acme_server.protocol.problem import Problem
from acme_server.protocol.times import parse_rfc3339, rfc3339
from acme_server.protocol.vantage import Inquiry
from issuer_bridge.acme_client.errors import TransportError
from issuer_bridge.acme_issuer.classification import Class, Operation, Verdict, verdict
from issuer_bridge.acme_issuer.parameters import Parameters
from issuer_bridge.acme_issuer.translation import KINDS
from issuer_bridge.conditions import READY, condition, is_true, set_condition
from issuer_bridge.context import Context
from issuer_bridge.resources import Resource

Status: TypeAlias = dict[str, Any]
ENDS = (Class.PERMANENT, Class.DROP)


@attrs.frozen
class Closed(Exception):  # noqa: N818 - says what happened
    """The gate is closed, for so long."""

    message: str
    left: timedelta

    def __str__(self) -> str:
        return self.message


class Standing:
    """Of every AcmeIssuer."""

    def __init__(self, context: Context, parameters: Parameters) -> None:
        self._context, self._parameters = context, parameters
        self._failures: dict[str, int] = {}  # in a row, by uid

    def keep_out(self, issuer: Resource) -> None:
        """Raise Closed while nobody is to ask the server: the gate of its clients, so that it holds within a turn too."""
        metadata = issuer["metadata"]
        current = self._context.resources.get(KINDS[issuer["kind"]], metadata.get("namespace", ""), metadata["name"])
        until = ((current or {}).get("status") or {}).get("notBefore")
        left = parse_rfc3339(until) - self._context.clock() if until else timedelta(0)
        if left > timedelta(0):
            raise Closed(f"the server wants no request before {until}", left)

    def obstacle(self, issuer: Resource) -> str | None:
        """Return why a challenge must leave the server alone, None when it need not."""
        if not is_true(issuer, READY):
            return f"the issuer is not ready: {condition(issuer, READY).get('message', '')}"
        try:
            self.keep_out(issuer)
        except Closed as closed:
            return str(closed)
        return None

    def challenge_ends(self, issuer: Resource, error: TransportError | Problem) -> Inquiry[bool]:
        """Take in an error that a challenge met; return whether it ends the challenge."""
        found = verdict(error, Operation.CHALLENGE, self._context.clock(), self._parameters.max_rate_limit_wait)
        yield from self.note(issuer, found)
        return found.becomes in ENDS

    def note(self, issuer: Resource, found: Verdict) -> Inquiry[None]:
        """Close the gate, count, and write the condition that an error calls for."""
        uid = issuer["metadata"]["uid"]
        self._failures[uid] = self._failures.get(uid, 0) + 1 if found.becomes is Class.RETRY else 0
        if found.gate and found.after:
            until = rfc3339(_whole(self._context.clock() + found.after))
            yield from self.write(issuer, lambda status: {"notBefore": max(until, status.get("notBefore", ""))})
        if found.condition:
            yield from self.mark(issuer, found.condition, found.message)

    def is_open(self, issuer: Resource, threshold: int) -> bool:
        """Whether so many errors in a row were met that the issuer is at fault."""
        return self._failures.get(issuer["metadata"]["uid"], 0) >= threshold

    def well(self, issuer: Resource) -> None:
        """The server has answered as it should."""
        self._failures.pop(issuer["metadata"]["uid"], None)

    def mark(self, issuer: Resource, type_: str, message: str) -> Inquiry[None]:
        """Say that a condition holds of the issuer, or, without a message, that it does no more."""
        said = ("True", type_, message) if message else ("False", "Resolved", "")
        now, generation = self._context.clock(), issuer["metadata"].get("generation")

        def changed(status: Status) -> Status:
            conditions = status.get("conditions") or ()
            if not message and not is_true({"status": status}, type_):
                return {}
            return {"conditions": set_condition(conditions, type_, *said, now, generation)}

        yield from self.write(issuer, changed)

    def write(self, issuer: Resource, fields: Callable[[Status], Status]) -> Inquiry[None]:
        """Write fields of the issuer's status, beside those of the frame; fields: from the status as it is."""

        def changed(current: Resource) -> Status:
            status = current.get("status") or {}
            return {**status, **fields(status)}

        yield from self._context.change_status(KINDS[issuer["kind"]], issuer, changed)


def _whole(moment: datetime) -> datetime:
    """Return the first whole second that is not sooner; the status has no others."""
    return moment if not moment.microsecond else moment.replace(microsecond=0) + timedelta(seconds=1)
