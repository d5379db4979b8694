"""Account keys: strict reading and the key policy."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from acme_server.protocol.encoding import b64url, b64url_decode
from acme_server.protocol.jwk import jwk_of, parse_jwk
from acme_server.protocol.problem import Problem

P256 = jwk_of(ec.generate_private_key(ec.SECP256R1()).public_key()).members
ED25519 = jwk_of(ed25519.Ed25519PrivateKey.generate().public_key()).members
RSA2048 = jwk_of(rsa.generate_private_key(65537, 2048).public_key()).members


def refusal(value):
    with pytest.raises(Problem) as caught:
        parse_jwk(value)
    return caught.value


def test_the_thumbprint_is_that_of_rfc_7638_section_3_1():
    members = {
        "kty": "RSA",
        "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMs"
        "tn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1"
        "n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
        "e": "AQAB",
        "alg": "RS256",
        "kid": "2011-04-29",
    }
    assert parse_jwk(members).thumbprint == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


def test_the_thumbprint_of_an_ed25519_key_is_that_of_rfc_8037_appendix_a_3():
    members = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
    assert parse_jwk(members).thumbprint == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


@pytest.mark.parametrize("members", [P256, ED25519, RSA2048], ids=["EC", "OKP", "RSA"])
def test_further_members_and_their_order_do_not_change_the_key(members):
    again = {"use": "sig", "key_ops": ["verify"], "kid": "mine", **dict(reversed(members.items()))}
    assert parse_jwk(members) == parse_jwk(again)


def rsa_of(bits=2048, e=b"\x01\x00\x01", change=lambda n: n):
    number = change((1 << (bits - 1)) + 12345678901)
    return {"kty": "RSA", "n": b64url(number.to_bytes((number.bit_length() + 7) // 8, "big")), "e": b64url(e)}


def zeros_before(members, name):
    return {**members, name: b64url(b"\0" + b64url_decode(members[name]))}


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("key", "a JWK is a JSON object"),
        ({}, "not supported"),
        ({"kty": "oct", "k": "AAAA"}, "not supported"),
        ({"kty": ["EC"]}, "not supported"),
        ({"kty": "EC"}, "needs the strings"),
        ({**P256, "x": 7}, "needs the strings"),
        ({**P256, "crv": "P-257"}, "is not supported"),
        ({**P256, "crv": "secp256k1"}, "is not supported"),
        ({**P256, "crv": "Ed25519"}, "is not supported"),
        ({**ED25519, "crv": "Ed448"}, "is not supported"),
        ({**ED25519, "crv": "P-256"}, "is not supported"),
        ({**P256, "x": P256["y"]}, "cannot be used"),
        ({**P256, "x": b64url(b"\0" * 32), "y": b64url(b"\0" * 32)}, "cannot be used"),
        ({**P256, "x": b64url(b"\1" * 31)}, "must have 32 octets"),
        (zeros_before(P256, "x"), "must have 32 octets"),
        ({**P256, "x": P256["x"] + "="}, "padding"),
        (rsa_of(512), "2048 to 8192 bits"),
        (rsa_of(1024), "2048 to 8192 bits"),
        (rsa_of(2047), "2048 to 8192 bits"),
        (rsa_of(2050), "2048 to 8192 bits"),
        (rsa_of(16384), "2048 to 8192 bits"),
        (rsa_of(change=lambda n: n + 1), "is even"),
        (rsa_of(e=b"\1"), "must be 65537"),
        (rsa_of(e=b"\3"), "must be 65537"),
        (rsa_of(e=b"\0\1\0\1"), "must be 65537"),
        (rsa_of(e=b"\xff" * 256), "must be 65537"),
        ({**P256, "use": "enc"}, "not for signatures"),
        ({**P256, "key_ops": ["sign"]}, "do not allow"),
        ({**P256, "key_ops": "verify"}, "do not allow"),
    ],
)
def test_a_key_that_is_not_taken_is_a_bad_public_key(value, words):
    problem = refusal(value)
    assert (problem.kind, problem.status) == ("badPublicKey", 400)
    assert words in problem.detail


@pytest.mark.parametrize("name", ["d", "p", "q", "dp", "dq", "qi", "oth", "k"])
def test_a_private_key_is_refused_and_never_repeated(name):
    problem = refusal({**RSA2048, name: "c2VjcmV0LXNlY3JldA"})
    assert problem.kind == "malformed"
    assert "c2VjcmV0" not in str(problem)
