"""What is told of one world: its journal folded, and what it holds now."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping

import attrs

from acme_server.orders import Order, status_of
from acme_server.protocol.status import OrderStatus
from acme_server.served import OTHER
from acme_server.store import authorizations_of
from acme_server.worlds import HostedWorld
from gravel.chaos.experiments import EXPERIMENTS, experiment_of
from gravel.dns_view import DnsView
from gravel.metrics.facts import OF_WORLDS, endpoint_of
from gravel.metrics.family import Family, Labels, Reading, Samples, Value
from gravel.metrics.fold import Fold

HTTP_REQUESTS = Family(
    "gravel_http_requests_total", "counter", "Requests to the ACME server.", ("method", "endpoint", "status")
)
HTTP_TIME = Family(
    "gravel_http_request_duration_seconds",
    "histogram",
    "Until the reply to a request was made: neither its way through the network nor a fault's delay.",
    ("endpoint",),
)
DNS_QUESTIONS = Family(
    "gravel_dns_questions_total", "counter", "Messages that the DNS answered.", ("opcode", "type", "rcode")
)
ORDERS_NOW = Family("gravel_orders", "gauge", "Orders there are, by status (RFC 8555 section 7.1.6).", ("status",))
NONCES = Family("gravel_nonces", "gauge", "Nonces that were issued and not used yet.")
REFUSALS = Family("gravel_rate_limit_refusals_total", "counter", "What a rate limit refused.", ("limit",))
PAUSED = Family("gravel_paused_identifiers", "gauge", "Identifiers that a rate limit has paused for an account.")
ARMED = Family("gravel_faults_armed", "gauge", "Rules of faults that are armed.")
EXPERIMENTS_ON = Family("gravel_chaos_armed", "gauge", "1 for an experiment that was begun.", ("experiment",))
JOURNAL = Family("gravel_journal_entries_total", "counter", "Facts that were written.")
CLOCK = Family("gravel_world_time_seconds", "gauge", "The world's clock, which may stand still or jump.")
# Orders that are looked at before others have their turn.
_ORDERS = 1000


def in_world(family: Family) -> Family:
    """Return a family with the label `world`."""
    return attrs.evolve(family, labels=("world", *family.labels))


FAMILIES: Mapping[Family, Family] = {
    family: in_world(family)
    for family in (
        HTTP_REQUESTS,
        HTTP_TIME,
        *OF_WORLDS,
        ORDERS_NOW,
        NONCES,
        REFUSALS,
        PAUSED,
        ARMED,
        EXPERIMENTS_ON,
        DNS_QUESTIONS,
        JOURNAL,
        CLOCK,
    )
}


async def read_world(hosted: HostedWorld[DnsView], fold: Fold) -> list[Reading]:
    """Return what is told of a world; fold: its journal's, up to date."""
    world = hosted.world
    orders = await _orders(hosted)
    begun = {experiment_of(rule_id) for rule_id in world.faults.armed}
    told: dict[Family, Samples] = {
        **dict(fold.readings),
        HTTP_REQUESTS: _requests(world.served.requests),
        HTTP_TIME: {(endpoint_of(route),): times for route, times in world.served.times.items()},
        ORDERS_NOW: orders,
        NONCES: {(): len(world.nonces)},
        REFUSALS: {(name,): count for name, count in world.limits.refusals.items()},
        PAUSED: {(): len(world.limits.paused)},
        ARMED: {(): len(world.faults.armed)},
        EXPERIMENTS_ON: {(name,): name in begun for name in EXPERIMENTS},
        DNS_QUESTIONS: _questions(hosted.view),
        JOURNAL: {(): len(world.journal)},
        CLOCK: {(): hosted.driver.now().timestamp()},
    }
    return [
        (named, {(world.id, *labels): value for labels, value in told[family].items()})
        for family, named in FAMILIES.items()
    ]


def _requests(requests: Mapping[tuple[str, str, int], int]) -> Mapping[Labels, Value]:
    return {(method, endpoint_of(route), str(status)): count for (method, route, status), count in requests.items()}


def _questions(view: DnsView) -> Mapping[Labels, Value]:
    """Count what has no name together: strangers may ask for any of 65,536 types."""
    counts: Counter[Labels] = Counter()
    for (opcode, rtype, rcode), count in view.zone.tally.items():
        counts[opcode, OTHER if rtype.startswith("TYPE") else rtype, rcode] += count
    return counts


async def _orders(hosted: HostedWorld[DnsView]) -> Mapping[Labels, Value]:
    """Count by status; there may be many, and others have their turn meanwhile."""
    counts = dict.fromkeys(OrderStatus, 0)
    store, now = hosted.world.store, hosted.driver.now()
    for number, order in enumerate(store.all(Order), 1):
        stage = order.stage
        if stage is OrderStatus.PENDING:
            stage = status_of(order, authorizations_of(store, order), now)
        counts[stage] += 1
        if number % _ORDERS == 0:
            await asyncio.sleep(0)
    return {(status.value,): count for status, count in counts.items()}
