"""How many of a controller's workers are at work, and when."""

from __future__ import annotations

from array import array

from scheduler.simulator.scenario import SECOND

BINS = 1024


class Occupation:
    """Told of every change.

    by_number: for each number of workers, how many milliseconds exactly so many
    were at work; over_time: worker-milliseconds in each bin of `width`, which
    doubles when the run grows longer than BINS of them; until: the moment of the last change.
    """

    __slots__ = ("_busy", "by_number", "over_time", "until", "width")

    def __init__(self, workers: int) -> None:
        self._busy = 0
        self.by_number = [0] * (workers + 1)
        self.over_time = array("q", [0]) * BINS
        self.until = 0
        self.width = SECOND

    def change(self, now: int, by: int) -> None:
        """Take in that so many more (or fewer) are at work from now on."""
        span, busy = now - self.until, self._busy
        if span:
            self.by_number[busy] += span
            if busy:
                self._fill(now, busy)
            self.until = now
        self._busy = busy + by

    def stop(self, now: int) -> None:
        """Take in that nobody is at work any more."""
        self.change(now, -self._busy)

    def _fill(self, now: int, busy: int) -> None:
        while now > BINS * self.width:
            halves = self.over_time
            merged = [halves[place] + halves[place + 1] for place in range(0, BINS, 2)]
            self.over_time = array("q", merged + [0] * (BINS // 2))
            self.width *= 2
        start, width, bins = self.until, self.width, self.over_time
        while start < now:
            place = start // width
            end = min((place + 1) * width, now)
            bins[place] += busy * (end - start)
            start = end
