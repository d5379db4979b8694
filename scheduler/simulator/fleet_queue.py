"""A controller's work queue and its workers, as client-go has them, over integers.

A key is in the queue at most once, and never with two workers: when it is added
while somebody works on it, it is queued again at the tail as soon as that sync
is over. The delaying queue holds each key once, at the earliest of its moments.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable, Iterable
from datetime import timedelta
from heapq import heapify, heappop, heappush

from scheduler.settings import Settings
from scheduler.simulator.fleet_occupation import Occupation
from scheduler.simulator.run import NEVER

ABSENT, WAITING, WORKING, DIRTY = range(4)
KINDS = 16
"""An event is subject * KINDS + kind."""
IDLE = -1
"""What a sync takes that has nothing to do."""
_BLOCK = 1024
_MILLISECOND = timedelta(milliseconds=1)
_FIRST_BACKOFF = Settings().min_backoff // _MILLISECOND
_LONGEST_BACKOFF = Settings().max_backoff // _MILLISECOND
AT_ONCE, AGAIN, LAST = 0, 1 << 60, 1 << 61
"""In one moment first come events, then keys that come again, then the scheduler's pass."""


class Agenda:
    """What is due when: a heap of (moment, turn and sequence, event)."""

    __slots__ = ("heap", "sequence")

    def __init__(self) -> None:
        self.heap: list[tuple[int, int, int]] = []
        self.sequence = 0

    def put(self, due: int, event: int, turn: int = AT_ONCE) -> None:
        """Add an event; those of one moment and turn come in the order in which they were put."""
        self.sequence = sequence = self.sequence + 1
        heappush(self.heap, (due, turn + sequence, event))

    def keep(self, *kinds: int) -> list[tuple[int, int, int]]:
        """Drop the events of all other kinds, and return them in their order."""
        dropped = sorted(each for each in self.heap if each[2] % KINDS not in kinds)
        self.heap[:] = [each for each in self.heap if each[2] % KINDS in kinds]
        heapify(self.heap)
        return dropped


class Controller:
    """Workers that take keys from the head of one queue.

    begin: starts a sync and returns how long it takes, IDLE when there is nothing
    to do; finish: does what comes of it, and returns whether it wrote something,
    so that the key is queued again. kinds: of the events that end a sync, and
    that bring a key again. idle: workers without a key; failures: in a row, of
    each key; syncs: how many there were; occupation: of the workers.
    """

    __slots__ = (
        "_agenda", "_begin", "_done", "_finish", "_timer", "_workers", "due", "failures", "fifo", "idle", "occupation",
        "place", "syncs",
    )  # fmt: skip

    def __init__(
        self,
        agenda: Agenda,
        kinds: tuple[int, int],
        workers: int,
        begin: Callable[[int, int], int],
        finish: Callable[[int, int], int],
    ) -> None:
        self._agenda = agenda
        self._done, self._timer = kinds
        self._workers = self.idle = workers
        self._begin = begin
        self._finish = finish
        self.failures = bytearray()
        self.due = array("q")
        self.fifo: deque[int] = deque()
        self.occupation = Occupation(workers)
        self.place = bytearray()
        self.syncs = 0

    def know(self, key: int) -> None:
        """Take in a new key, the one after the last."""
        if key == len(self.place):
            self.place.extend(bytes(_BLOCK))
            self.failures.extend(bytes(_BLOCK))
            self.due.extend(array("q", [NEVER]) * _BLOCK)

    def add(self, key: int) -> None:
        """Queue a key."""
        place = self.place
        if place[key] == ABSENT:
            place[key] = WAITING
            self.fifo.append(key)
        elif place[key] == WORKING:
            place[key] = DIRTY

    def add_after(self, key: int, now: int, wait: int) -> None:
        """Queue a key later."""
        due, earliest = now + wait, self.due[key]
        if earliest == NEVER or due < earliest:
            self.due[key] = due
            self._agenda.put(due, key * KINDS + self._timer, AGAIN)

    def failed(self, key: int, now: int) -> None:
        """Queue a key after its backoff."""
        failures = self.failures[key]
        self.failures[key] = min(failures + 1, 32)
        self.add_after(key, now, min(_FIRST_BACKOFF << failures, _LONGEST_BACKOFF))

    def drop(self, key: int) -> None:
        """Do not come back to a key."""
        self.due[key] = NEVER

    def fire(self, now: int, key: int) -> None:
        """Queue the keys whose moment in the delaying queue has come; an earlier one may have replaced it."""
        heap = self._agenda.heap
        while True:
            if self.due[key] == now:
                self.due[key] = NEVER
                self.add(key)
            if not heap or heap[0][0] != now or heap[0][2] % KINDS != self._timer:
                return
            key = heappop(heap)[2] // KINDS

    def work(self, now: int) -> None:
        """Let idle workers take keys until there is no key or no worker left."""
        fifo, place, begin, finish = self.fifo, self.place, self._begin, self._finish
        idle, syncs = self.idle, self.syncs
        while fifo and idle:
            key = fifo.popleft()
            place[key] = WORKING
            syncs += 1
            took = begin(now, key)
            if took > 0:
                idle -= 1
                self.occupation.change(now, 1)
                self._agenda.put(now + took, key * KINDS + self._done)
            elif (took == 0 and finish(now, key)) or place[key] == DIRTY:
                place[key] = WAITING
                fifo.append(key)
            else:
                place[key] = ABSENT
        self.idle, self.syncs = idle, syncs

    def end(self, now: int, key: int) -> None:
        """Take in that a sync is over."""
        self.idle += 1
        self.occupation.change(now, -1)
        if self._finish(now, key) or self.place[key] == DIRTY:
            self.place[key] = WAITING
            self.fifo.append(key)
        else:
            self.place[key] = ABSENT

    def restart(self, now: int, keys: Iterable[int]) -> None:
        """Forget everything; queue these keys."""
        n = len(self.place)
        self.fifo.clear()
        self.place[:] = bytes(n)
        self.failures[:] = bytes(n)
        self.due[:] = array("q", [NEVER]) * n
        self.idle = self._workers
        self.occupation.stop(now)
        for key in keys:
            self.add(key)
