"""What is read out of certificates, good, bad and garbled."""

from ipaddress import ip_address

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from acme_server.protocol.challenge_certificate import Contents, expected, read
from acme_server.protocol.identifier import Identifier
from tests.challenge_certificates import ED25519, OTHER_KEY, challenge_certificate, doubled

NAME = Identifier("dns", "www.gravel.example")
DIGEST = bytes(range(32))
VALUE = b"\x04\x20" + DIGEST
GOOD = Contents(True, (NAME,), VALUE, critical=True)


def test_what_is_expected_is_one_name_and_the_digest_in_an_octet_string():
    assert expected(NAME, DIGEST) == GOOD


ALIKE = {
    "as the RFC says": {},
    "with an Ed25519 key": {"key": ED25519},
    "without subject and issuer": {"subject": "", "issuer": ""},
    "with another case": {"names": ["WWW.Gravel.EXAMPLE"]},
    "with more extensions": {"extensions": [(x509.BasicConstraints(ca=False, path_length=None), True)]},
}


@pytest.mark.parametrize("changes", ALIKE.values(), ids=ALIKE)
def test_certificates_that_are_as_good_as_one_another_are_the_same(changes):
    assert read(challenge_certificate(**{"value": VALUE, **changes})) == GOOD


DIFFERENT = [
    ({"signer": OTHER_KEY}, "self_signed", False),
    ({"issuer": "a CA"}, "self_signed", False),
    ({"names": None}, "names", ()),
    ({"names": ["a.test", "a.test"]}, "names", (Identifier("dns", "a.test"),) * 2),
    ({"names": [x509.IPAddress(ip_address("::1"))]}, "names", (Identifier("ip", "::1"),)),
    ({"names": [x509.RFC822Name("me@a.test")]}, "names", (Identifier("RFC822Name", "me@a.test"),)),
    ({"value": None}, "authorization", None),
    ({"value": b""}, "authorization", b""),
    ({"oid": "1.3.6.1.5.5.7.1.30.1"}, "authorization", None),
    ({"critical": False}, "critical", False),
]


@pytest.mark.parametrize(("changes", "field", "value"), DIFFERENT)
def test_each_difference_is_seen(changes, field, value):
    contents = read(challenge_certificate(**{"value": VALUE, **changes}))
    assert getattr(contents, field) == value
    assert contents != GOOD


@pytest.mark.parametrize("der", [b"", b"0", b"-----BEGIN CERTIFICATE-----", doubled()], ids=["", "0", "PEM", "twice"])
def test_what_cannot_be_read_is_a_value_error(der):
    with pytest.raises(ValueError, match="cannot be read"):
        read(der)


DER = challenge_certificate(value=VALUE)
CHANGES = st.lists(st.tuples(st.integers(0, len(DER) - 1), st.integers(0, 255)), min_size=1, max_size=4)


@given(CHANGES)
def test_a_garbled_certificate_is_a_value_error_or_not_self_signed(changes):
    octets = bytearray(DER)
    for at, octet in changes:
        octets[at] = octet
    try:
        contents = read(bytes(octets))
    except ValueError:
        return
    assert octets == DER or not contents.self_signed
