"""Looks at one name as a solver and as the ACME server would, and keeps what every server said: `gravel check`.

An inquiry, as a validation is one. The verdicts are those of the solvers' and
the validation authority's own code; the rest is seen so that `findings`
can say why.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, TypeVar

import attrs

from acme_server.protocol.driver import Clock
from acme_server.protocol.host_port import join_host_port
from acme_server.protocol.identifier import Identifier
from acme_server.protocol.key_authorization import KeyAuthorization, dns01_name
from acme_server.protocol.vantage import Compute, DnsAnswer, Inquiry, Pause, resolve
from acme_server.settings import Settings
from acme_server.validation_authority import Attempt, validate
from gravel.check.requests import MAX_ADDRESSES, Trace, trace
from solvers.dns.zone import Zone
from solvers.dns01.authorities import Authorities
from solvers.dns01.propagation import Propagation
from solvers.dns01.provider import ZoneProvider
from solvers.dns01.queries import MAX_ALIASES, QueryError, folded
from solvers.dns01.solver import Dns01Solver
from solvers.http01.responder import Responder
from solvers.http01.solver import Http01Solver
from solvers.solver import NotReady, Presentation, Solver
from solvers.timing import TIMINGS

T = TypeVar("T")

HTTP, DNS = "http-01", "dns-01"
FAMILIES = ("A", "AAAA")
SOLVER, SERVER = "solver", "acme-server"


@attrs.frozen
class GivenValue(KeyAuthorization):
    """Of a challenge of which the TXT value is all that is known."""

    given: str = ""

    @property
    def dns_value(self) -> str:
        """What dns-01 shows."""
        return self.given


@attrs.frozen(kw_only=True)
class Plan:
    """What to look at, and from where.

    name: lower case, with its `*.`; resolvers: `HOST:PORT` of those that the
    solver asks; server_dns: of the one that the ACME server asks; key: what
    must be seen, a GivenValue where http-01 is not looked at; token: of the
    URL, where that much is known; timeout: of each question.
    """

    name: str
    types: tuple[str, ...]
    resolvers: tuple[str, ...]
    server_dns: str
    nameserver_port: int = 53
    http01_port: int = 80
    token: str | None = None
    key: KeyAuthorization | None = None
    timeout: timedelta = timedelta(seconds=5)

    @property
    def base(self) -> str:
        """The name without `*.`."""
        return self.name.removeprefix("*.")

    @property
    def servers(self) -> tuple[str, ...]:
        """Every resolver once."""
        return tuple(dict.fromkeys((*self.resolvers, self.server_dns)))

    def owner(self, challenge_type: str) -> str:
        """The name whose records matter: addresses or a TXT record."""
        return dns01_name(self.base) if challenge_type == DNS else self.base

    def expects(self, challenge_type: str) -> bool:
        """Whether something must be there; otherwise there is only something to be wrong."""
        return self.key is not None or (challenge_type == HTTP and self.token is not None)


@attrs.frozen
class View:
    """What one server says of a name; aliases: where CNAMEs led, in order; loop: they lead in a circle."""

    server: str
    name: str
    rtype: str
    answer: DnsAnswer
    aliases: tuple[str, ...] = ()
    loop: bool = False

    @property
    def final(self) -> str:
        """The name at the end of the aliases."""
        return self.aliases[-1] if self.aliases else self.name

    @property
    def values(self) -> tuple[str, ...]:
        """The values at the final name, sorted: servers shuffle them."""
        return tuple(sorted(record.value for record in self._records()))

    @property
    def ttl(self) -> int | None:
        """How long the values may be kept, in seconds."""
        return min((record.ttl for record in self._records()), default=None)

    @property
    def answered(self) -> bool:
        """Whether it says what there is, or that there is nothing."""
        return self.answer.error is None and self.answer.rcode in ("NOERROR", "NXDOMAIN") and not self.loop

    def _records(self) -> Iterable[Any]:
        wanted = (self.rtype, self.final)
        return (record for record in self.answer.records if (record.rtype, folded(record.name)) == wanted)


@attrs.frozen
class Nameserver:
    """What one address of one of the zone's nameservers says; view is None where it has no address."""

    name: str
    view: View | None = None
    serial: int | None = None

    @property
    def where(self) -> str:
        """Its name and address."""
        return f"{self.name} ({self.view.server})" if self.view else self.name


@attrs.frozen
class Check:
    """How a check ends; passed is None where nothing was expected. record: the ACME server's questions."""

    type: str
    by: str
    passed: bool | None = None
    reason: str | None = None
    record: tuple[Mapping[str, Any], ...] = ()


@attrs.frozen(kw_only=True)
class Seen:
    """All that was seen.

    zone_error: why there is no zone, or what of it could not be seen; horizons:
    the zone's nameservers as each resolver has them, where there are several.
    """

    plan: Plan
    addresses: tuple[View, ...] = ()
    texts: tuple[View, ...] = ()
    zone: str | None = None
    zone_error: str | None = None
    nameservers: tuple[Nameserver, ...] = ()
    horizons: tuple[View, ...] = ()
    traces: tuple[Trace, ...] = ()
    checks: tuple[Check, ...] = ()


def look(plan: Plan, clock: Clock) -> Inquiry[Seen]:
    """Look at everything, one question after the other."""
    return (yield from _within(_look(plan, clock), plan.timeout))


def _look(plan: Plan, clock: Clock) -> Inquiry[Seen]:
    addresses: tuple[View, ...] = ()
    texts: tuple[View, ...] = ()
    traces: tuple[Trace, ...] = ()
    for server in plan.servers:
        if HTTP in plan.types:
            for rtype in FAMILIES:
                addresses += ((yield from look_up(plan.base, rtype, server)),)
        if DNS in plan.types:
            texts += ((yield from look_up(plan.owner(DNS), "TXT", server)),)
    first = first_answer(plan, texts or addresses)
    seen = yield from _at_authorities(plan, first, Authorities(clock))
    for address in tuple(dict.fromkeys(value for view in addresses for value in view.values))[:MAX_ADDRESSES]:
        traces += ((yield from trace(plan.base, plan.token, address, plan.http01_port, first.server)),)
    horizons: tuple[View, ...] = ()
    for server in plan.servers if seen.zone and len(plan.servers) > 1 else ():
        horizons += ((yield from look_up(seen.zone or "", "NS", server)),)
    checks = yield from _checks(plan, clock)
    seen = attrs.evolve(seen, horizons=horizons, checks=checks)
    return attrs.evolve(seen, addresses=addresses, texts=texts, traces=traces)


def first_answer(plan: Plan, views: Sequence[View]) -> View:
    """Return what the first of the solver's resolvers says that answers, as a solver would take it."""
    return next((view for view in views if view.server in plan.resolvers and view.answer.error is None), views[0])


def look_up(name: str, rtype: str, server: str) -> Inquiry[View]:
    """Ask a server, and follow the aliases that it leaves to us."""
    names = [name]
    while True:
        answer = yield from resolve(names[-1], rtype, server)
        known, aliases = len(names), _aliases(answer)
        if not aliases and answer.rcode == "SERVFAIL":
            # Resolvers that met a circle of aliases say no more than that they failed.
            aliases = _aliases((yield from resolve(names[-1], "CNAME", server)))
        while names[-1] in aliases:
            target = aliases.pop(names[-1])
            names.append(target)
            if target in names[:-1]:
                return View(server, name, rtype, answer, tuple(names[1:]), loop=True)
        view = View(server, name, rtype, answer, tuple(names[1:]))
        if len(names) == known or view.values or answer.rcode == "NXDOMAIN" or len(names) > MAX_ALIASES:
            return view


def _aliases(answer: DnsAnswer) -> dict[str, str]:
    return {folded(one.name): folded(one.value) for one in answer.records if one.rtype == "CNAME"}


def _at_authorities(plan: Plan, first: View, authorities: Authorities) -> Inquiry[Seen]:
    """Find the zone as the solver does, and ask each of its nameservers at each of its addresses."""
    try:
        zone = yield from authorities.zone_of(first.final, plan.resolvers)
    except QueryError as error:
        return Seen(plan=plan, zone_error=str(error))
    try:
        hosts = yield from authorities.nameservers_of(first.final, plan.resolvers)
    except QueryError as error:
        return Seen(plan=plan, zone=zone, zone_error=str(error))
    found: list[Nameserver] = []
    for host in hosts:
        addresses: list[str] = []
        for rtype in FAMILIES:
            addresses += (yield from look_up(host, rtype, first.server)).values
        for address in addresses[:MAX_ADDRESSES]:
            at = join_host_port(address, plan.nameserver_port)
            view = yield from look_up(first.final, first.rtype, at)
            found.append(Nameserver(host, view, (yield from _serial(zone, at)) if view.answer.error is None else None))
        if not addresses:
            found.append(Nameserver(host))
    return Seen(plan=plan, zone=zone, nameservers=tuple(found))


def _serial(zone: str, server: str) -> Inquiry[int | None]:
    answer = yield from resolve(zone, "SOA", server)
    return next((int(value.split()[-5]) for value in answer.values("SOA")), None)


def _checks(plan: Plan, clock: Clock) -> Inquiry[tuple[Check, ...]]:
    """Run the solver's self-check and the ACME server's validation, where it is known what they must find."""
    if plan.key is None:
        return tuple(Check(each, by) for each in plan.types for by in (SOLVER, SERVER))
    checks: list[Check] = []
    settings = Settings(http01_port=plan.http01_port, dns=plan.server_dns, validation_timeout=plan.timeout)
    for each in plan.types:
        key = plan.key.http_body if each == HTTP else plan.key.dns_value
        readiness = yield from _solver(each, plan, clock).check(Presentation(each, plan.base, plan.key.token, key))
        reason = readiness.reason if isinstance(readiness, NotReady) else None
        checks.append(Check(each, SOLVER, reason is None, reason))
        verdict = yield from validate(Attempt(each, Identifier("dns", plan.name), plan.key, settings, clock))
        detail = verdict.problem.detail if verdict.problem else None
        checks.append(Check(each, SERVER, verdict.valid, detail, verdict.record))
    return tuple(checks)


def _solver(challenge_type: str, plan: Plan, clock: Clock) -> Solver:
    """Return cert-manager's solver, with nothing to present on."""
    if challenge_type == HTTP:
        return Http01Solver(Responder(), plan.http01_port, TIMINGS["fast"], clock, plan.resolvers)
    propagation = Propagation(plan.resolvers, Authorities(clock), port=plan.nameserver_port)
    return Dns01Solver(ZoneProvider(Zone()), propagation, TIMINGS["fast"])


def _within(inquiry: Inquiry[T], timeout: timedelta) -> Inquiry[T]:
    """Let no question wait longer."""
    try:
        question = next(inquiry)
        while True:
            if not isinstance(question, Pause | Compute):
                question = attrs.evolve(question, timeout=min(question.timeout, timeout))
            question = inquiry.send((yield question))
    except StopIteration as stop:
        result: T = stop.value
        return result
