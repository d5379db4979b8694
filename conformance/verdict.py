"""Verdicts: what is said of one check, and the exceptions by which a check says so."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """What became of a check; LEFT_OUT: it does harm, and nobody allowed that; ERROR is the suite's own mistake and says nothing of the server."""

    PASS = "pass"  # noqa: S105 - no password
    FAIL = "fail"
    NOT_OFFERED = "not offered"
    NOT_REACHABLE = "not reachable"
    LEFT_OUT = "left out"
    ERROR = "error"


class Level(StrEnum):
    """How much the RFC wants it (RFC 2119)."""

    MUST = "MUST"
    SHOULD = "SHOULD"
    MAY = "MAY"


class Failed(Exception):  # noqa: N818 - says what happened
    """The server does not do what the sentence says."""

    def __init__(self, expected: str, actual: str) -> None:
        super().__init__(f"expected {expected}, got {actual}")
        self.expected, self.actual = expected, actual


class Malformed(Exception):  # noqa: N818 - says what happened
    """An object of the server's is not as `sections` demand: their checks fail, for others it is not reachable."""

    def __init__(self, sections: tuple[str, ...], expected: str, actual: str) -> None:
        super().__init__(f"expected {expected}, got {actual}")
        self.sections, self.expected, self.actual = sections, expected, actual


class NotOffered(Exception):  # noqa: N818 - says what happened
    """The server says itself that it does not have this."""


class NotReachable(Exception):  # noqa: N818 - says what happened
    """What the check is about could not be got to; the message says where the way ended."""


def expect(met: bool, expected: str, actual: object) -> None:
    """Fail the check unless a condition is met."""
    if not met:
        raise Failed(expected, str(actual))
