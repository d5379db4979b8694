"""Durations that are drawn: `fixed`, `uniform`, `exponential`, `lognormal`, in whole milliseconds."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from random import Random

import attrs


@attrs.frozen
class Delay:
    """A law with its two numbers.

    fixed: `a`; uniform: from `a` to `b`; exponential: `a` on average;
    lognormal: `a` in the middle, `b` thousandths the deviation of its logarithm.
    """

    law: str
    a: int
    b: int = 0

    def draw(self, dice: Random) -> int:
        """Return a duration, 0 or longer."""
        return LAWS[self.law](self, dice)


LAWS: Mapping[str, Callable[[Delay, Random], int]] = {
    "fixed": lambda delay, _: delay.a,
    "uniform": lambda delay, dice: dice.randint(delay.a, delay.b),
    "exponential": lambda delay, dice: round(-math.log(1 - dice.random()) * delay.a),
    "lognormal": lambda delay, dice: round(delay.a * math.exp(dice.gauss(0, delay.b / 1000))),
}


def sampler(delay: Delay, dice: Random) -> Callable[[], int]:
    """Return what draws one duration after another, quicker than `draw`."""
    if delay.law == "fixed":
        return lambda: delay.a
    law = LAWS[delay.law]
    return lambda: law(delay, dice)


def fixed(milliseconds: int) -> Delay:
    """Return a duration that is always the same."""
    return Delay("fixed", milliseconds)


NOTHING = fixed(0)
ONE_SECOND = fixed(1000)
