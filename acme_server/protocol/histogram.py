"""How long something took, counted in buckets, as Prometheus has histograms."""

from __future__ import annotations

from bisect import bisect_left

import attrs


@attrs.define
class Histogram:
    """counts: how many took no longer than each bound, and more than the one before it; the last, longer than all.

    bounds: in seconds, rising; total: of all that was added, in seconds.
    """

    bounds: tuple[float, ...]
    counts: list[int] = attrs.field(init=False)
    total: float = 0.0

    @counts.default
    def _nothing(self) -> list[int]:
        return [0] * (len(self.bounds) + 1)

    def add(self, seconds: float) -> None:
        """Count one."""
        self.counts[bisect_left(self.bounds, seconds)] += 1
        self.total += seconds
