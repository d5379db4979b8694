"""The ACME server as the fleet meets it: how long a request takes, whether it is refused, and what it is counted as."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from datetime import timedelta
from random import Random

from acme_server.limit_presets import preset
from acme_server.protocol.rate_limit import Rate
from scheduler.simulator.delays import sampler
from scheduler.simulator.fleet_rows import IssuanceRows
from scheduler.simulator.scenario import Authority

CALLS = ("newOrder", "authorization", "challenge", "finalize", "order", "certificate")
NEW_ORDER, AUTHORIZATION, CHALLENGE, FINALIZE, ORDER, CERTIFICATE = range(len(CALLS))
_MILLISECOND = timedelta(milliseconds=1)


class Requests:
    """Counts requests and draws what comes of them; calls: how many of each of CALLS; errors: share of 5xx."""

    __slots__ = ("_dice", "_latency", "_spent", "calls", "errors")

    def __init__(self, authority: Authority, rows: IssuanceRows, dice: Random) -> None:
        self._latency = sampler(authority.latency, dice)
        self.errors = authority.errors
        self._dice = dice
        self._spent = rows.spent
        self.calls = [0] * len(CALLS)

    def take(self, kind: int, issuance: int) -> int:
        """Send a request; return how long it takes."""
        self.calls[kind] += 1
        self._spent[issuance] += 1
        return self._latency()

    def count(self, kind: int, issuance: int, times: int) -> None:
        """Count requests that take no time of their own."""
        self.calls[kind] += times
        self._spent[issuance] += times

    def breaks(self) -> bool:
        """Draw whether an answer is a 5xx; without errors there is no need to ask."""
        return self._dice.random() < self.errors


class Bucket:
    """One rate limit, with a bucket for each account, domain, set of names or name; in milliseconds."""

    __slots__ = ("_burst", "_full_at", "_interval")

    def __init__(self, rate: Rate) -> None:
        self._interval = rate.interval // _MILLISECOND
        self._burst = rate.burst * self._interval
        self._full_at: dict[int, int] = {}

    def retry_in(self, key: int, now: int) -> int:
        """Return how long until there is room, 0 when there is."""
        return max(0, max(self._full_at.get(key, now), now) + self._interval - self._burst - now)

    def spend(self, key: int, now: int) -> None:
        """Take one out."""
        self._full_at[key] = max(self._full_at.get(key, now), now) + self._interval


LIMITS = (
    "NewOrdersPerAccount",
    "CertificatesPerDomain",
    "CertificatesPerFQDNSet",
    "FailedAuthorizationsPerDomainPerAccount",
)
_ORDERS, _DOMAINS, _SETS, _FAILURES = LIMITS
_ACCOUNT = 0


class Limits:
    """Let's Encrypt's rate limits, as Boulder asks for them at newOrder.

    any: whether there are any, else nothing may be asked; refused: how often each said no;
    domains: the registered domain of each name. A renewal has the same set of names, which is exempt from the
    limits on orders and on domains; ARI's `replaces` is exempt from all.
    """

    def __init__(self, name: str, domains: Sequence[int], ari: bool) -> None:
        rates = preset(name)
        self._buckets = {limit: Bucket(rates[limit]) for limit in LIMITS if limit in rates}
        self.any = bool(self._buckets)
        self._domains = domains
        self._ari = ari
        self._sets: dict[tuple[int, ...], int] = {}
        self.refused = dict.fromkeys(LIMITS, 0)

    def refuse(self, names: array[int], renewal: int, now: int) -> bool:
        """Ask for a new order; where several limits say no, the one that resets last is told."""
        worst, wait = "", 0
        for limit, key in self._asked(names, renewal):
            retry_in = self._buckets[limit].retry_in(key, now)
            if retry_in > wait:
                worst, wait = limit, retry_in
        if wait:
            self.refused[worst] += 1
            return True
        if not renewal:
            self._buckets[_ORDERS].spend(_ACCOUNT, now)
        return False

    def issued(self, names: array[int], renewal: int, now: int) -> None:
        """Take in that a certificate was issued."""
        for limit, key in self._asked(names, renewal):
            if limit in (_DOMAINS, _SETS):
                self._buckets[limit].spend(key, now)

    def failed(self, name: int, now: int) -> None:
        """Take in that a validation failed."""
        self._buckets[_FAILURES].spend(name, now)

    def _asked(self, names: array[int], renewal: int) -> list[tuple[str, int]]:
        if renewal and self._ari:
            return []
        asked = [(_SETS, self._sets.setdefault(tuple(sorted(names)), len(self._sets)))]
        asked += [(_FAILURES, name) for name in names]
        if not renewal:
            asked.append((_ORDERS, _ACCOUNT))
            asked += [(_DOMAINS, domain) for domain in dict.fromkeys(self._domains[name] for name in names)]
        return asked
