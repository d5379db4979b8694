"""What can go wrong: one frozen value per kind of fault, and the table of kinds.

Every action belongs to a plane: STATE changes what becomes of a resource,
INSTEAD puts another reply in the place of the server's, CHANGE edits the
reply, DELIVERY decides how it travels. One exchange may suffer one action of
each plane.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, ClassVar, TypeAlias

import attrs

from acme_server.faults.reading import (
    choose,
    duration,
    either,
    flag,
    header_text,
    integer,
    mapping,
    member,
    number,
    read_value,
    text,
    texts,
    word_of,
    write_value,
)
from acme_server.protocol.problem import PREFIX, STATUS_OF


class Plane(Enum):
    """What an action acts on."""

    STATE = "state"
    INSTEAD = "instead"
    CHANGE = "change"
    DELIVERY = "delivery"


class Stage(Enum):
    """When an action acts: in the place of the command, so that nothing is committed, or after it."""

    BEFORE = "before"
    AFTER = "after"


BEFORE, AFTER = (Stage.BEFORE,), (Stage.AFTER,)
EITHER = (Stage.BEFORE, Stage.AFTER)
_STATUS = integer(200, 599)
_RETRY_AFTER = either(header_text, integer())
CHAINS = (
    "reversed",
    "leaf-only",
    "with-root",
    "with-key",
    "expired",
    "not-yet-valid",
    "wrong-key",
    "wrong-name",
)


@attrs.frozen
class Action:
    """What all have: their plane, the stages they may act in (the first is the default), and where they make sense."""

    kind: ClassVar[str]
    plane: ClassVar[Plane]
    stages: ClassVar[tuple[Stage, ...]] = BEFORE
    endpoints: ClassVar[tuple[str, ...]] = ()

    @property
    def only_posts(self) -> bool:
        """Whether a request without a signature is left alone."""
        return False


@attrs.frozen
class SendProblem(Action):
    """A problem document; as kind, any type of RFC 8555 says the same: `rateLimited`, `badNonce`, ...

    retry_after: sent as it is, seconds or nonsense; retry_after_date: seconds from now, sent as an HTTP date.
    """

    kind = "problem"
    plane = Plane.INSTEAD
    stages = EITHER

    type: str = member(header_text, "serverInternal")
    status: int = member(_STATUS, 0)
    detail: str = member(text, "a fault was injected here")
    retry_after: str | int | None = member(_RETRY_AFTER, None)
    retry_after_date: float | None = member(number(-1e9, 1e9), None)

    @property
    def only_posts(self) -> bool:
        """A nonce can be bad only where there is one."""
        return self.type.removeprefix(PREFIX) == "badNonce"


@attrs.frozen
class SendPage(Action):
    """A page of HTML, as a proxy in front of the server sends it; `body` replaces the usual one and may be empty."""

    kind = "page"
    plane = Plane.INSTEAD
    stages = EITHER

    status: int = member(_STATUS, 502)
    body: str | None = member(text, None)
    retry_after: str | int | None = member(_RETRY_AFTER, None)
    retry_after_date: float | None = member(number(-1e9, 1e9), None)


@attrs.frozen
class Omit(Action):
    """Headers are missing."""

    kind = "omit"
    plane = Plane.CHANGE
    stages = AFTER

    headers: tuple[str, ...] = member(texts(header_text))


@attrs.frozen
class SetHeader(Action):
    """A header says something else: Content-Type, Location, Retry-After, Date, ..."""

    kind = "header"
    plane = Plane.CHANGE
    stages = AFTER

    name: str = member(header_text)
    value: str = member(header_text)


@attrs.frozen
class Truncate(Action):
    """The body ends after `keep` bytes, and HTTP does not show it; 0 leaves it empty."""

    kind = "truncate"
    plane = Plane.CHANGE
    stages = AFTER

    keep: int = member(integer(0), 0)


@attrs.frozen
class Pad(Action):
    """The body is filled up with spaces to `size` bytes; a JSON reader does not mind, a careful client does."""

    kind = "pad"
    plane = Plane.CHANGE
    stages = AFTER

    size: int = member(integer(1, 64 * 2**20), 17 * 2**20)


@attrs.frozen
class Substitute(Action):
    """Every `old` in body and headers becomes `new`: http:// URLs, relative URLs, hostile tokens, ..."""

    kind = "substitute"
    plane = Plane.CHANGE
    stages = AFTER

    old: str = member(header_text)
    new: str = member(header_text, "")

    def __attrs_post_init__(self) -> None:
        if not self.old:
            raise ValueError("substitute: 'old' is empty")


@attrs.frozen
class Rewrite(Action):
    """Another HTTP status, other members in the JSON body; a member that is null is taken out."""

    kind = "rewrite"
    plane = Plane.CHANGE
    stages = AFTER

    status: int = member(_STATUS, 0)
    members: Mapping[str, Any] = member(mapping, attrs.Factory(dict))


@attrs.frozen
class Unwrap(Action):
    """The JSON body is one of its own members."""

    kind = "unwrap"
    plane = Plane.CHANGE
    stages = AFTER

    name: str = member(text)


@attrs.frozen
class ServeChain(Action):
    """A certificate is downloaded in the wrong form; what is stored stays as it is."""

    kind = "chain"
    plane = Plane.CHANGE
    stages = AFTER
    endpoints = ("certificate",)

    form: str = member(word_of(CHAINS))


@attrs.frozen
class Latency(Action):
    """The reply comes `seconds` late; with `until`, uniformly between the two."""

    kind = "latency"
    plane = Plane.DELIVERY
    stages = AFTER

    seconds: float = member(duration())
    until: float | None = member(duration(), None)


@attrs.frozen
class LognormalLatency(Action):
    """The reply comes late, as in real networks: mostly by about the median, seldom by much more."""

    kind = "lognormal-latency"
    plane = Plane.DELIVERY
    stages = AFTER

    median: float = member(duration())
    sigma: float = member(number(0.0, 10.0), 1.0)


@attrs.frozen
class Stall(Action):
    """The reply stops before its headers, or between headers and body, for `seconds` or for ever."""

    kind = "stall"
    plane = Plane.DELIVERY
    stages = AFTER

    at: str = member(word_of(("headers", "body")), "headers")
    seconds: float | None = member(duration(), None)


@attrs.frozen
class Cut(Action):
    """The connection is closed after `keep` bytes of the body that was announced."""

    kind = "cut"
    plane = Plane.DELIVERY
    stages = AFTER

    keep: int = member(integer(0), 0)


@attrs.frozen
class Drip(Action):
    """The body comes `bytes` at a time, `seconds` apart."""

    kind = "drip"
    plane = Plane.DELIVERY
    stages = AFTER

    bytes: int = member(integer(1), 16)
    seconds: float = member(duration(), 0.1)


@attrs.frozen
class Lose(Action):
    """No reply; the connection is reset (RST), or closed in order. `after`: all was done, and nobody hears of it."""

    kind = "lose"
    plane = Plane.DELIVERY
    stages = EITHER

    reset: bool = member(flag, True)


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
    Latency,
    LognormalLatency,
    Stall,
    Cut,
    Drip,
    Lose,
    DelayIssuance,
    DelayValidation,
    FailValidation,
    ExpireAuthorizations,
    DeactivateAccount,
)
ACTIONS: Mapping[str, type[Action]] = {cls.kind: cls for cls in _CLASSES}
Document: TypeAlias = dict[str, Any]


def read_action(value: Any) -> Action:
    """Read `{"kind": KIND, ...}`, or just KIND when nothing else is to be said."""
    document = {"kind": value} if isinstance(value, str) else value
    if not isinstance(document, Mapping):
        raise ValueError("the action is neither a kind nor an object")
    if "kind" not in document:
        raise ValueError("the action needs 'kind'")
    kind = choose(document["kind"], (*ACTIONS, *STATUS_OF), "the action")
    rest = {key: item for key, item in document.items() if key != "kind"}
    if kind in STATUS_OF:
        kind, rest = SendProblem.kind, {"type": kind, **rest}
    return read_value(ACTIONS[kind], rest, f"the action {kind!r}")


def write_action(action: Action) -> Document:
    """Return the object that `read_action` reads."""
    return {"kind": action.kind, **write_value(action)}
