"""The fleet's memory: a column for each property, a row for each challenge and each certificate request."""

from __future__ import annotations

from array import array

from scheduler.simulator.run import NEVER, Challenges, Issuances, Yields

_BLOCK = 1024
_NEVER = array("q", [NEVER]) * _BLOCK
_ZERO = array("q", [0]) * _BLOCK
_BYTES = bytes(_BLOCK)


class ChallengeRows:
    """One row a challenge.

    Beside the columns of `run.Challenges`: stage: see `fleet_moves`; outcome: what the sync under way leads
    to, writes: whether that is a write, reason: the failure that the status tells
    of, see `fleet_syncs`;
    stuck, refused, deleted: 1 for yes; tries: failed self-checks since it got its
    slot; queued: since when it waits for one; unseen: how long after it is shown it can be seen; validation: how long
    the verdict takes, verdict: its moment; follower: the next of the same name that waits. yielded: who gave a slot back
    without a verdict, when, and when it got one again; outside: which of those rows is open, by challenge.
    """

    __slots__ = (
        "checks", "count", "created", "decided", "deleted", "follower", "held", "issuance", "name", "outcome",
        "outside", "passed", "presented", "queued", "reason", "refused", "released", "stage", "started", "state", "stuck",
        "tries", "unseen", "validation", "verdict", "writes", "yielded",
    )  # fmt: skip

    def __init__(self) -> None:
        self.count = 0
        self.issuance, self.name, self.created, self.started = array("q"), array("q"), array("q"), array("q")
        self.presented, self.passed, self.decided, self.released = array("q"), array("q"), array("q"), array("q")
        self.verdict, self.follower, self.queued = array("q"), array("q"), array("q")
        self.checks, self.held, self.unseen = array("q"), array("q"), array("q")
        self.validation, self.tries = array("q"), array("q")
        self.stage, self.outcome, self.writes, self.reason = bytearray(), bytearray(), bytearray(), bytearray()
        self.stuck, self.refused, self.deleted, self.state = bytearray(), bytearray(), bytearray(), bytearray()
        self.yielded = Yields(array("q"), array("q"), array("q"))
        self.outside: dict[int, int] = {}

    def add(self, issuance: int, name: int, now: int) -> int:
        """Return a new row."""
        row = self.count
        if row == len(self.stage):
            self._grow()
        self.count = row + 1
        self.issuance[row] = issuance
        self.name[row] = name
        self.created[row] = self.queued[row] = now
        return row

    def _grow(self) -> None:
        for column in (
            *(self.issuance, self.name, self.created, self.started, self.presented, self.passed),
            *(self.decided, self.released, self.verdict, self.follower, self.queued),
        ):
            column.extend(_NEVER)
        for column in (self.checks, self.held, self.unseen, self.validation, self.tries):
            column.extend(_ZERO)
        for flags in (
            *(self.stage, self.outcome, self.writes, self.reason),
            *(self.stuck, self.refused, self.deleted, self.state),
        ):
            flags.extend(_BYTES)

    def give_back(self, row: int, now: int) -> None:
        """Take in that a challenge has no slot any more, and no verdict either."""
        self.outside[row] = len(self.yielded.challenge)
        self.yielded.challenge.append(row)
        self.yielded.yielded.append(now)
        self.yielded.taken.append(NEVER)

    def lose(self, row: int, now: int, end: int) -> None:
        """Take back what a sync that would have lasted until `end` has noted beforehand."""
        self.held[row] -= end - now
        for column in (self.presented, self.passed):
            if column[row] > now:
                column[row] = NEVER
        if self.verdict[row] - self.validation[row] > now:
            self.verdict[row] = NEVER

    def columns(self) -> Challenges:
        """Return what the run tells."""
        n = self.count
        return Challenges(
            issuance=self.issuance[:n],
            name=self.name[:n],
            created=self.created[:n],
            started=self.started[:n],
            presented=self.presented[:n],
            passed=self.passed[:n],
            decided=self.decided[:n],
            released=self.released[:n],
            checks=self.checks[:n],
            held=self.held[:n],
            state=array("q", iter(self.state[:n])),
        )


class IssuanceRows:
    """One row a certificate's request, which has one order.

    Beside the columns of `run.Issuances`: first, challenges: its rows of
    challenges; open: those without verdict; phase: see `fleet_orders`; failing: 1
    when a challenge failed; renewal: 1 when the certificate was issued before;
    spent: ACME requests.
    """

    __slots__ = (
        "attempt", "certificate", "challenges", "count", "created", "failed", "failing", "first", "issued", "open",
        "outcome", "phase", "renewal", "spent",
    )  # fmt: skip

    def __init__(self) -> None:
        self.count = 0
        self.certificate, self.created, self.issued, self.failed = array("q"), array("q"), array("q"), array("q")
        self.first = array("q")
        self.attempt, self.challenges, self.open, self.spent = array("q"), array("q"), array("q"), array("q")
        self.phase, self.failing, self.renewal, self.outcome = bytearray(), bytearray(), bytearray(), bytearray()

    def add(self, certificate: int, attempt: int, renewal: int, now: int) -> int:
        """Return a new row."""
        row = self.count
        if row == len(self.phase):
            self._grow()
        self.count = row + 1
        self.certificate[row] = certificate
        self.created[row] = now
        self.attempt[row] = attempt
        self.renewal[row] = renewal
        return row

    def _grow(self) -> None:
        for column in (self.certificate, self.created, self.issued, self.failed, self.first):
            column.extend(_NEVER)
        for column in (self.attempt, self.challenges, self.open, self.spent):
            column.extend(_ZERO)
        for flags in (self.phase, self.failing, self.renewal, self.outcome):
            flags.extend(_BYTES)

    def columns(self) -> Issuances:
        """Return what the run tells."""
        n = self.count
        return Issuances(
            certificate=self.certificate[:n],
            created=self.created[:n],
            issued=self.issued[:n],
            failed=self.failed[:n],
            attempt=self.attempt[:n],
        )
