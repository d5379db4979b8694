"""Whether CAA records let this authority issue (RFC 8659), to this account and by this method (RFC 8657)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

import attrs

from acme_server.issue_value import IssueValue, read_issue_value
from acme_server.lookups import ANSWERED, look_up
from acme_server.protocol.identifier import Identifier
from acme_server.protocol.problem import Problem
from acme_server.protocol.vantage import Inquiry
from acme_server.settings import Settings

_CRITICAL = 0x80
# Tags of the IANA registry; another one that is critical forbids.
_KNOWN = ("issue", "issuewild", "iodef", "issuemail", "issuevmc", "contactemail", "contactphone")
_RECORD = re.compile(r'(\d+) (\S*) "(.*)"', re.DOTALL)
_UNREADABLE = (_CRITICAL, "", "")
# A name that does not exist has no CAA records; its parents may have some (RFC 8659 section 3).
_RCODES = (*ANSWERED, "NXDOMAIN")


@attrs.frozen
class Claim:
    """What is to be issued: identifier as an order has it; account_url, method: who proved control of it, and how."""

    identifier: Identifier
    account_url: str
    method: str


def check(claim: Claim, settings: Settings) -> Inquiry[None]:
    """Look whether issuing is allowed; a Problem of type caa, or dns, when it is not. Addresses have no CAA records."""
    if claim.identifier.type != "dns":
        return
    try:
        yield from _climb(claim, settings)
    except Problem as problem:
        detail = f"While processing CAA for {claim.identifier.value}: {problem.detail}"
        raise attrs.evolve(problem, detail=detail) from None


def _climb(claim: Claim, settings: Settings) -> Inquiry[None]:
    """The first name that has records, going up, decides (RFC 8659 section 3)."""
    name = claim.identifier.base.value
    records: Sequence[str] = ()
    while name and not records:
        records = yield from look_up(name, "CAA", settings, _RCODES)
        if records and not permits(records, claim, settings.caa_identities):
            raise Problem("caa", f"CAA record for {name} prevents issuance")
        name = name.partition(".")[2]


def check_again(claims: Iterable[Claim], settings: Settings) -> Inquiry[Problem | None]:
    """Look for each claim; return what is wrong with those that failed, in one problem (RFC 8555 section 6.7.1)."""
    failed: list[Problem] = []
    for claim in claims:
        try:
            yield from check(claim, settings)
        except Problem as problem:
            failed.append(attrs.evolve(problem, extra={"identifier": claim.identifier.to_json()}))
    if not failed:
        return None
    first = failed[0].extra["identifier"]["value"]
    more = f" and {len(failed) - 1} more identifiers" if len(failed) > 1 else ""
    detail = f'Rechecking CAA for "{first}"{more} failed. Refer to sub-problems for more information'
    return Problem("caa", detail, subproblems=tuple(failed))


def permits(records: Sequence[str], claim: Claim, identities: Collection[str]) -> bool:
    """Whether a set of records, as text, allows what is claimed to an authority of these names."""
    properties = [_parts(text) for text in records]
    if any(flags & _CRITICAL and tag not in _KNOWN for flags, tag, _ in properties):
        return False
    tags = [tag for _, tag, _ in properties]
    tag = "issuewild" if claim.identifier.wildcard and "issuewild" in tags else "issue"
    values = [value for _, found, value in properties if found == tag]
    return not values or any(_allows(value, claim, identities) for value in values)


def _parts(text: str) -> tuple[int, str, str]:
    found = _RECORD.fullmatch(text)
    return (int(found[1]), found[2].lower(), found[3]) if found else _UNREADABLE


def _allows(text: str, claim: Claim, identities: Collection[str]) -> bool:
    """A value that cannot be read allows nothing (RFC 8659 section 4.2)."""
    try:
        value = read_issue_value(text)
    except ValueError:
        return False
    return value.issuer in identities and _fits(value, claim)


def _fits(value: IssueValue, claim: Claim) -> bool:
    """Each of the two parameters says yes, or is not there; twice is as good as no (RFC 8657 sections 3 and 4)."""
    uris, methods = value.values("accounturi"), value.values("validationmethods")
    by_account = not uris or uris == (claim.account_url,)
    return by_account and (not methods or (len(methods) == 1 and claim.method in methods[0].split(",")))
