"""`constraints`, by the table of approver-policy's `approver/constraints/evaluator_test.go`."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa

from issuer_bridge.policy.constraining import out_of_bounds
from tests.issuer_bridge.policy.policy_resources import ED25519, KEY, csr, request

RSA = rsa.generate_private_key(65537, 2048)
HOURS = {"minDuration": "1h", "maxDuration": "24h"}
ROWS = {
    "passes on Ed25519": ({"privateKey": {"algorithm": "Ed25519"}}, ED25519, None, []),
    "no constraints": ({}, KEY, None, []),
    "no duration requested": (
        HOURS,
        KEY,
        None,
        ['maxDuration: Invalid value: "nil": 24h0m0s', 'minDuration: Invalid value: "nil": 1h0m0s'],
    ),
    "too short": (HOURS, KEY, "1m", ['minDuration: Invalid value: "1m0s": 1h0m0s']),
    "too long": (HOURS, KEY, "48h", ['maxDuration: Invalid value: "48h0m0s": 24h0m0s']),
    "the shortest": (HOURS, KEY, "60m", []),
    "the longest": (HOURS, KEY, "24h0m0s", []),
    "wrong key type and too small": (
        {"privateKey": {"algorithm": "ECDSA", "minSize": 4000}},
        RSA,
        None,
        ['privateKey.algorithm: Invalid value: "RSA": ECDSA', 'privateKey.minSize: Invalid value: "2048": 4000'],
    ),
    "wrong key type and too large": (
        {"privateKey": {"algorithm": "RSA", "maxSize": 200}},
        KEY,
        None,
        ['privateKey.algorithm: Invalid value: "ECDSA": RSA', 'privateKey.maxSize: Invalid value: "256": 200'],
    ),
    "the size itself": ({"privateKey": {"minSize": 2048, "maxSize": 2048}}, RSA, None, []),
    "the size of a curve": ({"privateKey": {"minSize": 521}}, ec.derive_private_key(9, ec.SECP521R1()), None, []),
    "an Ed25519 key has no size": (
        {"privateKey": {"minSize": 0}},
        ED25519,
        None,
        ['privateKey.minSize: Invalid value: "-1": 0'],
    ),
}


@pytest.mark.seed("B29")
@pytest.mark.parametrize(("constraints", "key", "duration", "expected"), ROWS.values(), ids=ROWS)
def test_a_request_keeps_bounds_that_are_inclusive(constraints, key, duration, expected):
    asked = request(csr(key=key), **({"duration": duration} if duration else {}))
    found = [f"{cause.field}: {cause.message}" for cause in out_of_bounds(constraints, asked)]
    assert [f"spec.constraints.{line}" for line in expected] == found


def test_a_key_is_read_only_where_it_is_constrained():
    broken = request("bm8gUEVN", duration="2h")
    assert list(out_of_bounds(HOURS, broken)) == []
    with pytest.raises(ValueError, match="base64"):
        list(out_of_bounds({"privateKey": {}}, broken))


def test_a_key_of_another_kind_is_an_error():
    unknown = ed448.Ed448PrivateKey.from_private_bytes(bytes(57))
    with pytest.raises(ValueError, match="unrecognised public key type"):
        list(out_of_bounds({"privateKey": {}}, request(csr(key=unknown))))
