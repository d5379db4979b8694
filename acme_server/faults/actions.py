"""What can go wrong with resources, and the table of all kinds of fault."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from acme_server.faults.action import Action, Plane
from acme_server.faults.delivery_actions import Cut, Drip, HalfClose, Latency, LognormalLatency, Lose, Stall
from acme_server.faults.dns_actions import (
    KINDS,
    CnameLoop,
    NoAnswer,
    NoData,
    Propagate,
    SendRcode,
    SetTtl,
    Shuffle,
    TruncateUdp,
)
from acme_server.faults.inner_actions import (
    ApproverDown,
    CorruptKey,
    DeleteSecret,
    Partition,
    RevokedCa,
    SignerUnavailable,
)
from acme_server.faults.reading import choose, duration, header_text, integer, member, read_value, text, write_value
from acme_server.faults.wire_actions import (
    MoveWindow,
    Omit,
    Pad,
    Rewrite,
    SendPage,
    SendProblem,
    ServeChain,
    SetHeader,
    Skew,
    Substitute,
    Truncate,
    Unwrap,
)
from acme_server.protocol.problem import STATUS_OF


@attrs.frozen
class DelayIssuance(Action):
    """The finalized order stays in processing for `seconds`, or for ever."""

    kind = "processing"
    plane = Plane.STATE
    endpoints = ("finalize",)

    seconds: float | None = member(duration(), None)


@attrs.frozen
class DelayValidation(Action):
    """Nobody validates the challenge for `seconds`, or ever: its authorization stays pending."""

    kind = "pending"
    plane = Plane.STATE
    endpoints = ("challenge",)

    seconds: float | None = member(duration(), None)


@attrs.frozen
class FailValidation(Action):
    """The validation fails, whatever is there; with a count of k, the next one is honest."""

    kind = "fail-validation"
    plane = Plane.STATE
    endpoints = ("challenge",)

    type: str = member(header_text, "unauthorized")
    detail: str = member(text, "a fault was injected here")


@attrs.frozen
class ExpireAuthorizations(Action):
    """The authorizations concerned expire before the request is looked at."""

    kind = "expire-authorizations"
    plane = Plane.STATE
    endpoints = ("authorization", "challenge", "order", "finalize")


@attrs.frozen
class DeactivateAccount(Action):
    """The account that signed is deactivated under the request, which still passes; the next is refused."""

    kind = "deactivate-account"
    plane = Plane.STATE

    @property
    def only_posts(self) -> bool:
        """It takes a signature to name an account."""
        return True


@attrs.frozen
class Revoke(Action):
    """The certificate is revoked by the CA `seconds` after it was issued; 0: before the client hears of it."""

    kind = "revoke"
    plane = Plane.STATE
    endpoints = ("finalize",)

    seconds: float = member(duration(), 0.0)
    reason: int | None = member(integer(0, 10), None)


@attrs.frozen
class RotateIssuer(Action):
    """A new intermediate signs from now on, under the same root; orders under way get their certificates from it."""

    kind = "rotate-issuer"
    plane = Plane.STATE
    endpoints = ("finalize",)


_CLASSES: tuple[type[Action], ...] = (
    SendProblem,
    SendPage,
    Omit,
    SetHeader,
    Truncate,
    Pad,
    Substitute,
    Rewrite,
    Unwrap,
    ServeChain,
    Skew,
    MoveWindow,
    Latency,
    LognormalLatency,
    Stall,
    Cut,
    Drip,
    HalfClose,
    Lose,
    DelayIssuance,
    DelayValidation,
    FailValidation,
    ExpireAuthorizations,
    DeactivateAccount,
    Revoke,
    RotateIssuer,
    SendRcode,
    NoData,
    CnameLoop,
    SetTtl,
    Shuffle,
    NoAnswer,
    TruncateUdp,
    Propagate,
    RevokedCa,
    CorruptKey,
    SignerUnavailable,
    DeleteSecret,
    Partition,
    ApproverDown,
)
ACTIONS: Mapping[str, type[Action]] = {cls.kind: cls for cls in _CLASSES}


def read_action(value: Any) -> Action:
    """Read `{"kind": KIND, ...}`, or just KIND when nothing else is to be said."""
    document = {"kind": value} if isinstance(value, str) else value
    if not isinstance(document, Mapping):
        raise ValueError("the action is neither a kind nor an object")
    if "kind" not in document:
        raise ValueError("the action needs 'kind'")
    kind = choose(document["kind"], (*ACTIONS, *STATUS_OF, *KINDS), "the action")
    rest = {key: item for key, item in document.items() if key != "kind"}
    if kind in STATUS_OF:
        kind, rest = SendProblem.kind, {"type": kind, **rest}
    if kind in KINDS:
        kind, rest = SendRcode.kind, {"rcode": kind.upper(), **rest}
    return read_value(ACTIONS[kind], rest, f"the action {kind!r}")


def write_action(action: Action) -> dict[str, Any]:
    """Return the object that `read_action` reads."""
    return {"kind": action.kind, **write_value(action)}
