"""Requests that were refused and have not been made good since: for each type of problem, whose turn it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import groupby
from typing import Any

import attrs

from acme_server.faults.rule import NAME_OF
from acme_server.protocol.journal import Entry
from acme_server.protocol.problem import PREFIX
from acme_server.protocol.times import parse_rfc3339
from gravel.explaining.rules import CLIENT, SERVER, TEST, Cause
from gravel.explaining.story import REFUSED, Story, order_name
from issuer_bridge.diagnosis.finding import Finding

_FINALIZE = "/order/{order}/finalize"
# So many in a row are no accident: a client takes the nonce of the reply, and tries once more.
STORM = 5
_KEEP = "a server that is to know it next time keeps its state (--state)"
_WHERE_BLOCKED = "ask for another name; the server's policy and its blocked names have this one refused"


def _ended(story: Story, told: Mapping[str, Any]) -> bool:
    return (
        told["endpoint"] == _FINALIZE
        and story.order is not None
        and story.order.csr is None
        and (story.order.certificate_id is not None or story.order.error is not None)
    )


Fits = Callable[[Story, Mapping[str, Any]], bool]


def _always(*_: object) -> bool:
    return True


def _says(text: str) -> Fits:
    return lambda _, told: text in told["detail"]


# Type of problem, what else must fit, and what it is: the first that fits. Each type of RFC 8555 has a row.
CAUSES: tuple[tuple[str, Fits, Cause], ...] = (
    (
        "accountDoesNotExist",
        _says("onlyReturnExisting"),
        Cause("account-not-registered", CLIENT, "have the client register (newAccount without onlyReturnExisting)"),
    ),
    (
        "accountDoesNotExist",
        _always,
        Cause(
            "account-unknown",
            CLIENT,
            f"register again (for cert-manager: delete the issuer's account Secret); {_KEEP}",
            pain=24,
        ),
    ),
    ("alreadyReplaced", _always, Cause("already-replaced", CLIENT, "order without `replaces`: another order has it")),
    ("alreadyRevoked", _always, Cause("already-revoked", CLIENT, "nothing: it is revoked", blocks=False)),
    (
        "badCSR",
        _says("names are not the order's"),
        Cause("csr-names", CLIENT, "make a CSR with exactly the order's names"),
    ),
    ("badCSR", _says("account key"), Cause("csr-account-key", CLIENT, "make a key of its own for the certificate")),
    ("badCSR", _always, Cause("bad-csr", CLIENT, "make another CSR, as the problem says")),
    (
        "badNonce",
        _always,
        Cause("bad-nonce", CLIENT, "take the nonce of the last reply, one for each request", pain=25),
    ),
    ("badPublicKey", _always, Cause("bad-key", CLIENT, "use a key of a kind that the problem names")),
    ("badRevocationReason", _always, Cause("bad-revocation-reason", CLIENT, "give reason 0, 1, 3, 4 or 5", False)),
    ("badSignatureAlgorithm", _always, Cause("bad-algorithm", CLIENT, "sign with an algorithm that the problem names")),
    ("caa", _always, Cause("caa", "whoever runs the zone", "let the CAA records name this CA, or remove them")),
    (
        "externalAccountRequired",
        _always,
        Cause(
            "external-account-missing", CLIENT, "give the client the key identifier and MAC key of an external account"
        ),
    ),
    (
        "unauthorized",
        _says("external account"),
        Cause("external-account-unknown", CLIENT, "give the client a key identifier that the server has"),
    ),
    (
        "unauthorized",
        _says("externalAccountBinding"),
        Cause("external-account-key", CLIENT, "give the client that external account's own MAC key"),
    ),
    ("invalidProfile", _always, Cause("profile-unknown", CLIENT, "order a profile that the directory's meta names")),
    (
        "malformed",
        _says("there is no such resource"),
        Cause("resource-unknown", CLIENT, f"order anew; {_KEEP}", pain=24),
    ),
    (
        "malformed",
        _says("'profile'"),
        Cause("profile-unknown", CLIENT, "order a profile that the directory's meta names"),
    ),
    ("orderNotReady", _ended, Cause("already-finalized", CLIENT, "poll the order: it has been finalized", False, 20)),
    (
        "orderNotReady",
        _always,
        Cause("finalized-early", CLIENT, "poll the order until it is ready, then finalize", False),
    ),
    (
        "rateLimited",
        _says("temporarily prevented"),
        Cause(
            "identifier-paused",
            CLIENT,
            "repair validation, then POST /rate-limits/reset at the management API",
            pain=14,
        ),
    ),
    (
        "rateLimited",
        _always,
        Cause(
            "rate-limited",
            CLIENT,
            "wait as long as Retry-After says; or reset the limits at the management API",
            False,
            14,
        ),
    ),
    ("rejectedIdentifier", _always, Cause("identifier-rejected", CLIENT, _WHERE_BLOCKED)),
    ("unsupportedIdentifier", _always, Cause("identifier-unsupported", CLIENT, "order DNS names and IP addresses")),
    ("serverInternal", _always, Cause("server-failed", SERVER, "look into the server's log")),
    (
        "unauthorized",
        _says("another account"),
        Cause("foreign-account", CLIENT, "ask with the account that ordered", pain=21),
    ),
    ("unauthorized", _says("the account is"), Cause("account-closed", CLIENT, "register a new account")),
    ("userActionRequired", _always, Cause("terms-not-agreed", CLIENT, "agree to the terms that the problem links")),
)
OTHER = Cause("request-refused", CLIENT, "read the problem, and have the client send what it asks for")


def refused_requests(story: Story) -> Iterator[Finding]:
    """Yield the refusals after which the client did not get on: one finding for all that are alike."""
    refused = sorted(_left(story), key=_kind_of)
    for (_, problem), alike in groupby(refused, _kind_of):
        entries = list(alike)
        last = entries[-1]
        kind = problem.removeprefix(PREFIX)
        cause = next((cause for type_, fits, cause in CAUSES if type_ == kind and fits(story, last.data)), OTHER)
        if cause.code == "bad-nonce" and len(entries) < STORM:
            continue
        yield _finding(story, cause, entries)


def _kind_of(entry: Entry) -> tuple[str, str]:
    return str(entry.data["endpoint"]), str(entry.data["problem"])


def endpoint_of(entry: Entry) -> str:
    """Return what the directory, or a fault's rule, calls the place of a refused request."""
    return NAME_OF.get(entry.data["endpoint"], str(entry.data["endpoint"]))


def _left(story: Story) -> Iterator[Entry]:
    """Yield the refusals that nothing good came after, of the same thing."""
    good: dict[str, int] = {}
    for entry in story.entries:
        if entry.kind not in (REFUSED, "FaultInjected") and entry.house == "acme_server":
            good[entry.subject.get("account", "")] = entry.seq
    ours = story.account.id if story.account else None
    for entry in story.happened(REFUSED):
        account = entry.subject.get("account")
        # Who it was is not always known: then whoever got on has made it good.
        overcome = good.get(account, 0) if account else max(good.values(), default=0)
        if entry.seq > overcome or (account is not None and ours is not None and account != ours):
            yield entry


def _finding(story: Story, cause: Cause, entries: list[Entry]) -> Finding:
    last = entries[-1]
    times = f", {len(entries)} times" if len(entries) > 1 else ""
    text = f"{endpoint_of(last)} was refused{times}: {last.data['detail']}"
    evidence = [f"{last.data['status']} {last.data['problem']}"]
    awaited = f"a request to {endpoint_of(last)} that is not refused"
    subject = story.subject if story.order is None else order_name(story.order)
    since = parse_rfc3339(entries[0].at)
    found = cause.found(subject, text, awaited, since, evidence)
    place = (last.at, endpoint_of(last))
    faults = [
        each.data["rule"] for each in story.happened("FaultInjected") if (each.at, each.data["endpoint"]) == place
    ]
    return attrs.evolve(found, who=TEST, attempt=f"disarm the fault {faults[-1]!r}") if faults else found
