"""The validation authority: looks for a challenge's answer and judges what it sees (RFC 8555 section 8).

A validation is an inquiry. Every question goes into the record, whatever the
verdict, so that a client can read why it failed. What a stranger's server
sent is quoted escaped and cut short.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import attrs

from acme_server import caa, dns_persist, redirects, tls_alpn
from acme_server.caa import Claim
from acme_server.excerpt import excerpt
from acme_server.lookups import addresses_of, look_up
from acme_server.protocol.challenge_certificate import ACME_TLS, server_name
from acme_server.protocol.driver import Clock
from acme_server.protocol.host_port import join_host_port
from acme_server.protocol.identifier import Identifier
from acme_server.protocol.key_authorization import KeyAuthorization, account_label, dns01_name, http01_url
from acme_server.protocol.problem import Problem, unauthorized
from acme_server.protocol.vantage import Fetch, Handshake, HttpAnswer, Inquiry, TlsAnswer, fetch, shake_hands
from acme_server.redirects import Target
from acme_server.settings import DNS_PERSIST, Settings
from acme_server.validation_record import Record, recorded

_HEADERS = (("User-Agent", "gravel"), ("Accept", "*/*"))


@attrs.frozen
class Attempt:
    """One look for a challenge's answer, from where `settings.dns` is asked.

    identifier: as an order has it, `*.` included; account_url: of whom CAA and
    persistent records must speak; clock: tells the moments of the record.
    """

    challenge_type: str
    identifier: Identifier
    key: KeyAuthorization
    settings: Settings
    clock: Clock
    account_url: str = ""

    @property
    def host(self) -> str:
        """The name or the address that is looked at; for a wildcard its base name."""
        return self.identifier.base.value


Check: TypeAlias = Callable[[Attempt], Inquiry[None]]


@attrs.frozen
class Verdict:
    """Whether the answer was there, and if not the problem; `record` holds each question with what came back."""

    valid: bool
    problem: Problem | None
    record: tuple[Mapping[str, Any], ...]


def validate(attempt: Attempt) -> Inquiry[Verdict]:
    """Look once for the answer to a challenge, and then at CAA where the settings name identities."""
    record: Record = []
    try:
        yield from recorded(_look(attempt), record, attempt.clock)
    except Problem as problem:
        return Verdict(False, attempt.settings.personality.said(problem), tuple(record))
    return Verdict(True, None, tuple(record))


def _look(attempt: Attempt) -> Inquiry[None]:
    yield from CHECKS[attempt.challenge_type](attempt)
    if attempt.settings.caa_identities:
        claim = Claim(attempt.identifier, attempt.account_url, attempt.challenge_type)
        yield from caa.check(claim, attempt.settings)


def check_http01(attempt: Attempt) -> Inquiry[None]:
    """Fetch the key authorization, through redirects (RFC 8555 section 8.3)."""
    settings, key = attempt.settings, attempt.key
    port = settings.http01_port if settings.personality.port_in_host else None
    visited: tuple[Target, ...] = (redirects.target_of(http01_url(attempt.host, key.token, port)),)
    answer = yield from _visit(visited[-1], settings)
    while answer.status in redirects.STATUSES:
        visited = (*visited, redirects.follow(visited, answer.header("Location"), settings))
        answer = yield from _visit(visited[-1], settings)
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


def _visit(target: Target, settings: Settings) -> Inquiry[HttpAnswer]:
    """Ask at the host's first IPv6 address, then at its first IPv4 address, until one speaks HTTP."""
    addresses = yield from addresses_of(target.host, settings)
    failures: list[HttpAnswer] = []
    for address in addresses:
        answer = yield from fetch(_fetch_of(target, address, settings))
        answer = attrs.evolve(answer, address=address)
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
        limit=settings.max_validation_body,
    )


def check_dns01(attempt: Attempt) -> Inquiry[None]:
    """Look for the TXT record; one of several may match (RFC 8555 section 8.4)."""
    yield from _check_txt(dns01_name(attempt.host), attempt)


def check_dns_account01(attempt: Attempt) -> Inquiry[None]:
    """The same at a name of the account's own (draft-ietf-acme-dns-account-label)."""
    yield from _check_txt(f"{account_label(attempt.account_url)}.{dns01_name(attempt.host)}", attempt)


def _check_txt(owner: str, attempt: Attempt) -> Inquiry[None]:
    values = yield from look_up(owner, "TXT", attempt.settings)
    if attempt.key.dns_value in values:
        return
    if not values:
        raise unauthorized(f"No TXT record found at {owner}")
    others = f" (and {len(values) - 1} more)" if len(values) > 1 else ""
    raise unauthorized(f"Incorrect TXT record {excerpt(values[0])}{others} found at {owner}")


def check_dns_persist01(attempt: Attempt) -> Inquiry[None]:
    """Look for a record that stays (draft-ietf-acme-dns-persist)."""
    values = yield from look_up(f"{dns_persist.LABEL}.{attempt.host}", "TXT", attempt.settings)
    identities = attempt.settings.caa_identities
    dns_persist.judge(values, attempt.identifier, attempt.account_url, identities, attempt.clock())


def check_tlsalpn01(attempt: Attempt) -> Inquiry[None]:
    """Shake hands as a client of acme-tls/1, and look at the certificate that is shown (RFC 8737 section 3)."""
    settings, identifier = attempt.settings, attempt.identifier
    addresses = yield from addresses_of(attempt.host, settings)
    failures: list[TlsAnswer] = []
    for address in addresses:
        dialled = join_host_port(address, settings.tls_alpn_port)
        question = Handshake(dialled, server_name(identifier), (ACME_TLS,), settings.validation_timeout)
        answer = yield from shake_hands(question)
        answer = attrs.evolve(answer, address=address)
        if answer.error is None:
            tls_alpn.judge(answer, identifier, attempt.key)
            return
        failures.append(answer)
    raise _unanswered(f"Shaking hands for {identifier.value}", failures)


CHECKS: Mapping[str, Check] = {
    "http-01": check_http01,
    "dns-01": check_dns01,
    "tls-alpn-01": check_tlsalpn01,
    "dns-account-01": check_dns_account01,
    DNS_PERSIST: check_dns_persist01,
}
