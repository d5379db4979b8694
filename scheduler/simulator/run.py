"""What a simulated run led to, in columns: one number a certificate, one number a challenge.

Columns are `array('q')`; moments are milliseconds from the start, and -1 stands
for what never came to be.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping

import attrs

from scheduler.simulator.scenario import Scenario

NEVER = -1


@attrs.frozen
class Issuances:
    """One row a certificate's request; a renewal is a row of its own.

    certificate: which, from 0; created; issued; failed: when its request ended
    without a certificate; attempt: 0 for the first, counting the requests that
    failed before it.
    """

    certificate: array[int]
    created: array[int]
    issued: array[int]
    failed: array[int]
    attempt: array[int]


@attrs.frozen
class Challenges:
    """One row a challenge, in the order of their creation.

    issuance: the row it belongs to; name: which DNS name (challenges with the
    same number conflict); created; started: it got a slot; presented; passed:
    its self-check did; decided: valid, invalid or errored; released: it gave
    its slot back; checks: self-checks; held: milliseconds that it held a worker;
    state: an index into STATES.
    """

    issuance: array[int]
    name: array[int]
    created: array[int]
    started: array[int]
    presented: array[int]
    passed: array[int]
    decided: array[int]
    released: array[int]
    checks: array[int]
    held: array[int]
    state: array[int]


@attrs.frozen
class Yields:
    """One row for each time that a challenge gave its slot back without a verdict (`Cluster.patience`).

    challenge: its row; yielded: when; taken: when it got a slot again.
    """

    challenge: array[int]
    yielded: array[int]
    taken: array[int]


STATES = ("", "valid", "invalid", "expired", "errored")


@attrs.frozen
class Run:
    """A run that is over.

    makespan: the moment after which nothing happened; events: how many the loop
    took; calls: ACME requests by kind (`newOrder`, `authorization`, `challenge`,
    `finalize`, `order`, `certificate`); wasted: those of them that led to no
    certificate; limits: how often each rate limit said no, by name; busy: for
    each of the workers' numbers from 0 to `workers`, how many milliseconds exactly so
    many were at work; digest: SHA-256 over all columns, so that two runs can be
    told to be the same.
    """

    scenario: Scenario
    issuances: Issuances
    challenges: Challenges
    yields: Yields
    makespan: int
    events: int
    calls: Mapping[str, int]
    wasted: int
    limits: Mapping[str, int]
    busy: tuple[int, ...]
    busy_over_time: array[int]
    """Worker-milliseconds in each `busy_bin` of the run."""
    busy_bin: int
    digest: str
