"""What can be wrong with the TXT record of dns-01: it is missing, late, kept by a cache, or another value."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator, Mapping

from acme_server.excerpt import excerpt
from gravel.check.dns_rules import ONE_VIEW, differences, views
from gravel.check.looking import DNS, Nameserver, Plan, Seen, View
from gravel.check.rules import CLIENT, NOBODY, ZONE, Blocks, Found, Rule
from solvers.dns01.queries import folded

# Resolvers of certificate authorities keep less (Boulder's: a minute), those of clusters what they are told.
LONG_TTL = 3600
_DIGEST = re.compile(r"[\w-]{43}", re.ASCII)
_KEY_AUTHORIZATION = re.compile(r"[\w-]{16,}\.[\w-]{43}", re.ASCII)


def _nxdomain(seen: Seen, challenge_type: str) -> Found:
    del challenge_type
    for where, view in _lacking(seen):
        if view.answer.rcode == "NXDOMAIN" and view.final == seen.plan.owner(DNS):
            yield where, f"{view.name} does not exist (NXDOMAIN)"


def _no_record(seen: Seen, challenge_type: str) -> Found:
    del challenge_type
    for where, view in _lacking(seen):
        if view.answer.rcode == "NOERROR" and not view.values:
            yield where, f"there is no TXT record at {view.final}"


def _lacking(seen: Seen) -> Iterator[tuple[str, View]]:
    """Return who answers without the value that is expected, and is not late, no cache and in no other zone."""
    key = seen.plan.key
    if key is None:
        return
    explained = [each.where for each in _late(seen)]
    explained += [f"resolver {server}" for server in (seen.plan.servers if _propagated(seen) else _elsewhere(seen))]
    for where, view in views(seen, DNS):
        if view.answered and key.dns_value not in view.values and where not in explained:
            yield where, view


def _elsewhere(seen: Seen) -> dict[str, tuple[str, ...]]:
    """Return the resolvers that have the zone at other nameservers than the solver's, and those."""
    found = {
        view.server: tuple(sorted(folded(value) for value in view.values))
        for view in seen.horizons
        if view.answered and view.values
    }
    usual = next((found[server] for server in seen.plan.resolvers if server in found), ())
    return {server: hosts for server, hosts in found.items() if hosts != usual}


def _other_nameservers(seen: Seen, challenge_type: str) -> Found:
    del challenge_type
    key, elsewhere = seen.plan.key, _elsewhere(seen)
    for view in seen.texts:
        if key is not None and view.server in elsewhere and view.answered and key.dns_value not in view.values:
            hosts = ", ".join(elsewhere[view.server])
            yield f"resolver {view.server}", f"the value is not seen where the resolver has {seen.zone}: at {hosts}"


def _answering(seen: Seen) -> list[tuple[Nameserver, View]]:
    return [(each, each.view) for each in seen.nameservers if each.view and each.view.answered]


def _late(seen: Seen) -> list[Nameserver]:
    """Return the nameservers that do not show what others show already."""
    answering = _answering(seen)
    if len({view.values for _, view in answering}) < 2:
        return []
    key = seen.plan.key
    if key is not None:
        late = [each for each, view in answering if key.dns_value not in view.values]
        return late if len(late) < len(answering) else []
    newest = max(each.serial or 0 for each, _ in answering)
    older = [each for each, _ in answering if (each.serial or 0) < newest]
    return older or [each for each, view in answering if view.values != answering[0][1].values]


def _propagated(seen: Seen) -> bool:
    """Whether every nameserver shows what is expected."""
    key, shown = seen.plan.key, [each.view for each in seen.nameservers if each.view]
    return key is not None and bool(shown) and all(key.dns_value in view.values for view in shown)


def _stale(seen: Seen, challenge_type: str) -> Found:
    del challenge_type
    late = _late(seen)
    newest = max((each.serial or 0 for each, _ in _answering(seen)), default=0)
    for each in late:
        serials = f"its SOA serial is {each.serial}, the newest {newest}"
        same = f"all have the SOA serial {newest}, so that no transfer will come"
        yield each.where, f"{each.name} does not show what others show: {same if each.serial == newest else serials}"


def _cached(seen: Seen, challenge_type: str) -> Found:
    del challenge_type
    key = seen.plan.key
    if key is None or not _propagated(seen):
        return
    elsewhere = _elsewhere(seen)
    for view in seen.texts:
        if view.server not in elsewhere and view.answered and key.dns_value not in view.values:
            kept = f"for {view.ttl} s more" if view.ttl is not None else "that there was none"
            yield (
                f"resolver {view.server}",
                f"the nameservers show the value; the resolver keeps what was before, {kept}",
            )


def _serials(seen: Seen, challenge_type: str) -> Found:
    del challenge_type
    serials = sorted({each.serial for each, _ in _answering(seen) if each.serial is not None})
    if len(serials) > 1 and not _late(seen):
        for each, _ in _answering(seen):
            yield (
                each.where,
                f"the nameservers of {seen.zone} have different SOA serials: {', '.join(map(str, serials))}",
            )


def _long_ttl(seen: Seen, challenge_type: str) -> Found:
    del challenge_type
    for where, view in views(seen, DNS):
        if view.ttl is not None and view.ttl > LONG_TTL:
            yield (
                where,
                f"the TXT record may be kept for {view.ttl} s, so that resolvers go on showing it when it changes",
            )


def _split(seen: Seen, challenge_type: str) -> Found:
    """Resolvers disagree, and neither a late nameserver nor a cache says why."""
    del challenge_type
    if not (_late(seen) or _propagated(seen)):
        yield from differences(seen.texts)


def _is_key_authorization(value: str, plan: Plan) -> bool:
    return _KEY_AUTHORIZATION.fullmatch(value) is not None or (plan.key is not None and value == plan.key.http_body)


def _is_quoted(value: str, plan: Plan) -> bool:
    del plan
    return len(value) > 1 and value.startswith('"') and value.endswith('"')


def _is_spaced(value: str, plan: Plan) -> bool:
    expected = plan.key is not None and value.strip() == plan.key.dns_value
    return value != value.strip() and (expected or _DIGEST.fullmatch(value.strip()) is not None)


def _is_otherwise_encoded(value: str, plan: Plan) -> bool:
    expected = plan.key.dns_value if plan.key else ""
    if not _DIGEST.fullmatch(expected):
        return False
    digest = base64.urlsafe_b64decode(expected + "=")
    forms = (expected, base64.b64encode(digest).decode("ascii").rstrip("="))
    return value.rstrip("=") in forms or value.lower() == digest.hex()


def _is_of_another_challenge(value: str, plan: Plan) -> bool:
    return plan.key is not None and _DIGEST.fullmatch(value) is not None


# What a TXT value is that is not the expected one: the first that fits.
_KINDS: Mapping[str, tuple[Callable[[str, Plan], bool], str]] = {
    "key-authorization": (_is_key_authorization, "is a key authorization, not the digest of one"),
    "quotes": (_is_quoted, "has quotes inside"),
    "whitespace": (_is_spaced, "has whitespace around it"),
    "encoding": (_is_otherwise_encoded, "is the right digest, but not in base64url without padding"),
    "other-challenge": (_is_of_another_challenge, "is the value of another challenge, or of another account"),
    "wrong-value": (lambda _, plan: plan.key is not None, "is not what is expected"),
}


def _values(kind: str) -> Callable[[Seen, str], Found]:
    """Return what finds values of one kind, where the expected one is missing or none is known."""

    def find(seen: Seen, challenge_type: str) -> Found:
        del challenge_type
        for where, view in _lacking(seen) if seen.plan.key else views(seen, DNS):
            for value in view.values:
                if next((each for each, (fits, _) in _KINDS.items() if fits(value, seen.plan)), None) == kind:
                    yield where, f"the TXT value {excerpt(value)} {_KINDS[kind][1]}"

    return find


_HASH = "publish base64url(SHA-256(token.thumbprint)), RFC 8555 section 8.4"
_TRANSFER = "wait, or look at NOTIFY and zone transfers (or the provider's delay)"
_BOTH = "split horizon: write the record into the zone that the internet sees, and check there (--dns01-recursive-nameservers)"
_REPLACE = "publish this challenge's value beside the others; remove what earlier challenges left"
_NEVER = Blocks.NEVER
_TXT = (DNS,)
# kind of value -> what to try.
_REMEDIES: Mapping[str, str] = {
    "key-authorization": _HASH,
    "quotes": "give the value without quotes; they are only how zone files write it",
    "whitespace": "publish the value alone",
    "encoding": _HASH,
    "other-challenge": _REPLACE,
    "wrong-value": _REPLACE,
}

TXT_RULES: tuple[Rule, ...] = (
    Rule("nxdomain", CLIENT, "see whether the solver wrote into this zone, and the spelling", _nxdomain, types=_TXT),
    Rule("no-record", CLIENT, "see whether the solver has presented, and in which zone", _no_record, types=_TXT),
    Rule("stale", ZONE, _TRANSFER, _stale, types=_TXT),
    Rule("cached", NOBODY, "wait until the TTL is over; have a short one next time", _cached, types=_TXT),
    Rule("other-nameservers", ZONE, _BOTH, _other_nameservers, types=_TXT),
    Rule("serials-differ", ZONE, _TRANSFER, _serials, _NEVER, _TXT),
    Rule("long-ttl", CLIENT, "publish challenges with a TTL of 60 s or so", _long_ttl, _NEVER, _TXT),
    Rule("split-horizon", ZONE, ONE_VIEW, _split, _NEVER, _TXT),
    *(Rule(kind, CLIENT, remedy, _values(kind), types=_TXT) for kind, remedy in _REMEDIES.items()),
)
