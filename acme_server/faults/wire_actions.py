"""What can go wrong with a reply: another one, an edited one, one that travels badly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from acme_server.faults.action import AFTER, EITHER, Action, Plane
from acme_server.faults.reading import (
    duration,
    either,
    flag,
    header_text,
    integer,
    mapping,
    member,
    number,
    text,
    texts,
    word_of,
)
from acme_server.protocol.problem import PREFIX

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
    at_dns = True

    seconds: float = member(duration())
    until: float | None = member(duration(), None)


@attrs.frozen
class LognormalLatency(Action):
    """The reply comes late, as in real networks: mostly by about the median, seldom by much more."""

    kind = "lognormal-latency"
    plane = Plane.DELIVERY
    stages = AFTER
    at_dns = True

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
