"""The validation authority: looks for a challenge's answer and judges what it sees (RFC 8555 section 8).

A validation is an inquiry. Every question goes into the record, whatever the
verdict, so that a client can read why it failed. What a stranger's server
sent is quoted escaped and cut short.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_address
from typing import Any, TypeAlias

import attrs

from acme_server import redirects, tls_alpn
from acme_server.protocol.challenge_certificate import ACME_TLS
from acme_server.protocol.host_port import join_host_port
from acme_server.protocol.identifier import Identifier
from acme_server.protocol.key_authorization import KeyAuthorization, dns01_name, http01_url
from acme_server.protocol.problem import Problem, unauthorized
from acme_server.protocol.vantage import (
    TIMEOUT,
    DnsAnswer,
    Fetch,
    Handshake,
    HttpAnswer,
    Inquiry,
    Resolve,
    TlsAnswer,
    fetch,
    shake_hands,
)
from acme_server.redirects import Target
from acme_server.settings import Settings

Record: TypeAlias = list[Mapping[str, Any]]

BODY_LIMIT = 65536
MAX_ALIASES = 10
_HEADERS = (("User-Agent", "gravel"), ("Accept", "*/*"))
_VALUES_RECORDED = 10
# What a resolver's answer means to whoever must repair it.
_ADVICE: Mapping[str, str] = {
    "NXDOMAIN": "check that a DNS record exists for this name",
    "SERVFAIL": "the domain's nameservers may be malfunctioning",
    "REFUSED": "the resolver does not answer for this name",
}


@attrs.frozen
class Verdict:
    """Whether the answer was there, and if not the problem; `record` holds each question with what came back."""

    valid: bool
    problem: Problem | None
    record: tuple[Mapping[str, Any], ...]


def validate(
    challenge_type: str, identifier: Identifier, key_authorization: KeyAuthorization, settings: Settings
) -> Inquiry[Verdict]:
    """Look once for the answer to a challenge; a wildcard's is looked for under its base name."""
    record: Record = []
    try:
        yield from CHECKS[challenge_type](identifier.base.value, key_authorization, settings, record)
    except Problem as problem:
        return Verdict(False, problem, tuple(record))
    return Verdict(True, None, tuple(record))


def check_http01(name: str, key: KeyAuthorization, settings: Settings, record: Record) -> Inquiry[None]:
    """Fetch the key authorization, through redirects (RFC 8555 section 8.3)."""
    visited: tuple[Target, ...] = (redirects.target_of(http01_url(name, key.token)),)
    answer = yield from _visit(visited[-1], settings, record)
    while answer.status in redirects.STATUSES:
        visited = (*visited, redirects.follow(visited, answer.header("Location")))
        answer = yield from _visit(visited[-1], settings, record)
    _judge_http01(visited[-1], answer, key)


def _judge_http01(target: Target, answer: HttpAnswer, key: KeyAuthorization) -> None:
    if answer.status != 200:
        raise unauthorized(f"{answer.address}: Invalid response from {target.shown}: {answer.status}")
    seen = answer.body.rstrip()
    expected = key.http_body.encode("ascii")
    if seen == expected:
        return
    if expected in seen:
        why = f"There is something before or after the key authorization (got {excerpt(seen, 40)})"
    elif seen.startswith(f"{key.token}.".encode("ascii")):
        why = "The token is this challenge's, but the thumbprint is not this account key's"
    else:
        why = f'Expected "{key.http_body[:20]}..." (got {excerpt(seen, 40)})'
    raise unauthorized(
        f"{answer.address}: The key authorization file from the server did not match this challenge. {why}"
    )


def _visit(target: Target, settings: Settings, record: Record) -> Inquiry[HttpAnswer]:
    """Ask at the host's first IPv6 address, then at its first IPv4 address, until one speaks HTTP."""
    addresses = yield from _addresses(target.host, settings, record)
    failures: list[HttpAnswer] = []
    for address in addresses:
        question = _fetch_of(target, address, settings)
        answer = yield from fetch(question)
        answer = attrs.evolve(answer, address=address)
        record.append(_http_entry(question, answer))
        if answer.error is None:
            return answer
        failures.append(answer)
    raise _unanswered(f"Fetching {target.shown}", failures)


def _unanswered(what: str, failures: Sequence[HttpAnswer | TlsAnswer]) -> Problem:
    detail = "; ".join(f"{failure.address}: {what}: {failure.error}" for failure in failures)
    return Problem("tls" if str(failures[-1].error).startswith("TLS") else "connection", detail)


def _fetch_of(target: Target, address: str, settings: Settings) -> Fetch:
    port = target.port or (settings.http01_port if target.scheme == "http" else 443)
    return Fetch(
        target.url,
        headers=_HEADERS,
        address=join_host_port(address, port),
        verify=False,
        timeout=settings.validation_timeout,
        limit=BODY_LIMIT,
    )


def _http_entry(question: Fetch, answer: HttpAnswer) -> Mapping[str, Any]:
    entry = {"question": f"GET {question.url}", "address": question.address}
    if answer.error is not None:
        return {**entry, "error": answer.error}
    return {**entry, "status": answer.status, "octets": len(answer.body)}


def _addresses(host: str, settings: Settings, record: Record) -> Inquiry[list[str]]:
    """Return at most one address of each family; one family's failure is no matter if the other has an address."""
    try:
        return [str(ip_address(host))]
    except ValueError:
        pass
    addresses: list[str] = []
    failures: list[str] = []
    for rtype in ("AAAA", "A"):
        try:
            values = yield from _lookup(host, rtype, settings, record)
        except Problem as problem:
            failures.append(problem.detail)
        else:
            addresses += values[:1]
    if not addresses:
        raise Problem("dns", "; ".join(failures) or f"DNS problem: No valid A or AAAA records found for {host}")
    return addresses


def check_dns01(name: str, key: KeyAuthorization, settings: Settings, record: Record) -> Inquiry[None]:
    """Look for the TXT record; one of several may match (RFC 8555 section 8.4)."""
    owner = dns01_name(name)
    values = yield from _lookup(owner, "TXT", settings, record)
    if key.dns_value in values:
        return
    if not values:
        raise unauthorized(f"No TXT record found at {owner}")
    others = f" (and {len(values) - 1} more)" if len(values) > 1 else ""
    raise unauthorized(f"Incorrect TXT record {excerpt(values[0])}{others} found at {owner}")


def check_tlsalpn01(name: str, key: KeyAuthorization, settings: Settings, record: Record) -> Inquiry[None]:
    """Shake hands as a client of acme-tls/1, and look at the certificate that is shown (RFC 8737 section 3)."""
    addresses = yield from _addresses(name, settings, record)
    failures: list[TlsAnswer] = []
    for address in addresses:
        dialled = join_host_port(address, settings.tls_alpn_port)
        question = Handshake(dialled, name, (ACME_TLS,), settings.validation_timeout)
        answer = yield from shake_hands(question)
        answer = attrs.evolve(answer, address=address)
        record.append(_tls_entry(question, answer))
        if answer.error is None:
            tls_alpn.judge(answer, Identifier("dns", name), key)
            return
        failures.append(answer)
    raise _unanswered(f"Shaking hands for {name}", failures)


def _tls_entry(question: Handshake, answer: TlsAnswer) -> Mapping[str, Any]:
    entry = {"question": f"TLS {question.server_name}", "address": question.address}
    if answer.error is not None:
        return {**entry, "error": answer.error}
    return {**entry, "protocol": answer.protocol, "octets": len(answer.certificate)}


def _lookup(name: str, rtype: str, settings: Settings, record: Record) -> Inquiry[list[str]]:
    """Return a name's values of a type; follow the CNAMEs that the resolver left to us."""
    owner = _fold(name)
    for _ in range(MAX_ALIASES):
        question = Resolve(owner, rtype, settings.dns, settings.validation_timeout)
        answer = yield question
        assert isinstance(answer, DnsAnswer)
        record.append(_dns_entry(question, answer))
        _check_reply(question, answer)
        aliases = {_fold(alias.name): _fold(alias.value) for alias in answer.records if alias.rtype == "CNAME"}
        followed = bool(aliases)
        while owner in aliases:
            owner = aliases.pop(owner)
        values = [found.value for found in answer.records if found.rtype == rtype and _fold(found.name) == owner]
        if values or not followed:
            return values
    raise Problem("dns", f"DNS problem: more than {MAX_ALIASES} CNAMEs in a row looking up {rtype} for {name}")


def _check_reply(question: Resolve, answer: DnsAnswer) -> None:
    looking_up = f"looking up {question.rtype} for {question.name}"
    if answer.error == TIMEOUT:
        raise Problem("dns", f"DNS problem: query timed out {looking_up}")
    if answer.error is not None:
        asked = f" at {question.server}" if question.server else ""
        raise Problem("dns", f"DNS problem: {answer.error}{asked} {looking_up}")
    if answer.rcode != "NOERROR":
        advice = f" - {_ADVICE[answer.rcode]}" if answer.rcode in _ADVICE else ""
        raise Problem("dns", f"DNS problem: {answer.rcode} {looking_up}{advice}")


def _dns_entry(question: Resolve, answer: DnsAnswer) -> Mapping[str, Any]:
    entry = {"question": f"{question.rtype} {question.name}", "server": question.server}
    if answer.error is not None:
        return {**entry, "error": answer.error}
    values = [excerpt(found.value)[1:-1] for found in answer.records[:_VALUES_RECORDED]]
    return {**entry, "rcode": answer.rcode, "values": values}


def _fold(name: str) -> str:
    return name.rstrip(".").lower()


def excerpt(text: str | bytes, limit: int = 100) -> str:
    """Quote what a stranger sent: escaped, in one line, cut short."""
    shown = text if isinstance(text, str) else text[: 4 * limit].decode("utf-8", "backslashreplace")
    return f'"{ascii(shown[:limit])[1:-1]}{"..." if len(shown) > limit else ""}"'


CHECKS: Mapping[str, Callable[[str, KeyAuthorization, Settings, Record], Inquiry[None]]] = {
    "http-01": check_http01,
    "dns-01": check_dns01,
    "tls-alpn-01": check_tlsalpn01,
}
