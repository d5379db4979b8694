"""What can be wrong with a certificate that was issued: a table of rules, and nothing but what they are told."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import TypeAlias

import attrs

from acme_server.protocol.times import rfc3339
from gravel.verify.evidence import Evidence, all_of, same_names
from gravel.verify.paths import has_issued, path_of, title
from issuer_bridge.diagnosis.finding import Finding
from issuer_bridge.durations import format_duration
from issuer_bridge.pem import public_key_of

Found: TypeAlias = Iterable[tuple[str, ...]]
"""The cause, then what it was read from."""

AUTHOR, ISSUER, PLATFORM = "whoever wrote the Certificate", "whoever runs the CA", "whoever runs the cluster"
# CAs date certificates back, and leave out the last second.
TOLERANCE = timedelta(hours=1, seconds=1)


@attrs.frozen
class Rule:
    """One thing that can be wrong; chain: it needs a certificate to look at."""

    code: str
    find: Callable[[Evidence], Found]
    awaited: str
    who: str
    attempt: str
    blocks: bool = True
    chain: bool = True


def _missing(seen: Evidence) -> Found:
    return [(f"{told} does not exist",) for told in seen.missing]


def _not_ready(seen: Evidence) -> Found:
    return [(f"{told} is not Ready", message) for told, message in seen.not_ready]


def _broken(seen: Evidence) -> Found:
    return [(seen.broken,)] if seen.broken else []


def _bad_key(seen: Evidence) -> Found:
    return [(f"the private key cannot be read: {seen.bad_key}",)] if seen.bad_key else []


def _other_key(seen: Evidence) -> Found:
    if seen.key is not None and seen.key != public_key_of(seen.leaf):
        yield ("the private key is another than the certificate's",)


def _order(seen: Evidence) -> Found:
    for place, (lower, upper) in enumerate(zip(seen.chain, seen.chain[1:], strict=False), start=2):
        if not has_issued(upper, lower):
            yield (f"certificate {place}, {title(upper)}, has not issued the one before it, {title(lower)}",)


def _root_inside(seen: Evidence) -> Found:
    for place, each in enumerate(seen.chain[1:], start=2):
        if each.subject == each.issuer and has_issued(each, each):
            yield (f"certificate {place}, {title(each)}, is a root",)


def _untrusted(seen: Evidence) -> Found:
    if not seen.roots:
        return
    try:
        path_of(seen.chain, seen.roots, seen.now)
    except ValueError as error:
        yield (f"no path leads to what is trusted: {error}", *(title(root) for root in seen.roots))


def _no_roots(seen: Evidence) -> Found:
    return [] if seen.roots else [("nothing is trusted, so that the path was not looked at",)]


def _too_early(seen: Evidence) -> Found:
    if seen.now < seen.leaf.not_valid_before_utc:
        yield (f"it is not valid before {rfc3339(seen.leaf.not_valid_before_utc)}", f"it is {rfc3339(seen.now)}")


def _expired(seen: Evidence) -> Found:
    if seen.now > seen.leaf.not_valid_after_utc:
        yield (f"it has expired at {rfc3339(seen.leaf.not_valid_after_utc)}", f"it is {rfc3339(seen.now)}")


def _ends_soon(seen: Evidence) -> Found:
    end = seen.leaf.not_valid_after_utc
    if seen.now <= end < seen.now + seen.asked.valid_for:
        yield (f"it ends at {rfc3339(end)}, in less than {format_duration(seen.asked.valid_for)}",)


def _other_lifetime(seen: Evidence) -> Found:
    asked, given = seen.asked.lifetime, seen.leaf.not_valid_after_utc - seen.leaf.not_valid_before_utc
    if asked is not None and abs(given - asked) > TOLERANCE:
        yield (f"it lasts {format_duration(given)}, and {format_duration(asked)} was asked for",)


def _names_missing(seen: Evidence) -> Found:
    found = all_of(seen.names)
    lacking, _ = same_names(seen.asked.names or (), found)
    common_name = seen.asked.common_name
    if common_name and common_name not in (*found, seen.names.common_name):
        lacking.append(common_name)
    if lacking:
        yield (f"it is not for {', '.join(lacking)}", f"it is for {', '.join(found) or 'nothing'}")


def _names_beside(seen: Evidence) -> Found:
    if seen.asked.names is None:
        return
    common_name = (seen.asked.common_name,) if seen.asked.common_name else ()
    beside, _ = same_names(all_of(seen.names), (*seen.asked.names, *common_name))
    if beside:
        yield (f"it is for {', '.join(beside)} too, which nobody asked for",)


def _revoked(seen: Evidence) -> Found:
    if seen.revocation not in (None, "good"):
        yield ("it is revoked", str(seen.revocation))


def _revocation_unknown(seen: Evidence) -> Found:
    return [(f"whether it is revoked could not be learned: {seen.unknown}",)] if seen.unknown else []


RULES: tuple[Rule, ...] = (
    Rule(
        "missing", _missing, "it is created", AUTHOR, "look at its name and namespace where it is referred to", chain=False
    ),
    Rule("not-ready", _not_ready, "Ready is True", PLATFORM, "gravel describe it, and mend what its conditions say", chain=False),
    Rule("unreadable", _broken, "a certificate is issued", ISSUER, "look at what wrote it; delete it to have it issued anew", chain=False),
    Rule("bad-key", _bad_key, "the key is written anew", AUTHOR, "delete the Secret, so that a pair is issued", chain=False),
    Rule("key-differs", _other_key, "key and certificate are a pair", AUTHOR, "see who else writes the Secret; delete it, so that a pair is issued"),
    Rule("chain-order", _order, "each certificate is followed by its issuer's", ISSUER, "put the leaf first, then each one's issuer (RFC 8446 section 4.4.2)"),
    Rule("root-in-chain", _root_inside, "the root is left out", ISSUER, "leave it out: clients have it, or do not trust it", blocks=False),
    Rule("untrusted", _untrusted, "its root is trusted, or another CA issues it", PLATFORM, "compare its issuer with the roots; an intermediate may be missing"),
    Rule("nothing-trusted", _no_roots, "roots are named", PLATFORM, "name them with --roots", blocks=False),
    Rule("not-yet-valid", _too_early, "its time comes", PLATFORM, "compare the clocks of the CA and of this machine"),
    Rule("expired", _expired, "it is renewed", AUTHOR, "see why it was not renewed: gravel describe the Certificate"),
    Rule("ends-soon", _ends_soon, "it is renewed", AUTHOR, "renew earlier (spec.renewBefore), or ask for less"),
    Rule("lifetime-differs", _other_lifetime, "the CA gives what is asked for", AUTHOR, "ask for what the CA gives (ACME servers take no wish), or leave spec.duration out"),
    Rule("name-missing", _names_missing, "it is issued for all names", AUTHOR, "see whether it was issued since its names were changed"),
    Rule("name-beside", _names_beside, "it is issued for these names only", AUTHOR, "ask for all names that it is to have"),
    Rule("revoked", _revoked, "another one is issued", AUTHOR, "delete the Secret, so that a pair with a new key is issued"),
    Rule("revocation-unknown", _revocation_unknown, "the CA answers", ISSUER, "try again; look at the URL", blocks=False),
)  # fmt: skip


def verify(seen: Evidence) -> tuple[Finding, ...]:
    """Apply every rule; what blocks comes first."""
    findings = [
        Finding(rule.code, seen.subject, cause, rule.awaited, rule.who, rule.attempt, rule.blocks, evidence=tuple(said))
        for rule in RULES
        if seen.chain or not rule.chain
        for cause, *said in rule.find(seen)
    ]
    return tuple(sorted(findings, key=lambda finding: not finding.blocks))
