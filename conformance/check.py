"""A check: a function that says with its decorator which sentence of which section it holds a server to."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from conformance.session import Session
from conformance.verdict import Level


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
    run: Callable[[Session], None] = attrs.field(repr=False)


def check(
    section: str, level: Level, *needs: str, destructive: bool = False
) -> Callable[[Callable[[Session], None]], Check]:
    """Make a function a check; its docstring is the sentence."""

    def made(function: Callable[[Session], None]) -> Check:
        sentence = " ".join((function.__doc__ or "").split())
        return Check(section, level, function.__name__, sentence, needs, destructive, function)

    return made
