"""Certificates that every verifier takes, and the same ones again from the same entropy."""

import random
import subprocess
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import PolicyBuilder, Store
from hypothesis import given
from hypothesis import strategies as st

from acme_server import ca_keys, certificate_authority
from acme_server.certificate_authority import chain_pem, issue
from acme_server.protocol.identifier import Identifier
from acme_server.signers import new_serial

NOW = datetime(2026, 11, 22, 1, 2, 3, 456789, tzinfo=UTC)
NOT_BEFORE, NOT_AFTER = NOW - timedelta(minutes=1), NOW + timedelta(days=90)
NAMES = (Identifier("dns", "www.gravel.example"), Identifier("dns", "*.gravel.example"))
KEYS = {
    "RSA-2048": rsa.generate_private_key(65537, 2048).public_key(),
    "RSA-4096": rsa.generate_private_key(65537, 4096).public_key(),
    "P-256": ec.generate_private_key(ec.SECP256R1()).public_key(),
    "P-384": ec.generate_private_key(ec.SECP384R1()).public_key(),
    "P-521": ec.generate_private_key(ec.SECP521R1()).public_key(),
    "Ed25519": ed25519.Ed25519PrivateKey.generate().public_key(),
}


def create(seed=1, now=NOW):
    return certificate_authority.create(random.Random(seed).randbytes, now)


def leaf_of(ca, key=KEYS["P-256"], identifiers=NAMES, serial=1 << 126):
    return issue(ca, key, identifiers, serial, NOT_BEFORE, NOT_AFTER)


def extension(certificate, kind):
    return certificate.extensions.get_extension_for_class(kind)


def der(certificate):
    return certificate.public_bytes(Encoding.DER)


def blocks_of(text):
    return x509.load_pem_x509_certificates(text.encode())


def openssl_verify(tmp_path, ca, leaf, *options):
    (tmp_path / "root.pem").write_text(ca.root_pem)
    (tmp_path / "chain.pem").write_text(ca.intermediate_pem)
    (tmp_path / "leaf.pem").write_text(certificate_authority.pem(leaf))
    command = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-attime", str(int(NOW.timestamp()))]
    files = ["-CAfile", "root.pem", "-untrusted", "chain.pem", "leaf.pem"]
    return subprocess.run([*command, *options, *files], cwd=tmp_path, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("kind", KEYS)
def test_openssl_verifies_a_chain_in_strict_mode(tmp_path, kind):
    ca = create()
    done = openssl_verify(tmp_path, ca, leaf_of(ca, KEYS[kind]), "-verify_hostname", "any.gravel.example")
    assert (done.returncode, done.stdout) == (0, "leaf.pem: OK\n"), done.stderr


def test_openssl_does_not_verify_a_chain_to_another_root(tmp_path):
    done = openssl_verify(tmp_path, create(seed=2), leaf_of(create()))
    assert done.returncode != 0


@pytest.mark.parametrize("kind", [kind for kind in KEYS if kind != "Ed25519"])
def test_the_web_pki_profile_of_cryptography_verifies_a_chain(kind):
    """It knows no Ed25519, as the CA/Browser Forum does not."""
    ca = create()
    verifier = PolicyBuilder().store(Store([ca.root])).time(NOW).build_server_verifier(x509.DNSName(NAMES[0].value))
    leaf = leaf_of(ca, KEYS[kind])
    assert [leaf, ca.intermediate, ca.root] == verifier.verify(leaf, [ca.intermediate])


def test_a_leaf_has_what_the_template_says_and_nothing_else():
    ca = create()
    leaf = leaf_of(ca)
    critical = {item.oid._name: item.critical for item in leaf.extensions}
    expected = {
        "keyUsage": True,
        "extendedKeyUsage": False,
        "basicConstraints": True,
        "subjectKeyIdentifier": False,
        "authorityKeyIdentifier": False,
        "subjectAltName": True,
    }
    assert expected == critical
    assert (x509.Name([]), ca.intermediate.subject, 1 << 126) == (leaf.subject, leaf.issuer, leaf.serial_number)
    assert list(extension(leaf, x509.ExtendedKeyUsage).value) == [ExtendedKeyUsageOID.SERVER_AUTH]
    assert x509.BasicConstraints(ca=False, path_length=None) == extension(leaf, x509.BasicConstraints).value
    assert (NOT_BEFORE.replace(microsecond=0), NOT_AFTER.replace(microsecond=0)) == (
        leaf.not_valid_before_utc,
        leaf.not_valid_after_utc,
    )


@pytest.mark.parametrize(("kind", "enciphers"), [("P-256", False), ("RSA-2048", True), ("Ed25519", False)])
def test_only_an_rsa_key_may_encipher_keys(kind, enciphers):
    usage = extension(leaf_of(create(), KEYS[kind]), x509.KeyUsage).value
    assert (True, enciphers, False) == (usage.digital_signature, usage.key_encipherment, usage.key_cert_sign)


def test_names_keep_their_order_and_addresses_are_addresses():
    identifiers = (*NAMES, Identifier("ip", "192.0.2.1"), Identifier("ip", "2001:db8::1"))
    names = extension(leaf_of(create(), identifiers=identifiers), x509.SubjectAlternativeName).value
    assert [item.value for item in identifiers] == [str(name.value) for name in names]
    assert [str(value) for value in names.get_values_for_type(x509.IPAddress)] == ["192.0.2.1", "2001:db8::1"]


def test_the_authorities_may_sign_and_say_how_far():
    ca = create()
    for certificate, path_length in ((ca.root, None), (ca.intermediate, 0)):
        constraints, usage = extension(certificate, x509.BasicConstraints), extension(certificate, x509.KeyUsage)
        assert (True, x509.BasicConstraints(ca=True, path_length=path_length)) == (
            constraints.critical,
            constraints.value,
        )
        assert (usage.critical, usage.value.key_cert_sign, usage.value.crl_sign) == (True, True, True)
        assert certificate.not_valid_before_utc == NOW.replace(microsecond=0) - timedelta(days=1)


def test_each_key_identifier_points_at_the_issuer():
    ca = create()
    for certificate, issuer in ((leaf_of(ca), ca.intermediate), (ca.intermediate, ca.root)):
        certificate.verify_directly_issued_by(issuer)
        pointer = extension(certificate, x509.AuthorityKeyIdentifier).value.key_identifier
        assert extension(issuer, x509.SubjectKeyIdentifier).value.digest == pointer


def test_the_authorities_outlive_what_they_sign():
    ca = create()
    years = [(item.not_valid_after_utc - NOW).days // 365 for item in (ca.intermediate, ca.root)]
    assert years == [9, 19]


def test_the_same_entropy_and_moment_give_the_same_bytes():
    first, second = create(), create()
    assert (der(first.root), der(first.intermediate)) == (der(second.root), der(second.intermediate))
    assert der(leaf_of(first)) == der(leaf_of(second))


@pytest.mark.parametrize("other", [{"seed": 2}, {"now": NOW + timedelta(seconds=1)}])
def test_another_entropy_or_moment_gives_another_hierarchy(other):
    assert der(create().root) != der(create(**other).root)


def test_two_hierarchies_never_share_a_name():
    names = {ca.root.subject.rfc4514_string() for ca in map(create, range(20))}
    assert len(names) == 20
    assert all(name.startswith("CN=gravel root ") for name in names)


@given(st.binary(min_size=16, max_size=16))
def test_a_serial_number_is_positive_and_has_16_octets(octets):
    serial = new_serial(lambda n: octets[:n])
    assert 1 << 126 <= serial < 1 << 127


@given(st.binary(min_size=40, max_size=40))
def test_any_entropy_gives_a_usable_key(octets):
    ca_keys.private_key(lambda n: octets[:n])


def test_a_chain_is_leaf_and_intermediate_in_strict_pem():
    ca = create()
    leaf = leaf_of(ca)
    chain = chain_pem(ca, leaf)
    assert [leaf, ca.intermediate] == blocks_of(chain)
    lines = chain.splitlines(keepends=True)
    assert {"-----BEGIN CERTIFICATE-----\n", "-----END CERTIFICATE-----\n"} == {x for x in lines if x[0] == "-"}
    assert all(line.endswith("\n") and len(line) <= 65 for line in lines)


def test_private_keys_are_not_printed():
    assert "PrivateKey" not in repr(create())
