"""What is simulated: certificates that arrive, the world that they meet, and the cluster's knobs.

Every duration and moment is a whole number of milliseconds; a moment counts
from the start of the run. A share is a probability from 0 to 1.
"""

from __future__ import annotations

from enum import StrEnum

import attrs

from scheduler.simulator.delays import NOTHING, ONE_SECOND, Delay

SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


class Arrival(StrEnum):
    """When the certificates' requests are created."""

    BURST = "burst"
    """All at once, at 0."""
    TRICKLE = "trickle"
    """At random moments of `over`, as a Poisson process does."""
    WAVE = "wave"
    """At even distances over `over`."""
    GIVEN = "given"
    """At `moments`."""


@attrs.frozen
class Arrivals:
    """When requests come; `over` for a trickle and a wave, `moments` (one a certificate) when they are given."""

    law: Arrival = Arrival.BURST
    over: int = HOUR
    moments: tuple[int, ...] = ()


@attrs.frozen
class Names:
    """What the certificates are for.

    per_certificate: names of each, every one with a challenge of its own;
    wildcards: share of the certificates that ask for an apex and its wildcard,
    two challenges that conflict; shared: share of the names that another
    certificate asks for as well; given: the DNS names, one a certificate, when
    they are known (`*.` in front makes it a wildcard).
    """

    per_certificate: int = 1
    wildcards: float = 0.0
    shared: float = 0.0
    given: tuple[str, ...] = ()


@attrs.frozen
class Solver:
    """How the challenges' answers are shown and looked for.

    type: `HTTP-01` or `DNS-01`; present: how long showing takes; propagation:
    from shown to seen, drawn for each of `nameservers`, all of which must see it;
    check: how long one self-check takes that fails; settle: how long after a
    check that passes the worker goes on holding on (None: 8 s for HTTP-01's
    five passes, 60 s for DNS-01); wait_instead: `waitInsteadOfSelfCheck`;
    present_fails, check_fails: share of the attempts that fail all the same;
    stuck: share of the challenges that nobody will ever see; stuck_names: those of
    `Names.given` that nobody will ever see.
    """

    type: str = "HTTP-01"
    present: Delay = NOTHING
    propagation: Delay = NOTHING
    nameservers: int = 1
    check: Delay = NOTHING
    settle: int | None = None
    wait_instead: int | None = None
    present_fails: float = 0.0
    check_fails: float = 0.0
    stuck: float = 0.0
    stuck_names: tuple[str, ...] = ()


@attrs.frozen
class Authority:
    """The ACME server.

    latency: of every request; validation: from the accepted challenge to the
    verdict; finalize: from finalize to the certificate; invalid: share of the
    challenges that it refuses; errors: share of its answers that are 5xx;
    limits: `none` or `letsencrypt` (new orders an account: 300 in 3 hours;
    certificates a registered domain, the same set of names, failed validations:
    50 and 5 a week, 5 an hour), with Retry-After.
    """

    latency: Delay = NOTHING
    validation: Delay = ONE_SECOND
    finalize: Delay = NOTHING
    invalid: float = 0.0
    errors: float = 0.0
    limits: str = "none"


@attrs.frozen
class Cluster:
    """cert-manager and its knobs.

    cap: `--max-concurrent-challenges`; workers: `--concurrent-workers`, of each
    controller; starts_per_tick and tick: the scheduler's pass; retry_period:
    `--dns01-check-retry-period`; authorization_wait: None is the version's own;
    version: whose rules hold (`scheduler.versions`); write: how long one write to
    the Kubernetes API takes; patience: after so many failed self-checks a
    challenge gives its slot back and queues again (None: never, as upstream);
    first_retry, longest_retry: of a Certificate whose request failed, doubled
    each time; restarts: moments at which the controller begins anew.
    """

    cap: int = 60
    workers: int = 5
    starts_per_tick: int = 20
    tick: int = SECOND
    retry_period: int = 10 * SECOND
    authorization_wait: int | None = None
    version: str = "1.21"
    write: int = 0
    patience: int | None = None
    first_retry: int = HOUR
    longest_retry: int = 32 * HOUR
    restarts: tuple[int, ...] = ()


@attrs.frozen
class Renewals:
    """Whether certificates are renewed: `lifetime` long, again `before` its end; ari: the server says when, spread over a window."""

    lifetime: int = 90 * DAY
    before: int = 30 * DAY
    ari: bool = False


@attrs.frozen
class Scenario:
    """One question; the same scenario gives the same run.

    until: the moment at which the run ends, whatever is left (None: when nothing
    happens any more but looking for what nobody will ever see; with renewals it is needed).
    """

    certificates: int
    seed: int = 0
    name: str = ""
    arrivals: Arrivals = Arrivals()
    names: Names = Names()
    solver: Solver = Solver()
    authority: Authority = Authority()
    cluster: Cluster = Cluster()
    renewals: Renewals | None = None
    until: int | None = None
