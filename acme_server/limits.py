"""A world's rate limits: which request takes from which bucket, where Boulder counts it.

Off, and free, until there is a rate. Names, keys and texts are Boulder's
(ratelimits/), the first seven from the authority and answered with 429; the
others are those of Let's Encrypt's load balancer, answered with 503.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import attrs

from acme_server.orders import Order
from acme_server.protocol.identifier import Identifier
from acme_server.protocol.problem import Problem
from acme_server.protocol.rate_limit import Decision, Rate, spend

HELP = "https://letsencrypt.org/docs/rate-limits"
ACCOUNTS, ACCOUNTS_48 = "NewRegistrationsPerIPAddress", "NewRegistrationsPerIPv6Range"
ORDERS = "NewOrdersPerAccount"
FAILURES = "FailedAuthorizationsPerDomainPerAccount"
PAUSING = "FailedAuthorizationsForPausingPerDomainPerAccount"
DOMAIN, EXACT_SET = "CertificatesPerDomain", "CertificatesPerFQDNSet"

# Limit -> what a client is told, and the part of the documentation that explains it.
_TEXTS: Mapping[str, tuple[str, str]] = {
    ACCOUNTS: ("new registrations ({burst}) from this IP address", "new-registrations-per-ip-address"),
    ACCOUNTS_48: (
        "new registrations ({burst}) from this /48 subnet of IPv6 addresses",
        "new-registrations-per-ipv6-range",
    ),
    ORDERS: ("new orders ({burst}) from this account", "new-orders-per-account"),
    FAILURES: ('failed authorizations ({burst}) for "{key}"', "authorization-failures-per-identifier-per-account"),
    DOMAIN: ('certificates ({burst}) already issued for "{key}"', "new-certificates-per-registered-domain"),
    EXACT_SET: (
        "certificates ({burst}) already issued for this exact set of identifiers",
        "new-certificates-per-exact-set-of-identifiers",
    ),
}
# The load balancer's limits: the route's pattern -> the limit; all other routes share one.
BALANCER: Mapping[str, str] = {
    "/dir": "DirectoryRequestsPerIPAddress",
    "/nonce": "NewNonceRequestsPerIPAddress",
    "/new-account": "NewAccountRequestsPerIPAddress",
    "/new-order": "NewOrderRequestsPerIPAddress",
    "/revoke-cert": "RevokeCertRequestsPerIPAddress",
    "/renewal-info/{certid}": "RenewalInfoRequestsPerIPAddress",
}
OTHERS = "OtherRequestsPerIPAddress"
NAMES: tuple[str, ...] = (*_TEXTS, PAUSING, *BALANCER.values(), OTHERS)
# Buckets that are full again are forgotten when there are more than this.
_MANY = 65536

Bucket = tuple[str, str]
"""A limit and whose it is."""


@attrs.define
class Limits:
    """The rates, and how full the buckets are.

    suffixes: names that are public suffixes, beside those of one label: what is
    one label below them is a registered domain. The list that Boulder has is
    not here: it changes every week, and tests name few.
    """

    rates: Mapping[str, Rate] = attrs.field(factory=dict)
    suffixes: tuple[str, ...] = ()
    buckets: dict[Bucket, datetime] = attrs.field(factory=dict, repr=False)
    paused: dict[Bucket, datetime] = attrs.field(factory=dict, repr=False)
    issued: dict[str, None] = attrs.field(factory=dict, repr=False)
    # How often each limit refused something; no part of the state.
    refusals: dict[str, int] = attrs.field(factory=dict, repr=False)

    def copy(self) -> Limits:
        """Return the same, which goes its own way."""
        copied = (dict(self.buckets), dict(self.paused), dict(self.issued))
        return Limits(self.rates, self.suffixes, *copied, self.refusals)

    def reset(self) -> None:
        """Fill all buckets, let the paused go on, and forget what was issued."""
        self.buckets.clear()
        self.paused.clear()
        self.issued.clear()

    def ask(self, wanted: Iterable[Bucket], now: datetime) -> dict[Bucket, datetime]:
        """Return what the buckets are when one is taken from each; Problem where one is empty: of several, the last."""
        decisions = {bucket: self._decide(bucket, now) for bucket in wanted if bucket[0] in self.rates}
        refused = [(decision.retry_in, bucket) for bucket, decision in decisions.items() if not decision.allowed]
        if refused:
            retry_in, (name, key) = max(refused)
            self.refusals[name] = self.refusals.get(name, 0) + 1
            raise _too_many(name, key, self.rates[name], retry_in, now)
        return {bucket: decision.full_at for bucket, decision in decisions.items()}

    def take(self, asked: Mapping[Bucket, datetime], now: datetime) -> None:
        """Take what was asked for."""
        self.buckets.update(asked)
        if len(self.buckets) > _MANY:
            for bucket in [bucket for bucket, full_at in self.buckets.items() if full_at <= now]:
                del self.buckets[bucket]

    def count(self, buckets: Iterable[Bucket], now: datetime) -> None:
        """Take one from each that is not empty, whatever comes of it: what happened cannot be refused any more."""
        self.take({bucket: self._decide(bucket, now).full_at for bucket in buckets if bucket[0] in self.rates}, now)

    def _decide(self, bucket: Bucket, now: datetime) -> Decision:
        return spend(self.rates[bucket[0]], self.buckets.get(bucket), now)


def check_balancer(limits: Limits, pattern: str, peer: str, now: datetime) -> None:
    """Count any request to a route; Problem 503 where there are too many."""
    bucket = (BALANCER.get(pattern, OTHERS), peer)
    try:
        limits.take(limits.ask([bucket], now), now)
    except Problem as problem:
        raise attrs.evolve(problem, detail="Service busy; retry later.", status=503) from None


def ask_new_account(limits: Limits, peer: str, now: datetime) -> Mapping[Bucket, datetime]:
    """What an account that is about to be created takes."""
    wanted = [(ACCOUNTS, peer)]
    address = _address(peer)
    if isinstance(address, IPv6Address):
        wanted.append((ACCOUNTS_48, str(ip_network((address, 48), strict=False))))
    return limits.ask(wanted, now)


def ask_new_order(limits: Limits, order: Order, now: datetime) -> Mapping[Bucket, datetime]:
    """What an order takes: one of the account's. The other buckets are only looked into, they count certificates.

    An order that replaces a certificate is exempt from all (RFC 9773), one for names that had a certificate
    together from all but the exact set and failed authorizations.
    """
    for identifier in order.identifiers:
        if (order.account_id, identifier.base.value) in limits.paused:
            raise _is_paused(identifier)
    if order.replaces is not None:
        return {}
    ours: list[Bucket] = []
    looked_into: list[Bucket] = [
        *((FAILURES, f"{order.account_id}:{identifier.base.value}") for identifier in order.identifiers),
        (EXACT_SET, _set_key(order)),
    ]
    if _set_key(order) not in limits.issued:
        ours = [(ORDERS, order.account_id)]
        looked_into += _domains(limits, order)
    asked = limits.ask((*ours, *looked_into), now)
    return {bucket: asked[bucket] for bucket in ours if bucket in asked}


def count_certificate(limits: Limits, order: Order, now: datetime) -> None:
    """A certificate was issued."""
    known = _set_key(order) in limits.issued or order.replaces is not None
    limits.count([(EXACT_SET, _set_key(order)), *(() if known else _domains(limits, order))], now)
    limits.issued[_set_key(order)] = None


def count_validation(limits: Limits, account_id: str, identifier: Identifier, valid: bool, now: datetime) -> bool:
    """A validation ended; return whether it was the failure that pauses the account's orders for the name."""
    key = f"{account_id}:{identifier.value}"
    if valid:
        limits.buckets.pop((PAUSING, key), None)
        return False
    limits.count([(FAILURES, key)], now)
    rate = limits.rates.get(PAUSING)
    place = (account_id, identifier.value)
    if rate is None or place in limits.paused:
        return False
    decision = spend(rate, limits.buckets.get((PAUSING, key)), now)
    limits.buckets[PAUSING, key] = decision.full_at
    if not decision.allowed:
        limits.paused[place] = now
    return not decision.allowed


def registered_domain(name: str, suffixes: Iterable[str] = ()) -> str:
    """Return one label more than the longest public suffix of a name, which by default is its last label."""
    longest = max((suffix.count(".") + 1 for suffix in suffixes if f".{name}".endswith(f".{suffix}")), default=1)
    return ".".join(name.split(".")[-longest - 1 :])


def _domains(limits: Limits, order: Order) -> list[Bucket]:
    return list(dict.fromkeys((DOMAIN, _domain(limits, identifier)) for identifier in order.identifiers))


def _domain(limits: Limits, identifier: Identifier) -> str:
    """An address counts as itself, of IPv6 its /64 (RFC 8738)."""
    if identifier.type == "dns":
        return registered_domain(identifier.base.value, limits.suffixes)
    address = _address(identifier.value)
    return str(ip_network((address, 64), strict=False)) if isinstance(address, IPv6Address) else identifier.value


def _set_key(order: Order) -> str:
    return ",".join(sorted(identifier.value for identifier in order.identifiers))


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (isinstance(address, IPv6Address) and address.ipv4_mapped) or address


def _too_many(name: str, key: str, rate: Rate, retry_in: timedelta, now: datetime) -> Problem:
    what, anchor = _TEXTS.get(name, ("requests ({burst})", ""))
    moment = (now + retry_in).strftime("%Y-%m-%d %H:%M:%S UTC")
    text = what.format(burst=rate.burst, key=key.partition(":")[2] if name == FAILURES else key)
    detail = f"too many {text} in the last {_go_duration(rate.period)}, retry after {moment}: see {HELP}/#{anchor}"
    headers = (("Retry-After", str(math.ceil(retry_in.total_seconds()))), ("Link", f'<{HELP}>;rel="help"'))
    return Problem("rateLimited", detail, headers=headers)


def _is_paused(identifier: Identifier) -> Problem:
    detail = (
        f"Your account is temporarily prevented from requesting certificates for {identifier.value} "
        "and possibly others: every validation failed. POST /rate-limits/reset at the management API ends that"
    )
    return Problem("rateLimited", detail, headers=(("Link", f'<{HELP}>;rel="help"'),))


def _go_duration(period: timedelta) -> str:
    """Write a duration as Boulder does, say 168h0m0s."""
    minutes, seconds = divmod(period.total_seconds(), 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}h{minutes}m{seconds:g}s" if hours else f"{minutes}m{seconds:g}s" if minutes else f"{seconds:g}s"
