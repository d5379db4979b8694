"""RFC 8555 section 6.7: errors."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.check import check
from conformance.expectations import refused
from conformance.session import Session
from conformance.verdict import Level, expect
from conformance.wire import PREFIX, Reply

MUST, SHOULD = Level.MUST, Level.SHOULD

# The IANA registry "ACME Error Types": RFC 8555 and what later RFCs registered.
REGISTERED = (
    "accountDoesNotExist", "alreadyReplaced", "alreadyRevoked", "autoRenewalCanceled",
    "autoRenewalCancellationInvalid", "autoRenewalExpired", "autoRenewalRevocationNotSupported", "badCSR", "badNonce",
    "badPublicKey", "badRevocationReason", "badSignatureAlgorithm", "caa", "compound", "connection", "dns",
    "externalAccountRequired", "incorrectResponse", "invalidContact", "invalidProfile", "malformed",
    "onionCAARequired", "orderNotReady", "rateLimited", "rejectedIdentifier", "serverInternal", "tls", "unauthorized",
    "unknownDelegation", "unsupportedContact", "unsupportedIdentifier", "userActionRequired",
)  # fmt: skip


@check("6.7", SHOULD, "newOrder")
def errors_are_problem_documents(session: Session) -> None:
    """An error is explained by a problem document: also when there is no such resource."""
    order = session.order(session.account)
    for reply, what in (
        (session.account.read(f"{order.url}0"), "an order that does not exist"),
        (session.account.post(session.url("newOrder"), {"identifiers": []}), "an order for nothing"),
        (session.account.get(order.url), "GET of an order"),
    ):
        refused(reply, what)
        expect(reply.problem is not None, f"application/problem+json for {what}", reply)
        expect(bool(reply.kind), f"a problem with a type for {what}", reply.problem)


def _errors(session: Session) -> Iterator[Reply]:
    """Provoke errors of many kinds."""
    client, url = session.account, session.url("newOrder")
    yield client.post(url, {"identifiers": []})
    yield client.post(url, b"no JSON")
    yield client.post(url, {"identifiers": [{"type": "x-unknown", "value": "a"}]})
    yield client.post(url, {"identifiers": [{"type": "dns", "value": "not a name"}]})
    yield client.post(url, session.identifiers(), header={"alg": "X-UNKNOWN"})
    yield client.post(url, session.identifiers(), header={"kid": f"{client.kid}x"})
    yield client.post(url, session.identifiers(), header={"url": f"{url}x"})
    yield client.post(url, session.identifiers(), signer=lambda _: b"")
    yield client.get(url)
    stranger = session.stranger()
    yield stranger.post(session.url("newAccount"), session.registration(stranger, contact=["tel:1"]))
    yield stranger.post(session.url("newAccount"), {"onlyReturnExisting": True})


@check("6.7", MUST, "newOrder", "newAccount")
def only_registered_types_are_used(session: Session) -> None:
    """A problem's type in ACME's namespace is one of IANA's registry."""
    for reply in _errors(session):
        kind = str((reply.problem or {}).get("type", ""))
        if kind.startswith(PREFIX):
            expect(kind.removeprefix(PREFIX) in REGISTERED, "a registered type of problem", kind)


@check("6.7", SHOULD, "newOrder", "newAccount")
def no_request_of_a_client_is_the_servers_fault(session: Session) -> None:
    """What is wrong with a request is answered as the client's error, with a 4xx."""
    for reply in _errors(session):
        expect(reply.status < 500, "a status below 500", reply)


# Texts that readers of JSON stumble over: each is the client's mistake.
HOSTILE = (
    b'{"identifiers": [{"type": "dns", "value": NaN}]}',
    b'{"identifiers": ' + b"[" * 5000 + b"]" * 5000 + b"}",
    b'{"identifiers": ' + b"7" * 5000 + b"}",
    b'{"identifiers": [{"type": "dns", "value": "\\ud800.conformance.test"}]}',
    '{"identifiers": []}'.encode("utf-16"),
    b'{"identifiers": [{"type": "dns", "value": "\xff"}]}',
    b'{"identifiers": {"type": "dns"}}',
    b'{"identifiers": [null]}',
    b"null",
    b"[]",
)


@check("6.7", SHOULD, "newOrder", destructive=True)
def hostile_json_is_the_clients_mistake(session: Session) -> None:
    """A payload that no reader of JSON should take is answered as the client's error, with a 4xx."""
    for payload in HOSTILE:
        reply = session.account.post(session.url("newOrder"), payload)
        refused(reply, f"the payload {payload[:60]!r}")


@check("6.7.1", MUST, "newOrder")
def identifiers_are_named_in_subproblems_only(session: Session) -> None:
    """A problem names an identifier only in its subproblems, never at its top."""
    bad = [{"type": "dns", "value": value} for value in ("not a name", "*.*.conformance.test")]
    for identifiers in (bad, bad[:1], [{"type": "x-unknown", "value": "a"}]):
        reply = session.account.post(session.url("newOrder"), {"identifiers": identifiers})
        refused(reply, "an order for what is no name")
        problem = reply.problem or {}
        expect("identifier" not in problem, "no 'identifier' at the top of the problem", problem)
        for item in problem.get("subproblems", []):
            named = item.get("identifier", {"type": "", "value": ""})
            expect({"type", "value"} <= {*named}, "an identifier with type and value in each subproblem", named)
