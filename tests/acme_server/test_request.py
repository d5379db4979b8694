"""Attacks on the signature, the key, the URL and the nonce of a request (RFC 8555 sections 6.2 to 6.5).

Each must end in one status and one type, with a fresh nonce, and leave the
account as it was.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import timedelta

import attrs
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from acme_server.exchange import Request
from acme_server.protocol.encoding import b64url, b64url_decode
from acme_server.protocol.jose import ALGORITHMS, sign
from acme_server.protocol.jwk import jwk_of
from acme_server.settings import Settings
from tests.acme_server.rig import BASE, JOSE, Client, key, make_server, registered

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
RSA_KEY = rsa.generate_private_key(65537, 2048)
KEYS = {
    "RS256": RSA_KEY,
    "ES256": key(50),
    "ES384": ec.derive_private_key(51, ec.SECP384R1()),
    "ES512": ec.derive_private_key(52, ec.SECP521R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.from_private_bytes(b"\x35" * 32),
}


@pytest.fixture
def client():
    return registered()


def jws(client, url, payload=b"", **changes):
    return sign(client.key, client.header(url, **changes), payload)


def send(client, document, url=None, headers=JOSE):
    """Send a JWS, as it is when it is bytes, to the account's URL unless told otherwise; the account survives."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    response = client.send(
        Request("POST", (url or client.kid or f"{BASE}/new-account").removeprefix(BASE), headers, body)
    )
    assert_usable(client, response)
    return response


def assert_usable(client, response):
    """The nonce that came along works, and the account is still what it was."""
    if client.kid:
        again = client.post(client.kid, nonce=response.header("Replay-Nonce"))
        assert (again.status, again.json["status"]) == (200, "valid")
    else:
        assert client.register(nonce=response.header("Replay-Nonce")).status == 201


def resigned(header, payload, signature):
    protected = b64url(json.dumps(header).encode())
    text = b64url(payload)
    return {"protected": protected, "payload": text, "signature": b64url(signature(f"{protected}.{text}".encode()))}


@pytest.mark.parametrize("alg", sorted(ALGORITHMS))
def test_every_algorithm_that_is_promised_works_for_accounts(alg):
    client = Client(make_server(), KEYS[alg])
    assert client.register().status == 201
    assert client.post(client.kid).status == 200


@pytest.mark.parametrize(
    "alg", ["none", "None", "NONE", "nOnE", "HS256", "HS384", "HS512", "es256", "PS256", "RS512", "RS1", "ES256K", ""]
)
def test_an_unsupported_algorithm_is_refused_and_the_supported_ones_are_named(client, alg):
    response = send(client, resigned(client.header(client.kid, alg=alg), b"", lambda data: b"x"))
    assert response.outcome == (400, "badSignatureAlgorithm")
    assert response.json["algorithms"] == list(ALGORITHMS)


@pytest.mark.parametrize("secret", ["jwk", "pem", "der"])
def test_the_public_key_is_no_mac_secret(client, secret):
    public = client.key.public_key()
    material = {
        "jwk": json.dumps(dict(jwk_of(public).members)).encode(),
        "pem": public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "der": public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
    }[secret]
    forged = resigned(
        client.header(client.kid, alg="HS256"), b"", lambda data: hmac.new(material, data, hashlib.sha256).digest()
    )
    assert send(client, forged).outcome == (400, "badSignatureAlgorithm")


@pytest.mark.parametrize("alg", sorted(ALGORITHMS))
@pytest.mark.parametrize("of", sorted(ALGORITHMS))
def test_algorithm_and_key_must_fit(alg, of):
    client = Client(make_server(), KEYS[of])
    header = client.header(f"{BASE}/new-account", alg=alg)
    response = client.send(Request("POST", "/new-account", JOSE, json.dumps(sign(client.key, header, b"{}")).encode()))
    assert (201 if alg == of else 400) == response.status
    if alg != of:
        assert response.type == "badPublicKey"


def test_the_header_has_either_jwk_or_kid(client):
    members = dict(jwk_of(client.key.public_key()).members)
    smuggled = dict(jwk_of(key(66).public_key()).members)
    for changes in ({"jwk": members}, {"jwk": smuggled}, {"kid": None}):
        assert send(client, jws(client, client.kid, **changes)).outcome == (400, "malformed")
    attacker = sign(key(66), client.header(client.kid, jwk=smuggled), b'{"contact":["mailto:evil@example.org"]}')
    assert send(client, attacker).outcome == (400, "malformed")
    assert client.post(client.kid).json["contact"] == []


@pytest.mark.parametrize(
    ("path", "signer"),
    [
        ("/new-account", "kid"),
        ("/new-order", "jwk"),
        ("/authz/x", "jwk"),
        ("/order/x/finalize", "jwk"),
        ("/chall/x/0", "jwk"),
        ("/account/x", "jwk"),
        ("/dir", "jwk"),
    ],
)
def test_each_endpoint_takes_one_kind_of_signer(client, path, signer):
    members = dict(jwk_of(client.key.public_key()).members)
    changes = {"kid": None, "jwk": members} if signer == "jwk" else {}
    assert send(client, jws(client, BASE + path, b"{}", **changes), BASE + path).outcome == (400, "malformed")


def test_a_kid_is_an_account_url_to_the_letter(client):
    account = client.kid.rpartition("/")[2]
    for kid in (
        f"https://other.test:14000/account/{account}",
        f"http://acme.test:14000/account/{account}",
        f"https://acme.test:14000/./account/{account}",
        f"https://acme.test:14000/x/../account/{account}",
        f"https://acme.test:14000/%61ccount/{account}",
        f"https://acme.test:14000/account/{account}/",
        f"https://acme.test:14000/account/{account}?",
        f"https://ACME.test:14000/account/{account}",
        f"{BASE}/account/",
        f"{BASE}/account/unknown",
        f"{BASE}/order/{account}",
        account,
        "",
    ):
        assert send(client, jws(client, client.kid, kid=kid)).outcome == (400, "accountDoesNotExist")
    for kid in (7, ["x"], {}, True):
        assert send(client, jws(client, client.kid, kid=kid)).outcome == (400, "malformed")


def test_one_account_cannot_sign_for_another(client):
    other = Client(client.server, key(2))
    other.register()
    assert send(client, jws(other, client.kid, kid=client.kid)).outcome == (400, "malformed")


MANGLED = {
    "two signatures": lambda jws: {
        **jws,
        "signatures": [{"protected": jws["protected"], "signature": jws["signature"]}],
    },
    "general form": lambda jws: {"payload": jws["payload"], "signatures": [jws]},
    "unprotected header": lambda jws: {**jws, "header": {"nonce": "x"}},
    "empty unprotected header": lambda jws: {**jws, "header": {}},
    "compact form": lambda jws: json.dumps(".".join(jws.values())).encode(),
    "bare compact form": lambda jws: ".".join(jws.values()).encode(),
    "no payload": lambda jws: {name: jws[name] for name in ("protected", "signature")},
    "null payload": lambda jws: {**jws, "payload": None},
    "object payload": lambda jws: {**jws, "payload": {}},
    "empty signature": lambda jws: {**jws, "signature": ""},
    "no signature": lambda jws: {name: jws[name] for name in ("protected", "payload")},
    "padded protected": lambda jws: {**jws, "protected": jws["protected"] + "="},
    "padded payload": lambda jws: {**jws, "payload": "e30="},
    "padded signature": lambda jws: {**jws, "signature": jws["signature"] + "=="},
    "standard alphabet": lambda jws: {**jws, "signature": base64.b64encode(b"\xfb\xff" * 32).rstrip(b"=").decode()},
    "white space": lambda jws: {**jws, "signature": jws["signature"][:5] + "\n" + jws["signature"][5:]},
    "trailing garbage": lambda jws: {**jws, "signature": jws["signature"] + "!"},
    "stray bits": lambda jws: {**jws, "signature": jws["signature"][:-1] + "_"},
    "array": lambda jws: [jws],
    "no JSON": lambda jws: b"hello",
    "nothing": lambda jws: b"",
    "UTF-16": lambda jws: json.dumps(jws).encode("utf-16"),
    "byte order mark": lambda jws: b"\xef\xbb\xbf" + json.dumps(jws).encode(),
    "not a number": lambda jws: json.dumps({**jws, "x": float("nan")}).encode(),
    "endless number": lambda jws: b'{"x":' + b"9" * 5000 + b"}",
    "deep": lambda jws: b"[" * 30_000,
    "deep object": lambda jws: b'{"a":' * 9000,
    "lone surrogate": lambda jws: b'{"x":"\\ud800"}',
    "same name twice": lambda jws: json.dumps(jws).encode()[:-1] + b',"payload":""}',
}


@pytest.mark.parametrize("mangle", MANGLED.values(), ids=MANGLED)
def test_only_one_strict_flattened_jws_is_read(client, mangle):
    assert send(client, mangle(jws(client, client.kid))).outcome == (400, "malformed")


@pytest.mark.parametrize("name", ["crit", "b64", "zip", "jku", "x5u", "x5c"])
@pytest.mark.parametrize("value", [["exp"], ["url"], False, "DEF", "https://canary.test/keys"])
def test_header_parameters_that_change_the_meaning_are_refused(client, name, value):
    assert send(client, jws(client, client.kid, **{name: value})).outcome == (400, "malformed")
    assert client.driver.waiting == []


@pytest.mark.parametrize(
    "protected",
    [
        b'{"alg":"ES256","alg":"none"}',
        b'{"alg":"ES256","url":"a","url":"b"}',
        b"[]",
        b"null",
        b'"alg"',
        b"{" * 50_000,
        b'{"alg":NaN}',
        b'{"alg":1}',
        b"{}",
        b"\xff",
    ],
)
def test_a_protected_header_with_two_meanings_is_refused(client, protected):
    document = {"protected": b64url(protected[:40_000]), "payload": "", "signature": "AA"}
    assert send(client, document).outcome == (400, "malformed")


def test_nothing_changes_when_a_payload_names_a_member_twice(client):
    document = jws(client, client.kid, b'{"contact":["mailto:a@example.org"],"contact":[]}')
    assert send(client, document).outcome == (400, "malformed")


@pytest.mark.parametrize(
    "mutate",
    [
        lambda url: url + "/",
        lambda url: url + "?x=1",
        lambda url: url + "#x",
        lambda url: url.replace("https", "http"),
        lambda url: url.replace("acme.test", "ACME.test"),
        lambda url: url.replace("acme.test", "evil.test"),
        lambda url: url.replace(":14000", ""),
        lambda url: url.replace(":14000", ":443"),
        lambda url: url.replace("account", "%61ccount"),
        lambda url: url.replace("/account", "//account"),
        lambda url: url.replace("/account", "/./account"),
        lambda url: f"{BASE}/new-order",
        lambda url: "",
    ],
)
def test_a_request_signed_for_another_url_is_unauthorized(client, mutate):
    assert send(client, jws(client, mutate(client.kid))).outcome == (403, "unauthorized")


@pytest.mark.parametrize("url", [None, 7, ["x"], {"a": 1}, True])
def test_a_request_without_a_url_is_malformed(client, url):
    header = {**client.header(client.kid), "url": url}
    if url is None:
        del header["url"]
    assert send(client, sign(client.key, header, b"")).outcome == (400, "malformed")


@pytest.mark.parametrize("name", ["host", "x-forwarded-host", "x-forwarded-proto", "forwarded"])
def test_urls_come_from_the_configuration_and_never_from_headers(client, name):
    spoofed = {**JOSE, name: "evil.test"}
    assert client.send(Request("GET", "/dir", spoofed)).json == client.get("/dir").json
    document = jws(client, client.kid.replace("acme.test:14000", "evil.test"))
    assert send(client, document, headers=spoofed).outcome == (403, "unauthorized")


def test_a_missing_nonce_is_answered_with_one_that_works(client):
    header = client.header(client.kid)
    del header["nonce"]
    assert send(client, sign(client.key, header, b"")).outcome == (400, "badNonce")


@pytest.mark.parametrize(
    ("nonce", "kind"),
    [
        ("AAAAAAAAAAAAAAAAAAAAAA", "badNonce"),
        ("", "badNonce"),
        ("A" * 10_000, "badNonce"),
        ("AAA=", "malformed"),
        ("not base64url!", "malformed"),
        ("ünïcode", "malformed"),
        (7, "malformed"),
        (["AAAA"], "malformed"),
    ],
)
def test_a_nonce_is_base64url_and_one_of_ours(client, nonce, kind):
    header = {**client.header(client.kid), "nonce": nonce}
    assert send(client, sign(client.key, header, b"")).outcome == (400, kind)


def test_one_nonce_serves_one_of_fifty_requests(client):
    request = client.signed(client.kid, None)
    outcomes = [client.send(request) for _ in range(50)]
    assert [response.status for response in outcomes] == [200] + [400] * 49
    assert {response.type for response in outcomes[1:]} == {"badNonce"}


def test_a_nonce_outlives_requests_that_do_not_verify(client):
    nonce = client.nonce()
    broken = {**jws(client, client.kid, nonce=nonce), "signature": b64url(b"\1" * 64)}
    assert send(client, broken).outcome == (400, "malformed")
    assert send(client, jws(client, f"{BASE}/elsewhere", nonce=nonce)).outcome == (403, "unauthorized")
    assert client.post(client.kid, nonce=nonce).status == 200


def test_a_nonce_grows_too_old():
    client = registered(Settings(nonce_lifetime=timedelta(minutes=5)))
    nonce = client.nonce()
    client.driver.pass_time(minutes=5)
    assert client.post(client.kid, nonce=nonce).outcome == (400, "badNonce")


def test_a_nonce_of_another_server_is_not_ours(client):
    assert client.post(client.kid, nonce=registered(seed=9).nonce()).outcome == (400, "badNonce")


def test_a_replay_nonce_in_a_request_is_ignored(client):
    document = jws(client, client.kid)
    assert send(client, document, headers={**JOSE, "replay-nonce": "nonsense!"}).status == 200


def ecdsa(r, s, size=32):
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


SIGNATURES = {
    "r is zero": lambda raw, der: ecdsa(0, 7),
    "s is zero": lambda raw, der: ecdsa(7, 0),
    "both zero": lambda raw, der: bytes(64),
    "r is the order": lambda raw, der: ecdsa(P256_ORDER, 7),
    "s is the order": lambda raw, der: ecdsa(7, P256_ORDER),
    "DER": lambda raw, der: der,
    "one octet short": lambda raw, der: raw[:-1],
    "one octet long": lambda raw, der: raw + b"\0",
    "one octet longer in front": lambda raw, der: b"\0" + raw,
    "one bit flipped": lambda raw, der: raw[:-1] + bytes([raw[-1] ^ 1]),
}


@pytest.mark.parametrize("forge", SIGNATURES.values(), ids=SIGNATURES)
def test_an_ecdsa_signature_is_two_coordinates_that_verify(client, forge):
    honest = jws(client, client.kid)
    data = f"{honest['protected']}.{honest['payload']}".encode()
    der = client.key.sign(data, ec.ECDSA(hashes.SHA256()))
    forged = {**honest, "signature": b64url(forge(b64url_decode(honest["signature"]), der))}
    assert send(client, forged).outcome == (400, "malformed")


@pytest.mark.parametrize(
    "change", [lambda raw: raw[:-1], lambda raw: b"\0" + raw, lambda raw: raw + b"\0", lambda raw: raw[::-1]]
)
def test_an_rsa_signature_is_as_long_as_the_key(change):
    client = Client(make_server(), RSA_KEY)
    client.register()
    honest = jws(client, client.kid)
    forged = {**honest, "signature": b64url(change(b64url_decode(honest["signature"])))}
    assert send(client, forged).outcome == (400, "malformed")


def test_rsa_pss_is_not_pkcs1(client):
    client = Client(make_server(), RSA_KEY)
    client.register()
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    forged = resigned(
        client.header(client.kid, alg="RS256"), b"", lambda data: RSA_KEY.sign(data, pss, hashes.SHA256())
    )
    assert send(client, forged).outcome == (400, "malformed")


def test_the_other_form_of_an_ecdsa_signature_is_a_replay_all_the_same(client):
    request = client.signed(client.kid, None)
    assert client.send(request).status == 200
    document = json.loads(request.body)
    raw = b64url_decode(document["signature"])
    r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
    twin = {**document, "signature": b64url(ecdsa(r, P256_ORDER - s))}
    assert client.send(attrs.evolve(request, body=json.dumps(twin).encode())).outcome == (400, "badNonce")
