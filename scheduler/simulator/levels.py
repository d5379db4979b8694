"""How many at each moment: step curves over a run, from its columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

import attrs

from scheduler.simulator.run import NEVER, Run


@attrs.frozen
class Curve:
    """From each of the moments (milliseconds, ascending) on, the value beside it holds."""

    moments: tuple[int, ...]
    values: tuple[int, ...]

    def area(self, end: int) -> int:
        """Return the value added up over the milliseconds until `end`."""
        ends = (*self.moments[1:], end)
        steps = zip(self.moments, ends, self.values, strict=True)
        return sum((min(after, end) - moment) * value for moment, after, value in steps if moment < end)

    def thinned(self, points: int) -> Curve:
        """Return a curve of about `points` moments: of each stretch the peak, the trough, what lasts longest and both ends."""
        if len(self.moments) <= points:
            return self
        size = -(-5 * len(self.moments) // points)
        kept: list[int] = []
        for start in range(0, len(self.moments), size):
            stretch = range(start, min(start + size, len(self.moments)))
            low, high = min(stretch, key=self.values.__getitem__), max(stretch, key=self.values.__getitem__)
            longest = max(stretch[:-1], key=self._lasts, default=start)
            kept += sorted({start, low, high, longest, stretch[-1]})
        return Curve(tuple(self.moments[place] for place in kept), tuple(self.values[place] for place in kept))

    def _lasts(self, place: int) -> int:
        return self.moments[place + 1] - self.moments[place]


def level(up: Iterable[int], down: Iterable[int]) -> Curve:
    """Return how many there are when one comes at each moment of `up` and one goes at each of `down`; NEVER is skipped."""
    # A change is one integer, its lowest bit the direction: a million of them sort several times as fast as pairs.
    changes = [2 * moment + 1 for moment in up if moment != NEVER]
    changes += [2 * moment for moment in down if moment != NEVER]
    changes.sort()
    moments, values, value = [0], [0], 0
    for change in changes:
        moment = change >> 1
        value += 1 if change & 1 else -1
        if moment == moments[-1]:
            values[-1] = value
        else:
            moments.append(moment)
            values.append(value)
    return Curve(tuple(moments), tuple(values))


def waiting(run: Run) -> Curve:
    """Return how many challenges waited for a slot."""
    return level(chain(run.challenges.created, run.yields.yielded), chain(run.challenges.started, run.yields.taken))


def in_slots(run: Run) -> Curve:
    """Return how many challenges held a slot: cert-manager's `processing`."""
    return level(chain(run.challenges.started, run.yields.taken), chain(run.challenges.released, run.yields.yielded))


def issued(run: Run) -> Curve:
    """Return how many certificates had been issued."""
    return level(run.issuances.issued, ())


def at_work(run: Run) -> Iterator[tuple[int, float]]:
    """Yield the start of each bin of the makespan, and how many workers of the challenge controller were busy in it on average."""
    most = len(run.busy) - 1
    for number, busy in enumerate(run.busy_over_time):
        start = number * run.busy_bin
        if start >= run.makespan:
            return
        yield start, min(busy / min(run.busy_bin, run.makespan - start), most)
