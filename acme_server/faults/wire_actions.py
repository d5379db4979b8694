"""What can go wrong with a reply: another one, or an edited one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from acme_server.faults.action import AFTER, EITHER, Action, Plane
from acme_server.faults.reading import (
    either,
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
_OFFSET = number(-1e9, 1e9)
# Form of a renewal window -> its start and its end, in seconds from now.
WINDOWS: Mapping[str, tuple[float, float]] = {
    "now": (-1.0, 0.0),
    "past": (-3600.0, -1800.0),
    "inverted": (3600.0, 0.0),
}
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
    retry_after_date: float | None = member(_OFFSET, None)

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
    retry_after_date: float | None = member(_OFFSET, None)


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
    """A certificate is downloaded in the wrong form; what is stored stays as it is.

    form: reversed, leaf-only, with-root, with-key, expired, not-yet-valid, wrong-key, wrong-name.
    """

    kind = "chain"
    plane = Plane.CHANGE
    stages = AFTER
    endpoints = ("certificate",)

    form: str = member(word_of(CHAINS))


@attrs.frozen
class Skew(Action):
    """The clock that the Date header is read from is `seconds` ahead of the world's, or behind it."""

    kind = "skew"
    plane = Plane.CHANGE
    stages = AFTER

    seconds: float = member(_OFFSET)


@attrs.frozen
class MoveWindow(Action):
    """Renewal information suggests another window (RFC 9773 section 4.2).

    form: `now`, which just closes; `past`, as of a revoked certificate;
    `inverted`, which ends before it starts; or start and end: seconds from now.
    """

    kind = "renewal-window"
    plane = Plane.CHANGE
    stages = AFTER
    endpoints = ("renewalInfo",)

    form: str | None = member(word_of(WINDOWS), None)
    start: float | None = member(_OFFSET, None)
    end: float | None = member(_OFFSET, None)

    def __attrs_post_init__(self) -> None:
        given = [value is not None for value in (self.start, self.end)]
        if (self.form is None and not all(given)) or (self.form is not None and any(given)):
            raise ValueError("renewal-window: either 'form' is wanted, or 'start' and 'end'")

    @property
    def offsets(self) -> tuple[float, float]:
        """Start and end, in seconds from now."""
        if self.start is None or self.end is None:
            assert self.form is not None
            return WINDOWS[self.form]
        return self.start, self.end
