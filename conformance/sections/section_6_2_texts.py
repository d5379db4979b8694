"""RFC 8555 section 6.2: texts and signatures that may be read in more than one way."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from conformance.check import check
from conformance.client import Client
from conformance.expectations import all_explained, all_refused, refused
from conformance.jws import Envelope, octets
from conformance.keys import Key, b64url, key_of, new_key, unb64url
from conformance.session import Session
from conformance.verdict import Level, NotReachable
from conformance.wire import Reply

MUST, SHOULD = Level.MUST, Level.SHOULD
# What is no JSON in UTF-8 (RFC 8259), and what is, but strains its readers: each made of the JSON object that is right.
Rewrite: TypeAlias = Callable[[bytes], bytes]
NO_JSON: Mapping[str, Rewrite] = {
    "UTF-16": lambda text: text.decode().encode("utf-16"),
    "invalid UTF-8": lambda text: text[:-1] + b', "note": "\xff"}',
    "a raw control character": lambda text: text[:-1] + b', "note": "\x01"}',
    "NaN": lambda text: text[:-1] + b', "note": NaN}',
    "something after its end": lambda text: text + b"{}",
}
STRAINING: Mapping[str, Rewrite] = {
    "a byte order mark": lambda text: b"\xef\xbb\xbf" + text,
    "a lone surrogate": lambda text: text[:-1] + b', "note": "\\ud800"}',
    "20,000 levels": lambda text: text[:-1] + b', "note": ' + b"[" * 20_000 + b"]" * 20_000 + b"}",
    "a number of 9,000 digits": lambda text: text[:-1] + b', "note": ' + b"7" * 9_000 + b"}",
}
SHORT = 1024  # bits of an RSA key
# The order of P-256's base point.
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def _post(session: Session, **bent: Any) -> Reply:
    client = session.stranger()
    return client.post(session.url("newAccount"), session.registration(client), **bent)


def _with_header(session: Session, client: Client, rewrite: Rewrite) -> bytes:
    """Return a newAccount whose protected header is rewritten before it is signed."""
    url = session.url("newAccount")
    header = {"alg": client.key.alg, "jwk": dict(client.key.jwk), "nonce": client.nonce(), "url": url}
    protected = b64url(rewrite(json.dumps(header).encode()))
    payload = b64url(octets(session.registration(client)))
    signature = b64url(client.key.sign(f"{protected}.{payload}".encode()))
    return json.dumps({"protected": protected, "payload": payload, "signature": signature}).encode()


def _rewritten(session: Session, rewrites: Mapping[str, Rewrite]) -> Iterator[tuple[str, Reply]]:
    """Send each text as the body, as the protected header and as the payload of a newAccount."""
    url = session.url("newAccount")
    for what, rewrite in rewrites.items():
        client = session.stranger()
        yield f"{what} in the body", client.send(url, rewrite(client.request(url, session.registration(client))))
        yield f"{what} in the header", client.send(url, _with_header(session, client, rewrite))
        yield f"{what} in the payload", client.post(url, rewrite(octets(session.registration(client))))


@check("6.2", SHOULD, "newAccount")
def what_is_no_json_is_explained_wherever_it_is(session: Session) -> None:
    """What is no JSON in UTF-8 is refused and explained: as the body, as the protected header, and as the payload."""
    all_explained(_rewritten(session, NO_JSON))


@check("6.2", SHOULD, "newAccount", destructive=True)
def straining_json_is_no_fault_of_the_servers(session: Session) -> None:
    """JSON that is absurdly deep or long, or hardly Unicode, is accepted or explained, wherever it is."""
    all_explained((what, reply) for what, reply in _rewritten(session, STRAINING) if reply.status not in (200, 201))


@check("6.2", SHOULD, "newAccount")
def names_that_come_twice_are_refused(session: Session) -> None:
    """A name that comes twice is refused in the body, in the header's 'jwk' and in the payload (RFC 8259 section 4)."""
    url = session.url("newAccount")

    def replies() -> Iterator[tuple[str, Reply]]:
        client = session.stranger()
        body = client.request(url, session.registration(client))
        yield "two payloads in the body", client.send(url, b'{"payload": "e30", ' + body[1:])
        twice = lambda text: text.replace(b'"kty"', b'"kty": "RSA", "kty"', 1)  # noqa: E731
        yield "two ktys in the jwk", client.send(url, _with_header(session, client, twice))
        payload = octets(session.registration(client))
        yield "two agreements in the payload", client.post(url, b'{"termsOfServiceAgreed": false, ' + payload[1:])

    all_refused(replies())


@check("6.2", MUST, "newAccount")
def base64url_has_no_other_characters(session: Session) -> None:
    """Line breaks, white space and characters of other alphabets are refused in base64url (RFC 7515 section 5.2)."""
    inserted = {
        "a space": " ",
        "a line break": "\n",
        "a dot": ".",
        "'+'": "+",
        "'!'": "!",
        "a letter of no ASCII": "\u00e9",
    }

    def replies() -> Iterator[tuple[str, Reply]]:
        for what, text in inserted.items():

            def encode(data: bytes, text: str = text) -> str:
                return f"{b64url(data)[:8]}{text}{b64url(data)[8:]}"

            def bend(envelope: Envelope, text: str = text) -> Envelope:
                return {**envelope, "signature": f"{envelope['signature'][:8]}{text}{envelope['signature'][8:]}"}

            yield f"{what} in what is signed", _post(session, encode=encode)
            yield f"{what} in the signature", _post(session, bend=bend)

    all_refused(replies())


@check("6.2", SHOULD, "newAccount")
def base64url_has_one_spelling(session: Session) -> None:
    """Base64url whose last character has bits that are not used is refused (RFC 4648 section 3.5)."""

    def other(envelope: Envelope) -> Envelope:
        # A signature of 64 octets ends in two characters of which the last has four bits too many.
        return {**envelope, "signature": envelope["signature"][:-1] + chr(ord(envelope["signature"][-1]) + 1)}

    refused(_post(session, bend=other), "a signature in another spelling")


def _signers(key: Key) -> Mapping[str, Callable[[bytes], bytes]]:
    def der(data: bytes) -> bytes:
        assert isinstance(key.private, ec.EllipticCurvePrivateKey)
        return key.private.sign(data, ec.ECDSA(hashes.SHA256()))

    return {
        "DER": der,
        "an octet too many": lambda data: key.sign(data) + b"\0",
        "an octet too few": lambda data: key.sign(data)[:-1],
        "zeros in front": lambda data: b"\0" + key.sign(data)[:32] + b"\0" + key.sign(data)[32:],
        "r = s = 0": lambda _: bytes(64),
        "r = s = n": lambda _: N.to_bytes(32, "big") * 2,
        "r = 1, s = 0": lambda _: bytes(31) + b"\1" + bytes(32),
        "r and s of two signatures": lambda data: key.sign(data)[:32] + key.sign(data)[32:],
    }


@check("6.2", MUST, "newAccount")
def an_ecdsa_signature_has_one_form(session: Session) -> None:
    """A signature of ES256 is r and s in 64 octets, neither 0 nor the order of the curve (RFC 7518 section 3.4)."""
    client = session.stranger()
    all_refused(
        (f"a signature: {what}", client.post(session.url("newAccount"), session.registration(client), signer=signer))
        for what, signer in _signers(client.key).items()
    )


def _mirrored(body: bytes) -> bytes:
    """Return a request with its other signature, which is as good: (r, n - s)."""
    envelope = json.loads(body)
    made = unb64url(envelope["signature"])
    other = made[:32] + (N - int.from_bytes(made[32:], "big")).to_bytes(32, "big")
    return json.dumps({**envelope, "signature": b64url(other)}).encode()


@check("6.5", MUST, "newOrder")
def another_signature_makes_no_new_request(session: Session) -> None:
    """A request that was accepted is refused as badNonce with the other ECDSA signature that its key can verify."""
    client, url = session.account, session.url("newOrder")
    for _ in range(8):
        body = client.request(url, session.identifiers())
        if client.send(url, body).status == 201:
            refused(client.send(url, _mirrored(body)), "the same request with its other signature", "badNonce", 400)
            return
    raise NotReachable("no newOrder was accepted")


@check("6.2", MUST, "newAccount")
def near_misses_of_an_algorithm_are_refused(session: Session) -> None:
    """An 'alg' is compared as it is written (RFC 7515 section 4.1.1): what is only alike is refused."""
    all_refused((f"alg {alg!r}", _post(session, header={"alg": alg})) for alg in ("es256", "Es256", "ES256 ", "ES", ""))


@check("6.2", MUST, "newAccount")
def an_algorithm_is_for_its_kind_of_key(session: Session) -> None:
    """A key of another kind than its 'alg' is for is refused (RFC 7518 section 3.1)."""
    point, modulus = new_key("ES256").jwk, new_key("RS256").jwk
    cases = {"ES256 with an RSA key": ("ES256", modulus), "RS256 with a P-256 key": ("RS256", point)}
    cases |= {"ES384 with a P-256 key": ("ES384", point), "EdDSA with a P-256 key": ("EdDSA", point)}
    all_refused((what, _post(session, header={"alg": alg, "jwk": dict(jwk)})) for what, (alg, jwk) in cases.items())


@check("6.2", MUST, "newAccount")
def a_short_rsa_key_is_refused(session: Session) -> None:
    """An RSA key of less than 2048 bits is refused as badPublicKey (RFC 7518 section 3.3)."""
    client = session.stranger()
    client.key = key_of(rsa.generate_private_key(65537, SHORT))
    reply = client.post(session.url("newAccount"), session.registration(client))
    refused(reply, "an RSA key of 1024 bits", "badPublicKey", 400)


def _absurd_keys() -> Mapping[str, Mapping[str, Any]]:
    point, odd = dict(new_key().jwk), (1 << 2047 | 1).to_bytes(256, "big")
    rsa_key = {"kty": "RSA", "n": b64url(odd), "e": "AQAB"}
    return {
        "an RSA key of 16,384 bits": {**rsa_key, "n": b64url((1 << 16383 | 1).to_bytes(2048, "big"))},
        "an RSA exponent of 2,048 bits": {**rsa_key, "e": rsa_key["n"]},
        "the RSA exponent 1": {**rsa_key, "e": "AQ"},
        "the RSA modulus 0": {**rsa_key, "n": "AA"},
        "a point at infinity": {**point, "x": b64url(bytes(32)), "y": b64url(bytes(32))},
        "a short coordinate": {**point, "x": "AQ"},
        "a coordinate that is a number": {**point, "x": 7},
        "an unknown curve": {**point, "crv": "P-1"},
        "an unknown kty": {**point, "kty": "X"},
        "a symmetric key": {"kty": "oct", "k": "AQ"},
        "no members": {},
    }


@check("6.2", SHOULD, "newAccount")
def an_absurd_key_is_explained(session: Session) -> None:
    """A key that is absurdly large, weak or no key at all is refused, with a problem document and a nonce."""
    for_rsa = {"alg": "RS256"}
    all_explained(
        (what, _post(session, header={"jwk": jwk, **(for_rsa if jwk.get("kty") == "RSA" else {})}))
        for what, jwk in _absurd_keys().items()
    )


@check("6.2", SHOULD, "newAccount")
def a_private_key_is_not_accepted(session: Session) -> None:
    """A 'jwk' with the private member 'd', which nobody may see, is refused."""
    client = session.stranger()
    reply = client.post(
        session.url("newAccount"), session.registration(client), header={"jwk": {**client.key.jwk, "d": "AQ"}}
    )
    refused(reply, "a jwk with its private key")
