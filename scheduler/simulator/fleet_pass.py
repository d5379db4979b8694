"""The scheduler's pass: `scheduler.selection`, kept in order between passes, over integers.

Of each name the oldest waits in a heap of heads while nobody of that name holds
a slot, the others in a list behind it. A pass takes the first heads, and is
planned only when there is one and a slot for it.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable
from heapq import heappop, heappush

from scheduler.simulator.fleet_moves import QUEUED
from scheduler.simulator.fleet_queue import KINDS, LAST, Agenda
from scheduler.simulator.fleet_rows import ChallengeRows
from scheduler.simulator.run import NEVER
from scheduler.simulator.scenario import Cluster


class Slots:
    """Who waits and who holds a slot.

    names: how many there are; kinds: of the events `pass` and `start`; start:
    is told of everybody who gets a slot. Numbers of names are in the order of the names.
    """

    __slots__ = (
        "_agenda", "_busy", "_cluster", "_ended", "_first", "_heads", "_last", "_names", "_pass", "_planned", "_rows",
        "_start", "_start_kind", "in_progress",
    )  # fmt: skip

    def __init__(
        self,
        agenda: Agenda,
        rows: ChallengeRows,
        cluster: Cluster,
        names: int,
        kinds: tuple[int, int],
        start: Callable[[int, int], None],
    ) -> None:
        self._agenda = agenda
        self._rows = rows
        self._cluster = cluster
        self._names = names
        self._pass, self._start_kind = kinds
        self._start = start
        self._first = array("q", [NEVER]) * names
        self._last = array("q", [NEVER]) * names
        self._busy = bytearray(names)
        self._heads: list[int] = []
        self._planned = False
        self._ended = -cluster.tick
        self.in_progress = 0

    def wait(self, row: int, now: int) -> None:
        """Queue a challenge behind all others of its name."""
        rows, name = self._rows, self._rows.name[row]
        rows.follower[row] = NEVER
        if self._first[name] == NEVER:
            self._first[name] = self._last[name] = row
            if not self._busy[name]:
                self._head(name)
                self._plan(now)
        else:
            rows.follower[self._last[name]] = row
            self._last[name] = row

    def release(self, row: int, now: int) -> None:
        """Take a slot back, and let the next of that name be a head."""
        name = self._rows.name[row]
        self.in_progress -= 1
        self._busy[name] = 0
        self._head(name)
        self._plan(now)

    def run(self, now: int, _: int) -> None:
        """Pass: give slots to the oldest heads, one write after the other."""
        self._planned = False
        cluster, heads, stage = self._cluster, self._heads, self._rows.stage
        room = min(cluster.starts_per_tick, cluster.cap - self.in_progress)
        while room > 0 and heads:
            name = heappop(heads) % self._names
            row = self._first[name]
            if stage[row] != QUEUED:
                self._head(name)
                continue
            self._first[name] = self._rows.follower[row]
            self._busy[name] = 1
            self.in_progress += 1
            room -= 1
            now += cluster.write
            if cluster.write:
                self._agenda.put(now, row * KINDS + self._start_kind)
            else:
                self._start(now, row)
        self._ended = now
        self._plan(now)

    def restart(self, now: int, unstarted: Iterable[int]) -> None:
        """Begin anew: the first pass is at once, and who was chosen but not started waits again."""
        self._planned = False
        self._ended = now - self._cluster.tick
        for row in unstarted:
            name = self._rows.name[row]
            self._rows.follower[row] = self._first[name]
            self._first[name] = row
            self.release(row, now)
        self._plan(now)

    def _head(self, name: int) -> None:
        rows, row = self._rows, self._first[name]
        while row != NEVER and rows.stage[row] != QUEUED:
            row = rows.follower[row]
        self._first[name] = row
        if row != NEVER:
            heappush(self._heads, rows.queued[row] * self._names + name)

    def _plan(self, now: int) -> None:
        if not self._planned and self._heads and self.in_progress < self._cluster.cap:
            self._planned = True
            tick = self._cluster.tick
            ticks = max(1, -((self._ended - now) // tick))
            self._agenda.put(self._ended + ticks * tick, self._pass, LAST)
