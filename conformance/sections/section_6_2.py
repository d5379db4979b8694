"""RFC 8555 section 6.2: request authentication. Which signatures are accepted is in section_6_2_algorithms."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

from conformance.check import check
from conformance.expectations import accepted, refused
from conformance.jws import ABSENT, Envelope, octets
from conformance.keys import Key, b64url, new_key
from conformance.session import Session
from conformance.verdict import Level, expect

MUST, SHOULD = Level.MUST, Level.SHOULD


@check("6.2", MUST, "newAccount")
def a_body_that_is_no_jws_is_refused(session: Session) -> None:
    """A body that is not a JWS is refused."""
    client = session.stranger()
    body = octets(session.registration(client))
    refused(client.send(session.url("newAccount"), body), "a payload that nobody signed")


@check("6.2", MUST, "newAccount")
def a_signature_that_does_not_verify_is_refused(session: Session) -> None:
    """The signature is verified before the request is processed: one over other octets, and none, are refused."""
    for other in (b"!", None):
        client = session.stranger()

        def signer(data: bytes, key: Key = client.key, other: bytes | None = other) -> bytes:
            return b"" if other is None else key.sign(data + other)

        reply = client.post(session.url("newAccount"), session.registration(client), signer=signer)
        refused(reply, "no signature" if other is None else "a signature over other octets")


@check("6.2", MUST, "newOrder")
def another_key_cannot_sign_for_an_account(session: Session) -> None:
    """A request that names an account is refused unless the account's own key signed it."""
    reply = session.account.post(session.url("newOrder"), session.identifiers(), key=new_key())
    refused(reply, "a request signed with another key than the account's")


@check("6.2", MUST, "newOrder")
def an_account_that_does_not_exist_cannot_sign(session: Session) -> None:
    """A 'kid' that is no account's URL is refused."""
    client = session.stranger()
    client.kid = f"{session.account.kid}x"
    refused(client.post(session.url("newOrder"), session.identifiers()), "a kid that is no account's URL")


@check("6.2", MUST, "newAccount")
def the_compact_serialization_is_refused(session: Session) -> None:
    """A JWS in compact serialization is refused: only the flattened JSON serialization is allowed."""

    def compact(envelope: Envelope) -> bytes:
        return ".".join(envelope[name] for name in ("protected", "payload", "signature")).encode()

    client = session.stranger()
    reply = client.post(session.url("newAccount"), session.registration(client), bend=compact)
    refused(reply, "a JWS in compact serialization")


@check("6.2", MUST, "newAccount")
def several_signatures_are_refused(session: Session) -> None:
    """A JWS with several signatures is refused, be it flattened as well or not."""

    def general(envelope: Envelope) -> Envelope:
        one = {name: envelope[name] for name in ("protected", "signature")}
        return {"payload": envelope["payload"], "signatures": [one, one]}

    for bend in (general, lambda envelope: {**envelope, **general(envelope)}):
        client = session.stranger()
        reply = client.post(session.url("newAccount"), session.registration(client), bend=bend)
        refused(reply, "a JWS with two signatures")


@check("6.2", MUST, "newAccount")
def an_unprotected_header_is_refused(session: Session) -> None:
    """A JWS with an unprotected header is refused."""
    client = session.stranger()
    bend = lambda envelope: {**envelope, "header": {"note": "not signed"}}  # noqa: E731
    reply = client.post(session.url("newAccount"), session.registration(client), bend=bend)
    refused(reply, "an unprotected header")


@check("6.2", MUST, "newAccount")
def an_unencoded_payload_is_refused(session: Session) -> None:
    """The unencoded payload option (RFC 7797) is refused, also when the payload is encoded all the same."""
    for unencoded in (True, False):
        client = session.stranger()
        payload = octets(session.registration(client))
        header = {"b64": False, "crit": ["b64"]}

        def plain(envelope: Envelope, payload: bytes = payload) -> Envelope:
            key = client.key  # noqa: B023 - called before the next client is made
            signature = key.sign(envelope["protected"].encode() + b"." + payload)
            return {**envelope, "payload": payload.decode(), "signature": b64url(signature)}

        bend = plain if unencoded else None
        refused(client.post(session.url("newAccount"), payload, header=header, bend=bend), '"b64": false')


@check("6.2", MUST)
def a_detached_payload_is_refused(session: Session) -> None:
    """A JWS without its payload is refused, also where the payload would be empty."""

    def detach(envelope: Envelope) -> Envelope:
        return {name: value for name, value in envelope.items() if name != "payload"}

    reply = session.account.read(str(session.account.kid), bend=detach)
    refused(reply, "a JWS without the member 'payload'")


@check("6.2", MUST, "newAccount")
def a_critical_parameter_that_is_unknown_is_refused(session: Session) -> None:
    """A header parameter marked critical that the server does not know makes it refuse (RFC 7515 section 4.1.11)."""
    client = session.stranger()
    header = {"crit": ["example.org/critical"], "example.org/critical": True}
    reply = client.post(session.url("newAccount"), session.registration(client), header=header)
    refused(reply, "an unknown critical header parameter")


@check("6.2", MUST, "newAccount")
def jwk_and_kid_together_are_refused(session: Session) -> None:
    """A request with both 'jwk' and 'kid' is refused."""
    client = session.new_account()
    reply = client.read(str(client.kid), header={"jwk": dict(client.key.jwk)})
    refused(reply, "a header with both jwk and kid")


@check("6.2", MUST, "newOrder")
def a_request_without_jwk_and_kid_is_refused(session: Session) -> None:
    """A request with neither 'jwk' nor 'kid' is refused."""
    reply = session.account.post(session.url("newOrder"), session.identifiers(), header={"kid": ABSENT})
    refused(reply, "a header with neither jwk nor kid")


@check("6.2", MUST, "newAccount")
def new_account_wants_a_jwk(session: Session) -> None:
    """A newAccount is signed with the 'jwk' in its header; one with a 'kid' is refused."""
    client = session.account
    reply = client.post(session.url("newAccount"), session.registration(client))
    refused(reply, "a newAccount with a kid")


@check("6.2", MUST, "newOrder")
def other_requests_want_a_kid(session: Session) -> None:
    """Requests other than newAccount and revokeCert name the account in 'kid'; one with its 'jwk' is refused."""
    client = session.account
    header = {"kid": ABSENT, "jwk": dict(client.key.jwk)}
    refused(client.post(session.url("newOrder"), session.identifiers(), header=header), "a newOrder with a jwk")


@check("6.2", MUST, "newOrder")
def the_kid_is_the_account_url_exactly(session: Session) -> None:
    """The 'kid' is the account's URL as newAccount gave it; anything else that leads to it is refused."""
    kid = str(session.account.kid)
    parts = urlsplit(kid)
    others = (
        f"{kid}/",
        f"{kid}?",
        f"{kid}#a",
        parts.path,
        parts.path.rpartition("/")[2],
        f"https://other.test{parts.path}",
    )
    for other in others:
        reply = session.account.post(session.url("newOrder"), session.identifiers(), header={"kid": other})
        refused(reply, f"the kid {other}")


@check("6.2", MUST, "newAccount")
def another_content_type_is_refused(session: Session) -> None:
    """A request whose Content-Type is not application/jose+json is answered with 415."""
    client, url = session.stranger(), session.url("newAccount")
    for content_type in ("application/json", "application/x-www-form-urlencoded"):
        body = client.request(url, session.registration(client), nonce=client.fresh_nonce())
        refused(client.send(url, body, content_type), f"the Content-Type {content_type}", status=415)


@check("6.2", SHOULD, "newAccount")
def a_header_with_a_name_twice_is_refused(session: Session) -> None:
    """A protected header with one name twice is refused, as RFC 7515 section 4 prefers it."""
    client, url = session.stranger(), session.url("newAccount")
    members = {"alg": client.key.alg, "jwk": dict(client.key.jwk), "nonce": client.nonce(), "url": url}
    twice = '{"url": "https://other.test/", ' + json.dumps(members)[1:]
    protected, payload = b64url(twice.encode()), b64url(octets(session.registration(client)))
    signature = b64url(client.key.sign(f"{protected}.{payload}".encode()))
    body = json.dumps({"protected": protected, "payload": payload, "signature": signature}).encode()
    refused(client.send(url, body), "a header with 'url' twice")


@check("6.2", MUST, "newAccount")
def an_account_may_be_registered_and_used(session: Session) -> None:
    """A request that does everything right is accepted, and its account can then be read under its URL."""
    client = session.new_account()
    reply = client.read(str(client.kid))
    accepted(reply, 200, "POST-as-GET of the account")
    expect(reply.json().get("status") == "valid", "a valid account", reply.json().get("status"))
