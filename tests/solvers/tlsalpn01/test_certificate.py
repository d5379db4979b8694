"""Challenge certificates, judged by the library and by openssl."""

import hashlib
import random
import subprocess
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from solvers.tlsalpn01.certificate import create, digest_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)
NAME, KEY = "www.gravel.example", "token.thumbprint"
DIGEST = hashlib.sha256(KEY.encode()).hexdigest()


def made(seed=1, now=NOW, name=NAME, key=KEY):
    return create(random.Random(seed).randbytes, now, name, key)


def test_it_is_self_signed_for_one_name_with_a_critical_digest():
    certificate = x509.load_der_x509_certificate(made().der)
    certificate.verify_directly_issued_by(certificate)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert list(names) == [x509.DNSName(NAME)]
    shown = certificate.extensions.get_extension_for_oid(x509.ObjectIdentifier("1.3.6.1.5.5.7.1.31"))
    assert (shown.critical, shown.value.value.hex()) == (True, f"0420{DIGEST}")
    assert digest_of(KEY).hex() == DIGEST


@pytest.mark.client("openssl")
def test_openssl_reads_it_as_the_rfc_writes_it(tmp_path):
    (tmp_path / "der").write_bytes(made().der)
    command = ["openssl", "x509", "-inform", "DER", "-in", tmp_path / "der", "-noout", "-text"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert f"DNS:{NAME}\n" in text
    assert "1.3.6.1.5.5.7.1.31: critical\n" in text


def test_the_key_is_the_certificates():
    shown = made()
    key = load_pem_private_key(shown.key_pem.encode(), None)
    assert key.public_key() == x509.load_der_x509_certificate(shown.der).public_key()
    assert shown.key_pem not in repr(shown)


def test_it_is_valid_when_it_is_made():
    certificate = x509.load_der_x509_certificate(made().der)
    assert certificate.not_valid_before_utc < NOW < certificate.not_valid_after_utc - timedelta(days=6)


def test_the_same_entropy_and_moment_make_the_same_certificate():
    assert made() == made()
    changed = [made(seed=2), made(now=NOW + timedelta(days=1)), made(name="a.test"), made(key="other")]
    assert made() not in changed


def test_a_name_that_is_not_ascii_is_a_value_error():
    with pytest.raises(ValueError, match="A-label"):
        made(name="größe.test")
