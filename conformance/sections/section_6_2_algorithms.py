"""RFC 8555 section 6.2: which algorithms and keys may sign."""

from __future__ import annotations

import hashlib
import hmac
import json

from conformance.check import check
from conformance.expectations import accepted, refused
from conformance.keys import unb64url
from conformance.session import Session
from conformance.verdict import Level, expect
from conformance.wire import Reply

MUST, SHOULD = Level.MUST, Level.SHOULD


@check("6.2", MUST, "newAccount")
def es256_is_accepted(session: Session) -> None:
    """The server implements ES256."""
    client = session.stranger("ES256")
    accepted(
        client.post(session.url("newAccount"), session.registration(client)), 201, "a newAccount signed with ES256"
    )


@check("6.2", SHOULD, "newAccount")
def eddsa_is_accepted(session: Session) -> None:
    """The server implements EdDSA with Ed25519."""
    client = session.stranger("EdDSA")
    accepted(
        client.post(session.url("newAccount"), session.registration(client)), 201, "a newAccount signed with EdDSA"
    )


@check("6.2", MUST, "newAccount")
def the_algorithm_none_is_refused(session: Session) -> None:
    """A request whose 'alg' is none is refused, however the word is written."""
    for alg in ("none", "None", "NONE"):
        client = session.stranger()
        header, signer = {"alg": alg}, lambda _: b""
        reply = client.post(session.url("newAccount"), session.registration(client), header=header, signer=signer)
        refused(reply, f"alg {alg!r} without a signature")


@check("6.2", MUST, "newAccount")
def a_mac_is_refused(session: Session) -> None:
    """A request whose 'alg' is a MAC is refused, also when its key is the public key that everybody knows."""
    client = session.stranger()
    for secret in (json.dumps(dict(client.key.jwk)).encode(), unb64url(client.key.jwk["x"])):
        reply = client.post(
            session.url("newAccount"),
            session.registration(client),
            header={"alg": "HS256"},
            signer=lambda data, secret=secret: hmac.digest(secret, data, hashlib.sha256),
        )
        refused(reply, "alg HS256, with the public key as secret")


def _unsupported(session: Session) -> Reply:
    client = session.stranger()
    header = {"alg": "X-UNKNOWN"}
    return client.post(session.url("newAccount"), session.registration(client), header=header)


@check("6.2", MUST, "newAccount")
def an_unsupported_algorithm_is_named_so(session: Session) -> None:
    """An algorithm that the server does not support is answered with 400 and badSignatureAlgorithm."""
    refused(_unsupported(session), "alg 'X-UNKNOWN'", "badSignatureAlgorithm", 400)


@check("6.2", MUST, "newAccount")
def supported_algorithms_are_listed(session: Session) -> None:
    """The problem document of an unsupported algorithm lists the supported ones in 'algorithms'."""
    found = (_unsupported(session).problem or {}).get("algorithms")
    listed = isinstance(found, list) and "ES256" in found
    expect(listed, "an array 'algorithms' with ES256 in it", "no such member" if found is None else found)


@check("6.2", MUST, "newAccount")
def a_key_that_is_no_point_is_refused_as_such(session: Session) -> None:
    """A public key that the server does not take is answered with 400 and badPublicKey."""
    client = session.stranger()
    off_curve = {**client.key.jwk, "y": client.key.jwk["x"]}
    reply = client.post(session.url("newAccount"), session.registration(client), header={"jwk": off_curve})
    refused(reply, "a key that is not on its curve", "badPublicKey", 400)
