"""What can go wrong while a reply travels: it comes late, in part, or not at all."""

from __future__ import annotations

import attrs

from acme_server.faults.action import AFTER, EITHER, Action, Plane
from acme_server.faults.reading import duration, flag, integer, member, number, word_of


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
class HalfClose(Action):
    """The server ends its side (FIN) after the reply, or after `keep` bytes of its body, and goes on listening."""

    kind = "half-close"
    plane = Plane.DELIVERY
    stages = AFTER

    keep: int | None = member(integer(0), None)


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
