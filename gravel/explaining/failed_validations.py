"""What a validation that failed saw, told apart: from its record, its problem and the challenges of the same account."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

import attrs

from acme_server.authorizations import Authorization, Challenge
from acme_server.protocol.key_authorization import KeyAuthorization
from acme_server.protocol.problem import PREFIX
from acme_server.protocol.status import ChallengeStatus
from acme_server.protocol.times import rfc3339
from acme_server.protocol.vantage import REFUSED, RESET, TIMEOUT
from gravel.check.rules import CLIENT, NETWORK, RESOLVER, WEB, ZONE
from gravel.explaining.rules import NEW_ORDER, SERVER, TEST, Cause
from gravel.explaining.story import Story, challenge_name
from issuer_bridge.diagnosis.finding import Finding

# So many younger challenges are looked through for the owner of a value that was found.
_NEIGHBOURS = 1000
_ANOTHER_TOKEN = re.compile(r"""\(got "([\w-]{20,43})\.""", re.ASCII)


@attrs.frozen
class Failure:
    """One challenge's last failure. kind: of the problem, without its prefix; record: what was asked and heard."""

    story: Story
    authorization: Authorization
    challenge: Challenge

    @property
    def problem(self) -> Mapping[str, Any]:
        """The problem document."""
        return self.challenge.failures[-1]

    @property
    def kind(self) -> str:
        """The problem's type, without its prefix."""
        return str(self.problem["type"]).removeprefix(PREFIX)

    @property
    def detail(self) -> str:
        """What the problem says."""
        return str(self.problem["detail"])

    @property
    def record(self) -> tuple[Mapping[str, Any], ...]:
        """The questions and answers of whoever decided it: of the other vantage points, if it was they."""
        remote = tuple(entry for entry in self.challenge.record if "vantage" in entry)
        return remote if remote and _secondary(self) else self.challenge.record

    @property
    def values(self) -> list[str]:
        """What the last question was answered with."""
        return [str(value) for value in self.record[-1].get("values", ())] if self.record else []

    def says(self, *texts: str) -> bool:
        """Whether the problem has one of these words."""
        return any(text in self.detail for text in texts)

    def heard(self, member: str, *values: object) -> bool:
        """Whether some answer had one of these."""
        return any(entry.get(member) in values for entry in self.record)


def _secondary(failure: Failure) -> bool:
    return failure.says("During secondary validation")


def _dns(*rcodes: str) -> Callable[[Failure], bool]:
    return lambda failure: failure.kind == "dns" and failure.heard("rcode", *rcodes)


def _unreached(*errors: str) -> Callable[[Failure], bool]:
    return lambda failure: failure.kind == "connection" and any(error in failure.detail for error in errors)


def _body(failure: Failure) -> bool:
    return failure.challenge.type == "http-01" and failure.says("did not match this challenge")


def _by_ipv6(failure: Failure) -> bool:
    """Whether an IPv6 address gave the wrong answer while there is an IPv4 address that was not asked."""
    visits = [entry for entry in failure.record if "address" in entry]
    has_ipv4 = any(entry["question"].startswith("A ") and entry.get("values") for entry in failure.record)
    return bool(visits) and visits[-1]["address"].startswith("[") and "error" not in visits[-1] and has_ipv4


def _txt(failure: Failure) -> bool:
    return failure.challenge.type.startswith("dns") and failure.kind == "unauthorized" and bool(failure.values)


def _missing_behind_alias(failure: Failure) -> bool:
    answered = any(entry["question"].startswith("TXT ") and entry.get("values") for entry in failure.record)
    return answered and failure.says("No TXT record")


def _neighbours(failure: Failure) -> Iterator[tuple[Authorization, Challenge]]:
    """Yield the account's other challenges of the same type, the youngest first."""
    for other in islice(reversed(failure.story.known.world.store.all(Authorization)), _NEIGHBOURS):
        if other.account_id == failure.authorization.account_id and other.id != failure.authorization.id:
            yield from ((other, each) for each in other.challenges if each.type == failure.challenge.type)


def _owner(failure: Failure) -> Authorization | None:
    """Return whose answer was found in the place of this challenge's, if it is the account's own."""
    account = failure.story.account
    if account is None:
        return None
    found = _ANOTHER_TOKEN.search(failure.detail)
    for other, challenge in _neighbours(failure):
        answer = KeyAuthorization(challenge.token, account.thumbprint)
        if (_txt(failure) and answer.dns_value in failure.values) or (found and found[1] == challenge.token):
            return other
    return None


def _of_earlier(failure: Failure) -> bool:
    owner = _owner(failure)
    return owner is not None and owner.covers == failure.authorization.covers


_WELL_KNOWN = "have the server (ingress) send /.well-known/acme-challenge/ to the ACME client"
# What it can have been: the first that fits. The last fits all, so that none stays without a word.
CAUSES: tuple[tuple[Cause, Callable[[Failure], bool]], ...] = (
    (Cause("caa", ZONE, "let the CAA records name this CA, or remove them"), lambda each: each.kind == "caa"),
    (
        Cause("secondary-validation", ZONE, "have all nameservers and paths answer alike, then order again", pain=23),
        _secondary,
    ),
    (Cause("server-failed", SERVER, "look into the server's log"), lambda each: each.kind == "serverInternal"),
    (
        Cause("not-looked", TEST, "disarm the fault, or look into the server's log"),
        lambda each: not each.challenge.record,
    ),
    (Cause("name-not-found", ZONE, "create the name's record"), _dns("NXDOMAIN")),
    (Cause("dns-servfail", ZONE, "repair the zone's nameservers, or its DNSSEC"), _dns("SERVFAIL")),
    (Cause("dns-refused", RESOLVER, "have the resolver (--dns) answer for the name"), _dns("REFUSED")),
    (
        Cause("cname-loop", ZONE, "end the chain of aliases"),
        lambda each: each.kind == "dns" and each.says("CNAMEs in a row"),
    ),
    (
        Cause("resolver-silent", RESOLVER, "start the resolver (--dns), or open the way to it", pain=17),
        lambda each: each.kind == "dns" and any("error" in entry for entry in each.record),
    ),
    (Cause("no-address", ZONE, "give the name an A or AAAA record"), lambda each: each.says("No valid A or AAAA")),
    (Cause("dns-failed", ZONE, "repair the zone's nameservers"), lambda each: each.kind == "dns"),
    (
        Cause("redirect-loop", WEB, "end the redirect where the challenge is"),
        lambda each: each.says("Redirect loop", "Too many redirects"),
    ),
    (
        Cause("redirect-refused", WEB, "redirect to http or https on a usual port, or not at all"),
        lambda each: each.says("edirect") and each.kind == "connection",
    ),
    (
        Cause("private-address", ZONE, "give the name a public address, or run the server without --ssrf-guard"),
        lambda each: each.says("of special purpose"),
    ),
    (
        Cause("connection-refused", WEB, "start what answers challenges there, or correct the address"),
        _unreached(REFUSED),
    ),
    (
        Cause("connection-timeout", NETWORK, "open the port in the firewall, or correct the address"),
        _unreached(TIMEOUT),
    ),
    (
        Cause("connection-reset", WEB, "see who ends the connection: a proxy, or a port that speaks another protocol"),
        _unreached(RESET),
    ),
    (
        Cause("connection-failed", NETWORK, "see what is at that address and port"),
        lambda each: each.kind == "connection",
    ),
    (
        Cause("tls", WEB, "have the server there speak TLS as its redirect, or tls-alpn-01, wants"),
        lambda each: each.kind == "tls",
    ),
    (
        Cause("ipv6-first", ZONE, "have the IPv6 address lead to the same server, or remove the AAAA record"),
        _by_ipv6,
    ),
    (
        Cause("other-account", CLIENT, "answer with the key of the account that ordered"),
        lambda each: each.says("thumbprint is not this account key's"),
    ),
    (
        Cause("surrounded", CLIENT, "answer with the key authorization alone"),
        lambda each: each.says("something before or after the key authorization"),
    ),
    (Cause("old-token", CLIENT, "answer with this challenge's token"), lambda each: _body(each) and _of_earlier(each)),
    (
        Cause("wrong-token", CLIENT, "answer with this challenge's token"),
        lambda each: _body(each) and bool(_ANOTHER_TOKEN.search(each.detail)),
    ),
    (Cause("html-page", WEB, _WELL_KNOWN), lambda each: _body(each) and each.says('(got "<')),
    (Cause("wrong-body", WEB, _WELL_KNOWN), _body),
    (Cause("not-found", WEB, _WELL_KNOWN), lambda each: each.heard("status", 404)),
    (Cause("bad-status", WEB, _WELL_KNOWN), lambda each: each.says("Invalid response from")),
    (
        Cause("txt-behind-alias", CLIENT, "write the TXT record where the CNAME leads, or remove the CNAME"),
        _missing_behind_alias,
    ),
    (
        Cause("txt-missing", CLIENT, "write the TXT record, and respond once all nameservers show it", pain=16),
        lambda each: each.says("No TXT record"),
    ),
    (
        Cause("txt-old", CLIENT, "replace the TXT record, and wait for its old TTL"),
        lambda each: _txt(each) and _of_earlier(each),
    ),
    (
        Cause("txt-of-another", CLIENT, "keep both values: names that share a CNAME share one set of records", pain=19),
        lambda each: _txt(each) and _owner(each) is not None,
    ),
    (Cause("txt-wrong", CLIENT, "write the digest of this challenge's key authorization"), _txt),
    (
        Cause("alpn-protocol", WEB, "have whatever holds the port hand acme-tls/1 to the ACME client"),
        lambda each: each.says("did not agree on the protocol"),
    ),
    (
        Cause("alpn-other-key", CLIENT, "make the certificate for this challenge and this account"),
        lambda each: each.says("Its acmeIdentifier is"),
    ),
    (
        Cause("alpn-certificate", CLIENT, "show the challenge's certificate (RFC 8737) to who asks for acme-tls/1"),
        lambda each: each.challenge.type == "tls-alpn-01",
    ),
    (Cause("validation-failed", CLIENT, "read the reason, repair it, and order again"), lambda _: True),
)


def failed_validations(story: Story) -> Iterator[Finding]:
    """Yield why a challenge failed, or fails so far; those that another one made up for are no matter."""
    for authorization, index, challenge in story.challenges():
        if not challenge.failures or any(each.status is ChallengeStatus.VALID for each in authorization.challenges):
            continue
        failure = Failure(story, authorization, challenge)
        cause = next(cause for cause, fits in CAUSES if fits(failure))
        since = story.since("ChallengeFailed", "ValidationFailed", challenge=f"{authorization.id}/{index}")
        final = challenge.status is ChallengeStatus.INVALID
        awaited = NEW_ORDER if final else f"the next validation at {rfc3339(challenge.due or story.known.now)}"
        text = f"{challenge.type} of {authorization.covers.value} failed: {failure.detail}"
        if owner := _owner(failure):
            text += f"; that is the answer for {owner.covers.value} of authorization/{owner.id}"
        found = cause.found(challenge_name(authorization, index), text, awaited, since, _evidence(failure))
        yield attrs.evolve(found, blocks=final)


def _evidence(failure: Failure) -> Iterator[str]:
    """Yield each question with what came back."""
    for entry in failure.challenge.record:
        told = {name: value for name, value in entry.items() if name not in ("question", "at", "milliseconds")}
        asked = f"{entry['question']} at {entry['at']}"
        yield f"{asked}: {', '.join(f'{name} {_text(value)}' for name, value in told.items() if value not in (None, []))}"


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
