"""Flattened JWS: what verifies, and what is refused before it is verified."""

import json
from contextlib import suppress

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from hypothesis import given
from hypothesis import strategies as st

from acme_server.protocol.encoding import b64url, b64url_decode
from acme_server.protocol.jose import ALGORITHMS, Jws, parse_jws, sign, verify
from acme_server.protocol.jwk import jwk_of
from acme_server.protocol.problem import Problem

KEYS = {
    "RS256": rsa.generate_private_key(65537, 2048),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "ES384": ec.generate_private_key(ec.SECP384R1()),
    "ES512": ec.generate_private_key(ec.SECP521R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}
ORDER_256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def jwk(alg):
    return jwk_of(KEYS[alg].public_key())


def signed(alg="ES256", payload=b"{}", **header):
    return sign(KEYS[alg], {"nonce": "n", "url": "https://ca.test/new-order", **header}, payload)


def body(document):
    return json.dumps(document).encode()


def refusal(call, *arguments):
    with pytest.raises(Problem) as caught:
        call(*arguments)
    return caught.value


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_every_supported_algorithm_signs_and_verifies(alg):
    jws = parse_jws(body(signed(alg, b'{"a":1}')))
    verify(jws, jwk(alg))
    assert (alg, b'{"a":1}') == (jws.header["alg"], jws.payload)


@pytest.mark.parametrize("alg", ALGORITHMS)
@pytest.mark.parametrize("part", ["protected", "payload", "signature"])
def test_a_changed_part_does_not_verify(alg, part):
    document = signed(alg, b'{"a":1}')
    data = bytearray(b64url_decode(document[part]))
    data[len(data) // 2] ^= 1
    document[part] = b64url(bytes(data))
    if part == "protected":
        document["protected"] = b64url(b64url_decode(signed(alg, b"", nonce="m")["protected"]))
    assert refusal(lambda: verify(parse_jws(body(document)), jwk(alg))).kind in ("malformed", "badPublicKey")


@pytest.mark.parametrize("alg", ALGORITHMS)
@pytest.mark.parametrize("other", ALGORITHMS)
def test_an_algorithm_goes_with_its_own_kind_of_key_only(alg, other):
    if alg == other:
        return
    assert refusal(verify, parse_jws(body(signed(alg))), jwk(other)).kind == "badPublicKey"


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "HS256", "es256", "PS256", "RS512", "ES256K", "", "EdDSA "])
def test_an_unknown_algorithm_is_refused_with_the_list_of_known_ones(alg):
    problem = refusal(verify, Jws({"alg": alg}, b"", b"x", b"y"), jwk("ES256"))
    assert ("badSignatureAlgorithm", 400, list(ALGORITHMS)) == (
        problem.kind,
        problem.status,
        problem.extra["algorithms"],
    )


def without(name):
    document = signed()
    del document[name]
    return document


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        "a.b.c",
        {},
        without("payload"),
        without("protected"),
        without("signature"),
        {**signed(), "payload": None},
        {**signed(), "signatures": []},
        {**signed(), "header": {}},
        {**signed(), "signature": ""},
        {**signed(), "signature": "AA=="},
        {**signed(), "payload": "e30="},
        {**signed(), "payload": "e3 0"},
        {**signed(), "payload": "e31"},
        {**signed(), "protected": b64url(b"[]")},
        {**signed(), "protected": b64url(b"nonsense")},
        {**signed(), "protected": b64url(b'{"alg":"ES256","alg":"none"}')},
        {**signed(), "protected": b64url(b'{"alg":7}')},
        {**signed(), "protected": b64url(b"{}")},
        {**signed(), "protected": b64url(b"[" * 1000)},
        signed(crit=["exp"]),
        signed(crit=[]),
        signed(b64=False),
        signed(zip="DEF"),
        signed(jku="https://evil.test/keys"),
        signed(x5u="https://evil.test/chain"),
        signed(x5c=["MIIB"]),
    ],
)
def test_what_is_not_a_plain_flattened_jws_is_malformed(document):
    assert refusal(parse_jws, body(document)).kind == "malformed"


@pytest.mark.parametrize(
    "numbers",
    [(0, 1), (1, 0), (0, 0), (ORDER_256, 1), (1, ORDER_256), (2**256 - 1, 2**256 - 1)],
)
def test_ecdsa_numbers_out_of_range_do_not_verify(numbers):
    jws = parse_jws(body(signed()))
    forged = b"".join(number.to_bytes(32, "big") for number in numbers)
    assert refusal(verify, Jws(jws.header, jws.payload, jws.signing_input, forged), jwk("ES256")).kind == "malformed"


def test_a_der_encoded_ecdsa_signature_does_not_verify():
    jws = parse_jws(body(signed()))
    der = KEYS["ES256"].sign(jws.signing_input, ec.ECDSA(hashes.SHA256()))
    assert decode_dss_signature(der)
    assert refusal(verify, Jws(jws.header, jws.payload, jws.signing_input, der), jwk("ES256")).kind == "malformed"


@pytest.mark.parametrize("alg", ALGORITHMS)
@pytest.mark.parametrize("change", [lambda s: s[:-1], lambda s: s + b"\0", lambda s: b"\0" + s, lambda s: b"\0"])
def test_a_signature_of_the_wrong_length_does_not_verify(alg, change):
    jws = parse_jws(body(signed(alg)))
    assert (
        refusal(verify, Jws(jws.header, jws.payload, jws.signing_input, change(jws.signature)), jwk(alg)).kind
        == "malformed"
    )


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_signing_twice_gives_the_same_bytes(alg):
    assert signed(alg) == signed(alg)


@given(st.binary(max_size=300))
def test_any_body_is_a_jws_or_malformed(data):
    with suppress(Problem):
        assert isinstance(parse_jws(data), Jws)
