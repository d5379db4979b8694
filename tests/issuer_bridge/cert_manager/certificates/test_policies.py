"""Upstream's policy chains, row by row: what triggers an issuance, and what Ready says (policies/checks_test.go)."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from issuer_bridge.cert_manager.certificates.policies import INVALID_KEY, READINESS, TRIGGER, Input, first_violation
from issuer_bridge.cert_manager.certificates.private_keys import write_key
from issuer_bridge.cert_manager.certificates.signing_requests import signing_request
from tests.issuer_bridge.cert_manager.certificates.certificate_rig import certificate, rsa_key

NOW = datetime(2026, 2, 1, 12, tzinfo=UTC)
KEY, OTHER = (ec.derive_private_key(number, ec.SECP256R1()) for number in (5, 6))
ISSUER = {f"cert-manager.io/issuer-{name}": value for name, value in
          (("name", "gravel"), ("kind", "ClusterIssuer"), ("group", "cert-manager.io"))}  # fmt: skip


def pem_of(key=KEY, names=("www.http.test",), common_name="", days=90):
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)] if common_name else [])
    issuer = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "ca")])
    begin = NOW - timedelta(days=30)
    builder = x509.CertificateBuilder(issuer, subject, key.public_key(), 7, begin, begin + timedelta(days=days))
    san = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
    return (
        builder.add_extension(san, critical=not common_name)
        .sign(OTHER, hashes.SHA256(), ecdsa_deterministic=True)
        .public_bytes(Encoding.PEM)
    )


def secret(key=KEY, crt=None, annotations=(), **data):
    entries = {"tls.key": write_key(key).encode(), "tls.crt": pem_of() if crt is None else crt, **data}
    return {
        "metadata": {"name": "www-tls", "namespace": "default", "annotations": dict(annotations)},
        "data": {name: base64.b64encode(entry).decode() for name, entry in entries.items()},
    }


def request(key=KEY, csr=None, **spec):
    made = certificate(**spec)["spec"]
    asked = {name: made[name] for name in ("issuerRef", "isCA", "usages", "duration") if name in made}
    return {"metadata": {"name": "www-1"}, "spec": {**asked, "request": csr or signing_request(made, key)}}


CONFLICT = (
    'Secret was issued for "else". If this message is not transient, '
    "you might have two conflicting Certificates pointing to the same secret."
)
BASE64 = base64.b64encode(b"no CSR").decode()
# A Secret, a request, the spec, what the trigger says and what Ready says (None: the same).
CHAIN = {
    "all is well": (secret(), request(), {}, (), None),
    "no Secret": (None, None, {}, ("DoesNotExist", "Issuing certificate as Secret does not exist"), None),
    "no data": (
        {"metadata": {}, "type": "kubernetes.io/tls"},
        None,
        {},
        ("MissingData", "Issuing certificate as Secret does not contain any data"),
        None,
    ),
    "no key": (
        secret() | {"data": {"tls.crt": "eA=="}},
        None,
        {},
        ("MissingData", "Issuing certificate as Secret does not contain a private key"),
        None,
    ),
    "no certificate": (
        secret(crt=b""),
        None,
        {},
        ("MissingData", "Issuing certificate as Secret does not contain a certificate"),
        None,
    ),
    "a key that is none": (
        secret(**{"tls.key": b"nonsense"}),
        None,
        {},
        (
            "InvalidKeyPair",
            INVALID_KEY.format("it is not an unencrypted private key in PEM"),
        ),
        None,
    ),
    "a certificate that is none": (secret(crt=b"nonsense"), None, {}, ("InvalidCertificate", ...), None),
    "a key of another certificate": (
        secret(OTHER),
        None,
        {},
        (
            "InvalidKeyPair",
            "Issuing certificate as Secret contains a private key that does not match the certificate",
        ),
        None,
    ),
    "the issuer that it is from": (secret(annotations=ISSUER), request(), {}, (), None),
    "an issuer without its group": (
        secret(annotations=ISSUER | {"cert-manager.io/issuer-group": ""}),
        request(),
        {},
        (),
        None,
    ),
    "another issuer": (
        secret(annotations=ISSUER | {"cert-manager.io/issuer-name": "old", "cert-manager.io/issuer-kind": ""}),
        request(),
        {},
        ("IncorrectIssuer", 'Issuing certificate as Secret was previously issued by "Issuer.cert-manager.io/old"'),
        None,
    ),
    "another Certificate": (
        secret(annotations={"cert-manager.io/certificate-name": "else"}),
        request(),
        {},
        (
            "IncorrectCertificate",
            CONFLICT,
        ),
        None,
    ),
    "another algorithm": (
        secret(),
        request(),
        {"privateKey": {"algorithm": "RSA"}},
        ("SecretMismatch", "Existing private key is not up to date for spec: [spec.privateKey.algorithm]"),
        None,
    ),
    "another size": (
        secret(),
        request(),
        {"privateKey": {"algorithm": "ECDSA", "size": 384}},
        ("SecretMismatch", "Existing private key is not up to date for spec: [spec.privateKey.size]"),
        None,
    ),
    "a request with another key": (
        secret(),
        request(OTHER),
        {},
        ("SecretMismatch", "Secret contains a private key that does not match the current CertificateRequest"),
        None,
    ),
    "a request that is none": (secret(), request(csr=BASE64), {}, ("InvalidCertificateRequest", ...), None),
    "another spec than the request's": (
        secret(),
        request(),
        {"dnsNames": ["more.http.test"], "issuerRef": {"name": "new", "kind": "ClusterIssuer"}},
        (
            "RequestChanged",
            "Fields on existing CertificateRequest resource not up to date: [spec.dnsNames spec.issuerRef]",
        ),
        None,
    ),
    "another spec than the certificate's, whose request is gone": (
        secret(),
        None,
        {"dnsNames": ["more.http.test"]},
        (
            "SecretMismatch",
            "Issuing certificate as Existing issued Secret is not up to date for spec: [spec.dnsNames]",
        ),
        None,
    ),
    "a common name that the CA moved": (
        secret(crt=pem_of(names=("www.http.test",), common_name="")),
        None,
        {"dnsNames": [], "commonName": "www.http.test"},
        (),
        None,
    ),
    "the renewal is due": (
        secret(crt=pem_of(days=40)),
        request(),
        {},
        ("Renewing", "Renewing certificate as renewal was scheduled at 2026-01-29 04:00:00 +0000 UTC"),
        (),
    ),
    "renewal is off": (secret(crt=pem_of(days=40)), request(), {"renewal": {"policy": "Disabled"}}, (), None),
    "it has expired": (
        secret(crt=pem_of(days=29)),
        request(),
        {},
        ("Renewing", ...),
        ("Expired", "Certificate expired on Sat, 31 Jan 2026 12:00:00 UTC"),
    ),
}


@pytest.mark.parametrize(("held", "asked", "spec", "trigger", "ready"), CHAIN.values(), ids=CHAIN)
def test_the_first_policy_that_is_violated_speaks(held, asked, spec, trigger, ready):
    found = Input(certificate(**spec), held, asked, NOW)
    for policies, wanted in ((TRIGGER, trigger), (READINESS, trigger if ready is None else ready)):
        violation = first_violation(policies, found)
        said = (violation.reason, violation.message) if violation else ()
        assert said[:1] == wanted[:1]
        assert said == wanted or wanted[1] is ...


def test_an_rsa_key_of_another_size_is_not_up_to_date():
    key = rsa_key(2048)
    assert isinstance(key, rsa.RSAPrivateKey)
    spec = {"privateKey": {"size": 3072}}
    found = Input(certificate(**spec), secret(key, pem_of(key)), None, NOW)
    assert first_violation(TRIGGER, found).message.endswith("[spec.privateKey.size]")
