"""The faults of one world's DNS: each query is held against the world's armed rules, as each request is.

Rules say what goes wrong (`acme_server.faults.dns_actions`), `solvers.dns` does
it; here one becomes the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from acme_server.exchange import Reply
from acme_server.faults.action import DNS, Stage
from acme_server.faults.armed import Armed, Exchange
from acme_server.faults.delivery_actions import Latency, LognormalLatency
from acme_server.faults.dns_actions import (
    CnameLoop,
    NoAnswer,
    NoData,
    Propagate,
    SendRcode,
    SetTtl,
    Shuffle,
    TruncateUdp,
)
from acme_server.faults.injection import tripped
from acme_server.faults.replies import deliver
from acme_server.protocol.driver import Clock, Entropy
from acme_server.protocol.host_port import split_host_port
from acme_server.world import World
from solvers.dns.disturbance import NEVER, Disturbance
from solvers.dns.secondary import Lag, Secondary
from solvers.dns.zone import Zone

_SEED = 8
# How many servers and rules can be late at once; more, and what is kept of them is made anew.
_MAX_SECONDARIES = 64

# What each action makes of a disturbance, but for those that need more than themselves.
_EFFECTS: Mapping[type[Any], Callable[[Any, Entropy], dict[str, Any]]] = {
    SendRcode: lambda action, _: {"rcode": action.rcode},
    NoData: lambda *_: {"no_data": True},
    CnameLoop: lambda *_: {"loop": True},
    SetTtl: lambda action, _: {"ttl": action.seconds},
    Shuffle: lambda _, entropy: {"order": entropy(_SEED)},
    NoAnswer: lambda *_: {"delay": NEVER},
    TruncateUdp: lambda *_: {"truncated": True},
    Latency: lambda action, entropy: {"delay": _wait(action, entropy)},
    LognormalLatency: lambda action, entropy: {"delay": _wait(action, entropy)},
}


class DnsFaults:
    """Says what happens to each query (`solvers.dns.disturbance.Disturb`); nothing, until it follows a world."""

    def __init__(self, zone: Zone) -> None:
        self._zone = zone
        self._world: World | None = None
        self._secondaries: dict[tuple[Lag, str], Secondary] = {}

    def follow(self, world: World, clock: Clock) -> None:
        """Suffer the faults of a world from now on, in its time."""
        self._world, self._zone.clock = world, clock
        self._secondaries.clear()

    def __call__(self, name: str, rtype: str, server: str) -> Disturbance | None:
        """Hold a query against the rules; with none armed, that is one look."""
        world = self._world
        if world is None or not world.faults.armed:
            return None
        exchange = Exchange(DNS, "QUERY", identifiers=(name,), rtype=rtype, server=self._names_of(server, name))
        subject = {"name": name, "type": rtype, "server": server}
        fired = tripped(world, exchange, Stage.AFTER, subject, self._zone.clock())
        if not fired:
            return None
        effects: dict[str, Any] = {}
        for armed in fired:
            action = armed.rule.action
            if isinstance(action, Propagate):
                effects["zone"] = self._late(world, armed, action, server)
            else:
                effects |= _EFFECTS[type(action)](action, world.entropy)
        return Disturbance(**effects)

    def _names_of(self, server: str, name: str) -> tuple[str, ...]:
        """Return all that a nameserver is called: HOST:PORT, HOST, and its names in the zone that is asked."""
        host = split_host_port(server)[0]
        return (server, host, *self._zone.nameservers_at(host, name))

    def _late(self, world: World, armed: Armed, action: Propagate, server: str) -> Zone:
        """Return the data as a server shows them that is late; servers are late independently of each other."""
        shortest = timedelta(seconds=action.seconds)
        lag = Lag(shortest, shortest)
        if action.until is not None:
            armed.seed = armed.seed or world.entropy(_SEED)
            lag = Lag(shortest, timedelta(seconds=action.until), armed.seed + server.encode())
        secondary = self._secondaries.get((lag, server))
        if secondary is None:
            if len(self._secondaries) >= _MAX_SECONDARIES:
                self._secondaries.clear()
            secondary = self._secondaries[lag, server] = Secondary(self._zone, lag)
        return secondary.at(self._zone.clock())


def _wait(action: Latency | LognormalLatency, entropy: Entropy) -> timedelta:
    delivery = deliver(Reply(0), action, entropy).delivery
    assert delivery is not None
    assert delivery.before is not None
    return delivery.before
