"""Keys that an account may not have, and keys that are the same key (RFC 8555 section 6.2, RFC 7638)."""

from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from acme_server.account_keys import AccountKeys
from acme_server.accounts import Account
from acme_server.exchange import Request
from acme_server.protocol.encoding import b64url, b64url_decode
from acme_server.protocol.jose import sign
from acme_server.protocol.jwk import jwk_of
from acme_server.store import ACCOUNT_BY_THUMBPRINT
from tests.acme_server.rig import BASE, JOSE, Client, key, make_server

RSA_KEY = rsa.generate_private_key(65537, 2048)
EC_MEMBERS = dict(jwk_of(key(1).public_key()).members)
RSA_MEMBERS = dict(jwk_of(RSA_KEY.public_key()).members)
P256_PRIME = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF


def number(bits):
    """An odd number of exactly so many bits."""
    return b64url(((1 << (bits - 1)) | 1).to_bytes((bits + 7) // 8, "big"))


def register(client, jwk, private_key=None):
    header = client.header(f"{BASE}/new-account", jwk=jwk)
    document = sign(private_key or client.key, header, b"{}")
    return client.send(Request("POST", "/new-account", JOSE, json.dumps(document).encode()))


BAD_EC = {
    "off the curve": {"y": b64url(b"\1" * 32)},
    "at infinity": {"x": b64url(bytes(32)), "y": b64url(bytes(32))},
    "beyond the prime": {"x": b64url(P256_PRIME.to_bytes(32, "big"))},
    "short coordinate": {"x": b64url(b64url_decode(EC_MEMBERS["x"])[1:])},
    "long coordinate": {"x": b64url(b"\0" + b64url_decode(EC_MEMBERS["x"]))},
    "padded coordinate": {"x": EC_MEMBERS["x"] + "="},
    "another curve": {"crv": "P-384"},
    "an unknown curve": {"crv": "secp256k1"},
    "no curve": {"crv": None},
    "an unknown type": {"kty": "oct"},
    "no type": {"kty": None},
    "a number as coordinate": {"x": 7},
    "for encryption": {"use": "enc"},
    "for signing only": {"key_ops": ["sign"]},
    "with operations that are none": {"key_ops": "verify"},
}
BAD_RSA = {
    **{f"{bits} bits": {"n": number(bits)} for bits in (512, 1024, 2040, 2047, 2050, 16384)},
    "exponent 1": {"e": "AQ"},
    "exponent 3": {"e": "Aw"},
    "exponent of 2048 bits": {"e": number(2048)},
    "exponent with a zero in front": {"e": "AAEAAQ"},
    "even modulus": {"n": b64url(b64url_decode(RSA_MEMBERS["n"])[:-1] + b"\2")},
}


@pytest.mark.parametrize("change", BAD_EC.values(), ids=BAD_EC)
def test_an_elliptic_key_that_is_none_is_refused(change):
    client = Client(make_server())
    assert register(client, {**EC_MEMBERS, **change}).outcome == (400, "badPublicKey")


@pytest.mark.parametrize("change", BAD_RSA.values(), ids=BAD_RSA)
def test_an_rsa_key_of_absurd_size_is_refused_before_it_is_used(change):
    client = Client(make_server(), RSA_KEY)
    assert register(client, {**RSA_MEMBERS, **change}).outcome == (400, "badPublicKey")


@pytest.mark.parametrize("jwk", ["text", 7, [], [EC_MEMBERS], True])
def test_a_jwk_is_an_object(jwk):
    assert register(Client(make_server()), jwk).outcome == (400, "badPublicKey")


@pytest.mark.parametrize("member", ["d", "p", "k"])
def test_a_private_key_is_refused_and_not_kept(member):
    client = Client(make_server())
    assert register(client, {**EC_MEMBERS, member: "AAAA"}).outcome == (400, "malformed")
    assert client.server.world.store.find(ACCOUNT_BY_THUMBPRINT, client.thumbprint) == ()


def test_one_key_in_many_spellings_is_one_account():
    client = Client(make_server())
    first = register(client, EC_MEMBERS)
    spellings = [dict(reversed(EC_MEMBERS.items())), {**EC_MEMBERS, "kid": "x", "use": "sig", "alg": "ES256"}]
    for jwk in spellings:
        again = register(client, jwk)
        assert (200, first.header("Location")) == (again.status, again.header("Location"))


def account(number):
    jwk = jwk_of(key(number).public_key())
    return Account(str(number), jwk.thumbprint, jwk.members, None)


def test_parsed_keys_are_remembered_and_bounded():
    keys = AccountKeys(maximum=2)
    first = keys.of(account(1))
    assert keys.of(account(1)) is first
    keys.of(account(2))
    keys.of(account(3))
    assert len(keys) == 2
    assert keys.of(account(1)) is not first
    assert keys.of(account(1)) == first
