"""RFC 8555 section 7.3.4: external account binding. Most of it needs an external account (--eab)."""

from __future__ import annotations

from typing import Any

from conformance.check import check
from conformance.expectations import accepted, refused
from conformance.jws import sign
from conformance.keys import b64url, new_key
from conformance.session import Session
from conformance.verdict import Level, NotOffered, expect

MUST, SHOULD = Level.MUST, Level.SHOULD
MEMBER = "externalAccountBinding"


@check("7.3.4", MUST, "newAccount")
def a_required_binding_is_announced(session: Session) -> None:
    """A server that refuses accounts without a binding has externalAccountRequired: true in its meta."""
    reply = session.stranger().post(session.url("newAccount"), {"termsOfServiceAgreed": True})
    if reply.kind == "externalAccountRequired":
        found = session.meta("externalAccountRequired")
        expect(found is True, "externalAccountRequired: true in meta", found)


@check("7.3.4", SHOULD, "newAccount")
def a_missing_binding_is_named_so(session: Session) -> None:
    """A newAccount without a binding that is required is refused as externalAccountRequired."""
    if session.meta("externalAccountRequired") is not True:
        raise NotOffered("the server wants no external account")
    reply = session.stranger().post(session.url("newAccount"), {"termsOfServiceAgreed": True})
    refused(reply, "a newAccount without a binding", "externalAccountRequired")


@check("7.3.4", MUST, "newAccount")
def a_binding_that_was_not_verified_is_not_shown(session: Session) -> None:
    """A binding that the server does not verify is not in the account object: one that nobody could verify is not."""
    client, secret = session.stranger(), new_key()
    header = {"alg": "HS256", "kid": "nobody", "url": session.url("newAccount")}
    binding = sign(header, client.key.jwk, client.key, secret.sign)
    reply = client.post(session.url("newAccount"), {"termsOfServiceAgreed": True, MEMBER: binding})
    if reply.status == 201:
        expect(MEMBER not in reply.json(), f"no {MEMBER} in the account", reply.json())


@check("7.3.4", MUST, "newAccount")
def a_binding_is_accepted_and_shown(session: Session) -> None:
    """A binding that is right is accepted, and the account object has it, as it was sent."""
    client = session.stranger()
    binding = session.binding(client)
    reply = client.post(session.url("newAccount"), {"termsOfServiceAgreed": True, MEMBER: binding})
    accepted(reply, 201, "a newAccount with a binding")
    expect(reply.json().get(MEMBER) == binding, "the binding as it was sent", reply.json().get(MEMBER))


@check("7.3.4", MUST, "newAccount")
def a_wrong_binding_is_refused(session: Session) -> None:
    """A binding is refused unless its MAC, algorithm, key identifier, url and payload are right, and it has no nonce."""
    other = new_key()
    wrong: dict[str, dict[str, Any]] = {
        "a wrong MAC": {"signer": lambda data: other.sign(data)[:32]},
        "an algorithm that is no MAC": {"header": {"alg": "ES256"}, "signer": other.sign},
        "a key identifier that is unknown": {"header": {"kid": b64url(b"nobody's")}},
        "another url": {"header": {"url": session.url("newNonce")}},
        "a nonce": {"header": {"nonce": session.stranger().fresh_nonce()}},
        "another key as payload": {"key": other.jwk},
    }
    for what, bent in wrong.items():
        client = session.stranger()
        payload = {"termsOfServiceAgreed": True, MEMBER: session.binding(client, **bent)}
        refused(client.post(session.url("newAccount"), payload), f"a binding with {what}")
