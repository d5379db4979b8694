"""What can be wrong with the servers, the zone and the addresses of a name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from acme_server.excerpt import excerpt
from acme_server.protocol.vantage import REFUSED, TIMEOUT
from gravel.check.looking import DNS, FAMILIES, HTTP, Seen, View, first_answer
from gravel.check.rules import NETWORK, RESOLVER, ZONE, Blocks, Found, Rule

_SILENCE: Mapping[str, str] = {TIMEOUT: "does not answer in time", REFUSED: "has nobody listening there"}


def views(seen: Seen, challenge_type: str) -> Iterator[tuple[str, View]]:
    """Return what was said by whom: resolvers, and the zone's nameservers where they were asked for this type."""
    for view in seen.texts if challenge_type == DNS else seen.addresses:
        yield f"resolver {view.server}", view
    if asked_type(seen) == challenge_type:
        yield from ((each.where, each.view) for each in seen.nameservers if each.view)


def asked_type(seen: Seen) -> str:
    """Return the type that the nameservers were asked for."""
    return DNS if DNS in seen.plan.types else HTTP


def _loops(seen: Seen, challenge_type: str) -> Found:
    for where, view in views(seen, challenge_type):
        if view.loop:
            yield where, f"the aliases of {view.name} lead in a circle: {' -> '.join((view.name, *view.aliases))}"


def _nowhere(seen: Seen, challenge_type: str) -> Found:
    for where, view in views(seen, challenge_type):
        if view.answered and view.answer.rcode == "NXDOMAIN" and view.final != seen.plan.owner(challenge_type):
            asked = seen.plan.owner(challenge_type)
            yield where, f"{asked} is an alias of {view.final}, which does not exist (NXDOMAIN)"


def _rcodes(seen: Seen, challenge_type: str, *rcodes: str) -> Found:
    for where, view in views(seen, challenge_type):
        rcode = view.answer.rcode
        if view.answer.error is None and not view.loop and (rcode in rcodes or (not rcodes and _odd(rcode))):
            yield where, f"{rcode} looking up {view.rtype} for {view.final}"


def _odd(rcode: str) -> bool:
    return rcode not in ("NOERROR", "NXDOMAIN", "SERVFAIL", "REFUSED")


def _silent_resolver(seen: Seen, challenge_type: str) -> Found:
    for view in seen.texts if challenge_type == DNS else seen.addresses:
        if view.answer.error is not None:
            yield f"resolver {view.server}", f"the resolver {_silence(view)}"


def _silence(view: View) -> str:
    error = str(view.answer.error)
    return _SILENCE.get(error, f"fails: {error}")


def _silent_nameserver(seen: Seen, challenge_type: str, *, wholly: bool) -> Found:
    if asked_type(seen) != challenge_type:
        return
    for each in seen.nameservers:
        mine = [other.view for other in seen.nameservers if other.name == each.name and other.view]
        speaks = any(view.answer.error is None for view in mine)
        if each.view and each.view.answer.error is not None and speaks != wholly:
            yield each.where, f"a nameserver of {seen.zone} {_silence(each.view)}"


def _no_zone(seen: Seen, challenge_type: str) -> Found:
    # Who says nothing of the name itself has been told about already.
    first = first_answer(seen.plan, seen.texts or seen.addresses)
    if seen.zone_error is not None and first.answered and asked_type(seen) == challenge_type:
        yield seen.zone or seen.plan.base, seen.zone_error


def _no_nameserver_address(seen: Seen, challenge_type: str) -> Found:
    if asked_type(seen) == challenge_type:
        yield from (
            (each.name, f"a nameserver of {seen.zone} has no address") for each in seen.nameservers if not each.view
        )


def _nxdomain(seen: Seen, challenge_type: str) -> Found:
    for where, view in views(seen, challenge_type):
        if view.answered and view.answer.rcode == "NXDOMAIN" and view.final == seen.plan.base:
            yield where, f"{view.name} does not exist (NXDOMAIN)"


def _no_address(seen: Seen, challenge_type: str) -> Found:
    del challenge_type
    for server in seen.plan.servers:
        mine = [view for view in seen.addresses if view.server == server]
        if mine and all(view.answered and view.answer.rcode == "NOERROR" and not view.values for view in mine):
            yield f"resolver {server}", f"{mine[0].final} has no A or AAAA record"


def _split(seen: Seen, challenge_type: str) -> Found:
    del challenge_type
    for rtype in FAMILIES:
        yield from differences([view for view in seen.addresses if view.rtype == rtype])


def differences(mine: Sequence[View]) -> Found:
    """Say what resolvers that answer a question differently say."""
    answering = [view for view in mine if view.answered]
    if len({view.values for view in answering}) > 1:
        for view in answering:
            said = ", ".join(value if view.rtype in FAMILIES else excerpt(value) for value in view.values) or "nothing"
            yield f"resolver {view.server}", f"resolvers differ: {view.rtype} of {view.name} is {said} at {view.server}"


def _only(*rcodes: str) -> Callable[[Seen, str], Found]:
    return lambda seen, challenge_type: _rcodes(seen, challenge_type, *rcodes)


_REACH_53 = "open UDP and TCP to it; cert-manager: --dns01-recursive-nameservers-only asks only resolvers"
ONE_VIEW = "have all resolvers give what the internet sees"
_NEVER = Blocks.NEVER
_HTTP = (HTTP,)

DNS_RULES: tuple[Rule, ...] = (
    Rule("alias-loop", ZONE, "remove one of the CNAME records", _loops),
    Rule("alias-to-nowhere", ZONE, "create what the CNAME names, or remove it", _nowhere, Blocks.EXPECTED, (DNS,)),
    Rule("alias-to-nowhere", ZONE, "create what the CNAME names, or remove it", _nowhere, types=_HTTP),
    Rule("nxdomain", ZONE, "create an A or AAAA record, and look at the spelling", _nxdomain, types=_HTTP),
    Rule("no-address", ZONE, "create an A or AAAA record", _no_address, types=_HTTP),
    Rule(
        "servfail", ZONE, "ask its nameservers one by one; see to lame delegation and broken DNSSEC", _only("SERVFAIL")
    ),
    Rule(
        "refused", ZONE, "ask a server that serves this zone, or a resolver that takes our questions", _only("REFUSED")
    ),
    Rule("rcode", ZONE, "read the server's log", _only()),
    Rule("resolver-silent", RESOLVER, "look at address, port and firewall; name another with --dns", _silent_resolver),
    Rule("no-zone", ZONE, "look at the delegation and the SOA and NS records; cert-manager needs them", _no_zone),
    Rule("nameserver-without-address", ZONE, "give the name of the nameserver an address", _no_nameserver_address),
    Rule("nameserver-silent", NETWORK, _REACH_53, partial(_silent_nameserver, wholly=True)),
    Rule("nameserver-address-silent", NETWORK, _REACH_53, partial(_silent_nameserver, wholly=False), _NEVER),
    Rule("split-horizon", ZONE, ONE_VIEW, _split, _NEVER, _HTTP),
)
