"""What no ACME server could sign is refused before it is asked; what it signed is looked at before it is handed over."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from issuer_bridge.acme_issuer.preflight import preflight, verified
from issuer_bridge.issuer_lib.outcomes import Permanent
from issuer_bridge.issuer_lib.values import Request
from tests.issuer_bridge.bridge_resources import key_of, pem_csr

NOW, DAY = datetime(2026, 1, 1, tzinfo=UTC), timedelta(days=1)


def request(csr, **fields):
    known = {"is_ca": False, "usages": ("digital signature", "key encipherment"), "annotations": {}, "created": NOW}
    return Request("CertificateRequest", "default", "one", "uid", csr, timedelta(days=90), **{**known, **fields})


def csr_with(*extensions):
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(key_of("x"), hashes.SHA256()).public_bytes(Encoding.PEM)


def names(*values):
    return x509.SubjectAlternativeName([x509.DNSName("a.test"), *values])


@pytest.mark.parametrize(
    ("csr", "fields", "text"),
    [
        (b"no PEM", {}, "spec.request: it is the base64 of something else"),
        (pem_csr("a.test", common_name="b.test"), {}, "the common name 'b.test' of the CSR is none of its DNS names"),
        (pem_csr(), {}, "the CSR names no DNS name and no IP address"),
        (pem_csr("a.test"), {"is_ca": True}, "ACME does not issue CA certificates"),
        (csr_with(names(), x509.BasicConstraints(True, None)), {}, "ACME does not issue CA certificates"),
        (csr_with(names(x509.RFC822Name("a@a.test"))), {}, "names RFC822Name a@a.test"),
        (csr_with(names(x509.UniformResourceIdentifier("spiffe://a"))), {}, "UniformResourceIdentifier spiffe://a"),
        (
            pem_csr("a.test"),
            {"usages": ("server auth", "code signing")},
            "ACME does not issue certificates for code signing",
        ),
    ],
)
def test_what_acme_cannot_sign_is_the_fault_of_the_request(csr, fields, text):
    with pytest.raises(Permanent) as caught:
        preflight(request(csr, **fields))
    assert text in caught.value.message
    assert caught.value.invalid_request


def test_names_and_addresses_pass():
    found = preflight(request(pem_csr("a.test", "*.a.test", addresses=("192.0.2.1",), common_name="a.test")))
    assert (found.dns_names, found.ip_addresses) == (("a.test", "*.a.test"), ("192.0.2.1",))


def certificate(subject, signer, key, *, end=DAY, sans=("a.test",)):
    builder = x509.CertificateBuilder().subject_name(_named(subject)).issuer_name(_named(signer)).public_key(key)
    builder = builder.serial_number(1).not_valid_before(NOW - DAY).not_valid_after(NOW + end)
    if sans:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([x509.DNSName(one) for one in sans]), critical=False
        )
    return builder.sign(key_of(signer), hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def _named(text):
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


CSR = preflight(request(pem_csr("a.test")))
LEAF = certificate("leaf", "middle", key_of("a.test").public_key())
MIDDLE = certificate("middle", "root", key_of("middle").public_key(), sans=())
ROOT = certificate("root", "root", key_of("root").public_key(), sans=())


@pytest.mark.seed("B21")
@pytest.mark.parametrize("chain", [(LEAF,), (LEAF, MIDDLE)])
def test_a_chain_that_fits_is_handed_over_as_it_is(chain):
    found = verified("".join(chain), CSR, NOW)
    assert (found.chain.decode(), found.ca) == ("".join(chain), None)


def test_a_root_is_handed_over_apart():
    found = verified(LEAF + MIDDLE + ROOT, CSR, NOW)
    assert (found.chain.decode(), found.ca.decode()) == (LEAF + MIDDLE, ROOT)


@pytest.mark.seed("B21")
@pytest.mark.parametrize(
    ("chain", "text"),
    [
        (certificate("leaf", "middle", key_of("b.test").public_key()), "the certificate is for another key"),
        (certificate("leaf", "middle", key_of("a.test").public_key(), sans=("a.test", "b.test")), "has other names"),
        (certificate("leaf", "middle", key_of("a.test").public_key(), end=timedelta(0)), "has expired"),
        (LEAF + ROOT, "the chain is broken: 'CN=root' has not issued the certificate before it"),
        (MIDDLE + LEAF, "the certificate is for another key"),
    ],
)
def test_what_was_not_asked_for_is_no_certificate(chain, text):
    with pytest.raises(ValueError, match=text):
        verified(chain, CSR, NOW)
