"""A check: a function that says with its decorator which sentence of which section it holds a server to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import attrs

from conformance.session import Session
from conformance.verdict import Level
from conformance.wire import Wire


class Sitting(Protocol):
    """What a runner asks of whatever it gives to checks: an ACME session, or a walk of an issuer's."""

    @property
    def wire(self) -> Wire:
        """What was said, in its log."""

    @property
    def late(self) -> bool:
        """Whether the run's time is over."""

    @property
    def options(self) -> Any:
        """The run's options: of a session with destructive checks, `may_harm` among them."""

    def url(self, member: str) -> str:
        """Return what a check needs, or raise NotOffered."""


@attrs.frozen
class Check:
    """One normative sentence.

    section: of RFC 8555, or of another one that it names; needs: the directory's members without which it is not
    offered; sentence: what the server does, in our words: the function's docstring;
    destructive: it gives up or revokes something, fails a validation on purpose, or sends what is huge.
    """

    section: str
    level: Level
    name: str
    sentence: str
    needs: tuple[str, ...]
    destructive: bool
    run: Callable[[Any], None] = attrs.field(repr=False)


def check(
    section: str, level: Level, *needs: str, destructive: bool = False
) -> Callable[[Callable[[Session], None]], Check]:
    """Make a function a check; its docstring is the sentence."""

    def made(function: Callable[[Session], None]) -> Check:
        sentence = " ".join((function.__doc__ or "").split())
        return Check(section, level, function.__name__, sentence, needs, destructive, function)

    return made
