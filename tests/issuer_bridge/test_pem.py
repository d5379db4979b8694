"""CSRs that people put into spec.request, and what they are told about them."""

import base64
import re
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from issuer_bridge.pem import encode, leaf_key, read_request
from tests.issuer_bridge.bridge_resources import csr_of, key_of, pem_csr


def b64(data):
    return base64.b64encode(data).decode()


def der_of(pem):
    return x509.load_pem_x509_csr(pem).public_bytes(Encoding.DER)


def spki(key):
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def test_a_request_says_what_it_asks_for_in_its_own_order():
    found = read_request(csr_of("b.test", "*.a.test", common_name="b.test", addresses=["10.0.0.1", "::1"]))
    assert (
        found.common_name,
        found.dns_names,
        found.ip_addresses,
    ) == ("b.test", ("b.test", "*.a.test"), ("10.0.0.1", "::1"))
    assert spki(key_of("b.test", "*.a.test")) == found.key
    assert der_of(pem_csr("b.test", "*.a.test", common_name="b.test", addresses=["10.0.0.1", "::1"])) == found.der


def test_a_request_without_names_is_read_all_the_same():
    found = read_request(csr_of())
    assert (found.common_name, found.dns_names, found.ip_addresses) == ("", (), ())


def test_openssls_other_label_and_windows_line_ends_are_taken():
    pem = pem_csr("a.test").replace(b"CERTIFICATE REQUEST", b"NEW CERTIFICATE REQUEST").replace(b"\n", b"\r\n")
    assert read_request(b64(pem)).dns_names == ("a.test",)


def private_key_pem():
    return key_of("a").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def bad_signature():
    der = bytearray(der_of(pem_csr("a.test")))
    der[-1] ^= 1
    return x509.load_der_x509_csr(bytes(der)).public_bytes(Encoding.PEM)


@pytest.mark.parametrize(
    ("field", "complaint"),
    [
        (None, "it is empty"),
        ("", "it is empty"),
        (["a"], "it is empty"),
        ("not base64 at all", "it is not base64"),
        (pem_csr("a.test").decode(), "it is the PEM itself"),
        (b64(der_of(pem_csr("a.test"))), "it is the base64 of DER"),
        (b64(b64(pem_csr("a.test")).encode()), "it is the base64 of base64 once more"),
        (b64(b"hello"), "it is the base64 of something else"),
        (b64(private_key_pem()), "it holds a PRIVATE KEY, not a CERTIFICATE REQUEST"),
        (
            b64(b"-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n"),
            "its CERTIFICATE REQUEST does not parse",
        ),
        (b64(bad_signature()), "the signature of its CERTIFICATE REQUEST does not verify"),
        ("A" * 48680, "provided PEM data was larger than the maximum 36500B"),
    ],
)
def test_what_is_no_request_is_named(field, complaint):
    with pytest.raises(ValueError, match=re.escape(complaint)):
        read_request(field)


@pytest.mark.seed("B06")
def test_a_private_key_that_was_put_in_by_mistake_is_not_repeated():
    with pytest.raises(ValueError) as caught:
        read_request(b64(private_key_pem()))
    assert private_key_pem().decode().splitlines()[1] not in str(caught.value)


def test_the_key_of_a_leaf_is_read_off_a_chain():
    key = key_of("leaf")
    name = x509.Name([])
    request = x509.load_pem_x509_csr(pem_csr("a.test"))
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(1)
    now = datetime(2026, 1, 1, tzinfo=UTC)
    builder = builder.not_valid_before(now).not_valid_after(now).public_key(request.public_key())
    pem = builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()
    assert leaf_key(encode(pem + pem)) == read_request(csr_of("a.test")).key


@pytest.mark.parametrize("field", ["", "!", b64(b"nothing")])
def test_a_chain_without_a_leaf_has_no_key(field):
    with pytest.raises(ValueError):
        leaf_key(field)
