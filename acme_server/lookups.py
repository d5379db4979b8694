"""DNS as validations ask it: aliases followed, failures as problems (RFC 8555 section 6.7, type dns)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from ipaddress import ip_address

from acme_server.protocol.problem import Problem
from acme_server.protocol.vantage import TIMEOUT, DnsAnswer, Inquiry, Resolve
from acme_server.settings import Settings
from acme_server.special_addresses import is_special

MAX_ALIASES = 10
ANSWERED = ("NOERROR",)
# What a resolver's answer means to whoever must repair it.
_ADVICE: Mapping[str, str] = {
    "NXDOMAIN": "check that a DNS record exists for this name",
    "SERVFAIL": "the domain's nameservers may be malfunctioning",
    "REFUSED": "the resolver does not answer for this name",
}


def look_up(name: str, rtype: str, settings: Settings, rcodes: Collection[str] = ANSWERED) -> Inquiry[list[str]]:
    """Return a name's values of a type; follow the CNAMEs that the resolver left to us.

    A Problem says what kept it from an answer; that is any other rcode than those given.
    """
    owner = _fold(name)
    for _ in range(MAX_ALIASES):
        question = Resolve(owner, rtype, settings.dns, settings.validation_timeout)
        answer = yield question
        assert isinstance(answer, DnsAnswer)
        _check_reply(question, answer, rcodes)
        aliases = {_fold(alias.name): _fold(alias.value) for alias in answer.records if alias.rtype == "CNAME"}
        followed = bool(aliases)
        while owner in aliases:
            owner = aliases.pop(owner)
        values = [found.value for found in answer.records if found.rtype == rtype and _fold(found.name) == owner]
        if values or not followed or answer.rcode != "NOERROR":
            return values
    raise Problem("dns", f"DNS problem: more than {MAX_ALIASES} CNAMEs in a row looking up {rtype} for {name}")


def addresses_of(host: str, settings: Settings) -> Inquiry[list[str]]:
    """Return at most one address of each family; one family's failure is no matter if the other has an address."""
    try:
        return _permitted(host, [str(ip_address(host))], settings)
    except ValueError:
        pass
    found: list[list[str]] = []
    failures: list[str] = []
    for rtype in settings.address_families:
        try:
            found.append((yield from look_up(host, rtype, settings)))
        except Problem as problem:
            failures.append(problem.detail)
    if not any(found):
        raise Problem("dns", "; ".join(failures) or f"DNS problem: No valid A or AAAA records found for {host}")
    return _permitted(host, [family[0] for family in found if family], settings)


def _permitted(host: str, addresses: list[str], settings: Settings) -> list[str]:
    """Return the addresses that may be dialled; a Problem when that is none (RFC 8555 section 10.4)."""
    permitted = [address for address in addresses if not (settings.ssrf_guard and is_special(address))]
    if not permitted:
        at = "" if addresses[0] == host else f" of {host}"
        raise Problem(
            "connection", f"{addresses[0]}: The address{at} is of special purpose (RFC 6890), and is not dialled"
        )
    return permitted


def _check_reply(question: Resolve, answer: DnsAnswer, rcodes: Collection[str]) -> None:
    looking_up = f"looking up {question.rtype} for {question.name}"
    if answer.error == TIMEOUT:
        raise Problem("dns", f"DNS problem: query timed out {looking_up}")
    if answer.error is not None:
        asked = f" at {question.server}" if question.server else ""
        raise Problem("dns", f"DNS problem: {answer.error}{asked} {looking_up}")
    if answer.rcode not in rcodes:
        advice = f" - {_ADVICE[answer.rcode]}" if answer.rcode in _ADVICE else ""
        raise Problem("dns", f"DNS problem: {answer.rcode} {looking_up}{advice}")


def _fold(name: str) -> str:
    return name.rstrip(".").lower()
