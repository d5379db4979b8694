"""Attacks on the envelope of a request: signature, key, URL, nonce and JSON (rows 1 to 42, 48 and 49)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from acme_server.exchange import Request
from acme_server.protocol.encoding import b64url, b64url_decode
from tests.acme_server.attack_rig import Attacker, attack, each, table
from tests.acme_server.rig import BASE, JOSE

N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
RSA_KEY = rsa.generate_private_key(65537, 2048)
P384 = ec.derive_private_key(60, ec.SECP384R1())
UNKNOWN = f"{BASE}/account/unknown"


def mac(attacker, encode):
    material = encode(attacker)
    header = attacker.header(attacker.kid, alg="HS256")
    return attacker.forge(header, lambda data: hmac.new(material, data, hashlib.sha256).digest())


def encoded(encoding):
    return lambda attacker: attacker.key.public_key().public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)


def with_algorithm(alg, signature=b"x"):
    return lambda attacker: attacker.forge(attacker.header(attacker.kid, alg=alg), lambda _: signature)


def mismatched(private_key, alg):
    def send(attacker):
        other = Attacker(attacker.server, attacker.url.geturl(), private_key)
        return other.send_jws(other.jws(f"{BASE}/new-account", b"{}", alg=alg), f"{BASE}/new-account")

    return send


def mangled(change):
    return lambda attacker: attacker.send_jws(change(attacker.jws()))


def to(path, **changes):
    """A request to a path, signed with the key that is smuggled in where `jwk` is given as True."""

    def send(attacker):
        header = {**changes, **({"jwk": attacker.members} if changes.get("jwk") else {})}
        return attacker.send_jws(attacker.jws(BASE + path, b"{}", **header), BASE + path)

    return send


def signed(**changes):
    return lambda attacker: attacker.send_jws(attacker.jws(**changes))


def smuggled(attacker):
    mallory = attacker.another()
    response = mallory.send_jws(
        mallory.jws(attacker.kid, b'{"contact":["mailto:m@example.org"]}', kid=attacker.kid, jwk=mallory.members),
        attacker.kid,
    )
    assert attacker.post(attacker.kid).json.get("contact", []) == []
    return response


def by_another(attacker):
    return attacker.send_jws(attacker.another().jws(attacker.kid, kid=attacker.kid))


def ecdsa(change):
    def send(attacker):
        document = attacker.jws()
        raw = b64url_decode(document["signature"])
        r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
        return attacker.send_jws({**document, "signature": b64url(change(r, s, raw))})

    return send


def pair(r, s):
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def der(attacker):
    header = {**attacker.header(attacker.kid), "alg": "ES256"}
    return attacker.forge(header, lambda data: attacker.key.sign(data, ec.ECDSA(hashes.SHA256())))


def short_rsa(attacker):
    other = attacker.another(RSA_KEY)
    document = other.jws()
    return other.send_jws({**document, "signature": document["signature"][:-4]})


def without_nonce(attacker):
    return attacker.forge({"alg": "ES256", "kid": attacker.kid, "url": attacker.kid}, ok(attacker))


def ok(attacker):
    """What the honest signer would sign with, whatever the header says."""
    return lambda data: pair(*decode_dss_signature(attacker.key.sign(data, ec.ECDSA(hashes.SHA256()))))


def with_header(**changes):
    """A header with members as they are, None and foreign types too, and a signature that verifies."""

    def send(attacker):
        header = {"alg": "ES256", "nonce": attacker.nonce(), "url": attacker.kid, "kid": attacker.kid, **changes}
        return attacker.forge(header, ok(attacker))

    return send


def raced(attacker):
    replies = attacker.parallel(*[attacker.signed(attacker.kid, None)] * 50)
    assert sorted(reply.status for reply in replies) == [200] + [400] * 49
    return next(reply for reply in replies if reply.status == 400)


def replayed(attacker, change=lambda document: document):
    request = attacker.signed(attacker.kid, {"contact": ["mailto:once@example.org"]})
    assert attacker.send(request).status == 200
    attacker.post(attacker.kid, {"contact": []})
    response = attacker.send_jws(change(json.loads(request.body)))
    assert attacker.post(attacker.kid).json.get("contact", []) == []
    return response


def malleated(document):
    raw = b64url_decode(document["signature"])
    return {**document, "signature": b64url(raw[:32] + (N - int.from_bytes(raw[32:], "big")).to_bytes(32, "big"))}


def jwk(**members):
    return lambda attacker: attacker.with_key(members)


def own_jwk(**changes):
    return lambda attacker: attacker.with_key({**attacker.members, **changes}, alg="ES256")


def rsa_jwk(n, e=65537):
    octets = [b64url(value.to_bytes((value.bit_length() + 7) // 8, "big")) for value in (n, e)]
    return jwk(kty="RSA", n=octets[0], e=octets[1])


def same_key(change):
    """Ask for an account with the key that has one, written otherwise."""

    def send(attacker):
        members = change(attacker.members)
        return attacker.send_jws(
            attacker.jws(f"{BASE}/new-account", b"{}", kid=None, jwk=members), f"{BASE}/new-account"
        )

    return send


DEEP = b"[" * 30_000
BAD_JSON = {
    "5,000 digits": b'{"x":' + b"9" * 5000 + b"}",
    "NaN": b'{"x":NaN}',
    "UTF-16": '{"x":1}'.encode("utf-16"),
    "BOM": b'\xef\xbb\xbf{"x":1}',
    "lone surrogate": b'{"x":"\\ud800"}',
    "deep": DEEP,
    "twice": b'{"x":1,"x":2}',
}
BAD_URL = {
    "another path": lambda url: url + "/x",
    "slash": lambda url: url + "/",
    "query": lambda url: url + "?x=1",
    "fragment": lambda url: url + "#x",
    "scheme": lambda url: url.replace("https", "http"),
    "host case": lambda url: url.replace("acme.test", "ACME.test"),
    "host": lambda url: url.replace("acme.test", "evil.test"),
    "no port": lambda url: url.replace(":14000", ""),
    "port": lambda url: url.replace(":14000", ":443"),
    "percent": lambda url: url.replace("acc", "%61cc"),
    "two slashes": lambda url: url.replace(BASE, BASE + "/"),
    "dot": lambda url: url.replace(BASE, BASE + "/."),
}
# No account URL of this server, though nearly.
BAD_KID = {
    **{name: BAD_URL[name] for name in ("scheme", "host", "percent", "dot")},
    "path alone": lambda url: url.removeprefix(BASE),
    "id alone": lambda url: url.rpartition("/")[2],
}

ATTACKS = table(
    attack(
        1,
        "no algorithm",
        {alg: with_algorithm(alg, b"") for alg in ("none", "None", "NONE", "nOnE")},
        rfc8555="400 badSignatureAlgorithm",
    ),
    attack(
        2,
        "public key as MAC key:",
        {
            "JWK": lambda attacker: mac(attacker, lambda one: json.dumps(one.members).encode()),
            "PEM": lambda attacker: mac(attacker, encoded(Encoding.PEM)),
            "DER": lambda attacker: mac(attacker, encoded(Encoding.DER)),
        },
        rfc8555="400 badSignatureAlgorithm",
    ),
    attack(
        3,
        "algorithm of another key:",
        {
            "ES256 with RSA": mismatched(RSA_KEY, "ES256"),
            "RS256 with P-256": mismatched(None, "RS256"),
            "ES256 with P-384": mismatched(P384, "ES256"),
            "EdDSA with P-256": mismatched(None, "EdDSA"),
        },
        rfc8555="400 badPublicKey",
        pebble="400 badSignatureAlgorithm",
        boulder="400 malformed",
    ),
    attack(
        4,
        "algorithm",
        {alg: with_algorithm(alg) for alg in ("es256", "PS256", "RS512", "ES256K", "RS1", "")},
        rfc8555="400 badSignatureAlgorithm",
    ),
    attack(5, "jwk and kid", to("/new-order", jwk=True), rfc8555="400 malformed"),
    attack(6, "neither jwk nor kid", signed(kid=None), rfc8555="400 malformed"),
    attack(7, "kid on newAccount", to("/new-account"), rfc8555="400 malformed"),
    attack(
        7,
        "jwk on",
        {path: to(path, kid=None, jwk=True) for path in ("/new-order", "/authz/x", "/order/x/finalize", "/chall/x/0")},
        rfc8555="400 malformed",
    ),
    attack(8, "jwk smuggled beside kid", smuggled, rfc8555="400 malformed"),
    # The RFC gives a kid that names no account one type (section 6.7), however close it is.
    attack(
        9,
        "kid",
        {
            name: lambda one, change=change: one.send_jws(one.jws(kid=change(one.kid)))
            for name, change in BAD_KID.items()
        },
        rfc8555="400 accountDoesNotExist",
        pebble="400 malformed",
        boulder="400 malformed",
    ),
    attack(
        9,
        "kid",
        {
            "with a slash": lambda one: one.send_jws(one.jws(kid=one.kid + "/")),
            "with a query": lambda one: one.send_jws(one.jws(kid=one.kid + "?")),
        },
        rfc8555="400 accountDoesNotExist",
    ),
    attack(
        10, "unknown kid", lambda one: one.send_jws(one.jws(kid=one.wire(UNKNOWN))), rfc8555="400 accountDoesNotExist"
    ),
    attack(11, "signed by another", by_another, rfc8555="400 malformed"),
    attack(
        12,
        "several signatures:",
        {
            "general form": mangled(lambda jws: {"payload": jws["payload"], "signatures": [jws]}),
            "beside one": mangled(lambda jws: {**jws, "signatures": [jws]}),
        },
        rfc8555="400 malformed",
    ),
    attack(13, "unprotected header", mangled(lambda jws: {**jws, "header": {"nonce": "x"}}), rfc8555="400 malformed"),
    attack(14, "compact form", mangled(lambda jws: ".".join(jws.values()).encode()), rfc8555="400 malformed"),
    attack(
        15,
        "header parameter",
        {"crit": signed(crit=["url"]), "b64": signed(b64=False), "zip": signed(zip="DEF")},
        rfc8555="400 malformed",
    ),
    attack(
        16,
        "payload",
        {
            "missing": mangled(lambda jws: {"protected": jws["protected"], "signature": jws["signature"]}),
            "null": mangled(lambda jws: {**jws, "payload": None}),
            "object": mangled(lambda jws: {**jws, "payload": {}}),
        },
        rfc8555="400 malformed",
    ),
    attack(17, "empty signature", mangled(lambda jws: {**jws, "signature": ""}), rfc8555="400 malformed"),
    attack(
        18,
        "padding in",
        {
            **{
                name: mangled(lambda jws, name=name: {**jws, name: jws[name] + "="})
                for name in ("protected", "payload")
            },
            "signature": mangled(lambda jws: {**jws, "signature": jws["signature"] + "=="}),
        },
        rfc8555="400 malformed",
    ),
    attack(18, "padding in the JWK", own_jwk(x="A" * 43 + "="), rfc8555="400 badPublicKey"),
    attack(
        19,
        "alphabet of base64",
        mangled(lambda jws: {**jws, "signature": base64.b64encode(b"\xfb\xff" * 32).rstrip(b"=").decode()}),
        rfc8555="400 malformed",
    ),
    attack(
        20,
        "base64url with",
        {
            "white space": mangled(
                lambda jws: {**jws, "signature": jws["signature"][:5] + "\n" + jws["signature"][5:]}
            ),
            "garbage": mangled(lambda jws: {**jws, "signature": jws["signature"] + "!"}),
            "stray bits": mangled(lambda jws: {**jws, "signature": jws["signature"][:-1] + "_"}),
        },
        rfc8555="400 malformed",
    ),
    attack(
        21,
        "a name twice in",
        {
            "body": mangled(lambda jws: json.dumps(jws).encode()[:-1] + b',"payload":""}'),
            "protected": lambda one: one.forge(b'{"alg":"ES256","alg":"none"}', lambda _: b"x"),
            "payload": lambda one: one.send_jws(one.jws(payload=b'{"contact":[],"contact":[]}')),
        },
        rfc8555="400 malformed",
    ),
    attack(
        22,
        "url",
        {name: lambda one, change=change: one.send_jws(one.jws(change(one.kid))) for name, change in BAD_URL.items()},
        rfc8555="403 unauthorized",
        pebble="400 malformed",
        boulder="400 malformed",
    ),
    attack(23, "url", {repr(url): with_header(url=url) for url in (None, 7, ["x"], {}, True)}, rfc8555="400 malformed"),
    attack(
        24,
        "spoofed",
        each(
            ("host", "x-forwarded-host", "x-forwarded-proto", "forwarded"),
            lambda one, name: one.send_jws(
                one.jws(one.kid.replace("acme.test:14000", "evil.test")), headers={**JOSE, name: "evil.test"}
            ),
        ),
        rfc8555="403 unauthorized",
        pebble="400 malformed",
        boulder="400 malformed",
    ),
    attack(25, "no nonce", without_nonce, rfc8555="400 badNonce"),
    attack(26, "one nonce for fifty", raced, rfc8555="400 badNonce"),
    attack(
        27,
        "nonce",
        {repr(nonce): with_header(nonce=nonce) for nonce in ("AAA=", "no base64url!", "ünïcode", 7, ["A"])},
        rfc8555="400 malformed",
        pebble="400 badNonce",
        boulder="400 badNonce",
    ),
    attack(28, "nonce of another server", with_header(nonce="A" * 22), rfc8555="400 badNonce"),
    attack(
        29,
        "nonce",
        {"of 10 kB": with_header(nonce="A" * 10_000), "empty": with_header(nonce="")},
        rfc8555="400 badNonce",
    ),
    attack(
        31,
        "Replay-Nonce in the request",
        lambda one: one.send_jws(one.jws(), headers={**JOSE, "replay-nonce": "no nonce!"}),
        rfc8555="200",
        pebble="400 malformed",
        boulder="400 malformed",
    ),
    attack(32, "replay", replayed, rfc8555="400 badNonce"),
    attack(
        33,
        "ECDSA with",
        {
            "r = 0": ecdsa(lambda r, s, raw: pair(0, s)),
            "s = 0": ecdsa(lambda r, s, raw: pair(r, 0)),
            "r = n": ecdsa(lambda r, s, raw: pair(N, s)),
            "s = n": ecdsa(lambda r, s, raw: pair(r, N)),
        },
        rfc8555="400 malformed",
    ),
    attack(
        34,
        "signature",
        {
            "in DER": der,
            "short": ecdsa(lambda r, s, raw: raw[:-1]),
            "long": ecdsa(lambda r, s, raw: raw + b"\0"),
            "of RSA, short": short_rsa,
        },
        rfc8555="400 malformed",
    ),
    attack(35, "replay with n - s", lambda one: replayed(one, malleated), rfc8555="400 badNonce"),
    attack(
        36,
        "EC point",
        {
            "off the curve": own_jwk(y=b64url(b"\1" * 32)),
            "at infinity": own_jwk(x=b64url(bytes(32)), y=b64url(bytes(32))),
            "short": own_jwk(x=b64url(b"\1" * 31)),
            "long": own_jwk(x=b64url(b"\1" * 33)),
        },
        rfc8555="400 badPublicKey",
    ),
    attack(
        37,
        "RSA of",
        {str(bits): rsa_jwk((1 << bits) - 1) for bits in (512, 1024, 2047, 2050)},
        rfc8555="400 badPublicKey",
    ),
    # Refused by size: had they been used to verify, each would have cost milliseconds.
    attack(
        38,
        "RSA",
        {"of 16k bits": rsa_jwk((1 << 16384) - 1), "with 2,048 bits of e": rsa_jwk((1 << 2048) - 1, (1 << 2047) + 1)},
        rfc8555="400 badPublicKey",
    ),
    attack(
        39,
        "RSA with",
        {
            "e = 1": rsa_jwk((1 << 2048) - 1, 1),
            "e = 3": rsa_jwk((1 << 2048) - 1, 3),
            "even n": rsa_jwk((1 << 2048) - 2),
        },
        rfc8555="400 badPublicKey",
    ),
    attack(40, "private member", own_jwk(d="AAAA"), rfc8555="400 malformed"),
    attack(
        40,
        "key elsewhere:",
        each(("jku", "x5u", "x5c"), lambda one, name: one.send_jws(one.jws(**{name: "https://canary.test/keys"}))),
        rfc8555="400 malformed",
    ),
    attack(
        41,
        "JWK",
        {
            "use": own_jwk(use="enc"),
            "key_ops": own_jwk(key_ops=["encrypt"]),
            "alg": own_jwk(alg="ES384"),
        },
        rfc8555="400 badPublicKey",
    ),
    attack(
        42,
        "the same key",
        {
            "in another order": same_key(lambda members: dict(reversed(members.items()))),
            "with more members": same_key(lambda members: {**members, "extra": "x", "kid": "y"}),
        },
        rfc8555="200",
    ),
    attack(42, "the same key with leading zeros", own_jwk(x="AA" + "A" * 42), rfc8555="400 badPublicKey"),
    attack(
        48,
        "depth of",
        {
            "body": mangled(lambda _: DEEP),
            "protected": lambda one: one.forge(DEEP, lambda _: b"x"),
            "payload": lambda one: one.send_jws(one.jws(payload=DEEP)),
            "JWK": mangled(lambda _: b'{"jwk":' * 5000),
        },
        rfc8555="400 malformed",
    ),
    attack(
        49,
        "JSON:",
        {name: lambda one, data=data: one.send_jws(one.jws(payload=data)) for name, data in BAD_JSON.items()},
        rfc8555="400 malformed",
    ),
)


@pytest.mark.parametrize("row", ATTACKS, ids=str)
def test_each_attack_has_one_answer(attacker, row, personality):
    row.carry_out(attacker, personality)


def test_a_spoofed_host_does_not_show_in_the_directory(attacker):
    spoofed = attacker.send(Request("GET", "/dir", {"host": "evil.test", "x-forwarded-host": "evil.test"}))
    assert spoofed.json == attacker.get("/dir").json
