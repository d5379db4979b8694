"""Resources of the two clusters for tests: roots, IssuedCertificates, pods, and where a private key shows."""

import base64
import re
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

CACERTS = ("istio-system", "cacerts")
IDENTITY = "spiffe://cluster.local/ns/istio-system/sa/citadel"
NO_USAGES = dict.fromkeys(
    (
        *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
        *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
    ),
    False,
)
BEGINNING = datetime(2025, 1, 1, tzinfo=UTC)


def issued_certificate(name="istio", **spec):
    """The IssuedCertificate of the owner's document, signed by the root in gloo-mesh/root-ca; None takes a field away."""
    fields = {
        "hosts": [IDENTITY],
        "org": "Istio",
        "signingCertificateSecret": {"namespace": "gloo-mesh", "name": "root-ca"},
        "issuedCertificateSecret": dict(zip(("namespace", "name"), CACERTS, strict=True)),
        **spec,
    }
    kept = {field: value for field, value in fields.items() if value is not None}
    return {"metadata": {"namespace": "gloo-mesh", "name": name}, "spec": kept}


def pod(name, namespace="istio-system", **labels):
    return {"metadata": {"name": name, "namespace": namespace, "labels": labels}, "spec": {"containers": []}}


@cache
def ca(name="root", above=None, *, is_ca=True, path_length=None, days=3650):
    """A CA certificate and its key, signed by another one or by itself."""
    key = ec.derive_private_key(int.from_bytes(name.encode()) + 7, ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    issuer, signer = (above[0].subject, above[1]) if above else (subject, key)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(int.from_bytes(name.encode()))
        .not_valid_before(BEGINNING)
        .not_valid_after(BEGINNING + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=path_length), critical=True)
        .add_extension(x509.KeyUsage(**{**NO_USAGES, "key_cert_sign": True, "crl_sign": True}), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .sign(signer, hashes.SHA256(), ecdsa_deterministic=True)
    )
    return certificate, key


def pem(thing):
    if isinstance(thing, x509.Certificate):
        return thing.public_bytes(Encoding.PEM)
    return thing.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())


def root_secret(name="root-ca", namespace="gloo-mesh", data=None):
    """The Secret that signs, a root unless told otherwise."""
    root, key = ca()
    data = data or {"root-cert.pem": pem(root), "key.pem": pem(key)}
    encoded = {entry: base64.b64encode(value).decode() for entry, value in data.items()}
    return {"metadata": {"namespace": namespace, "name": name}, "data": encoded}


def private_numbers(key_pem):
    """What of a private key must show nowhere: its secret number, as bytes, in hex, and as a decimal."""
    key = load_pem_private_key(key_pem, password=None)
    numbers = key.private_numbers()
    number = numbers.d if isinstance(key, rsa.RSAPrivateKey) else numbers.private_value
    raw = number.to_bytes((number.bit_length() + 7) // 8)
    return [raw, raw.hex().encode(), str(number).encode()]


def layers(text, depth=4):
    """A text, and all that it holds in base64, PEM bodies too, in whatever depth: what a curious reader would find."""
    raw = text if isinstance(text, bytes) else text.encode()
    yield raw
    if depth:
        unfolded = raw.replace(b"\\n", b"").replace(b"\n", b"")
        for found in re.findall(rb"[A-Za-z0-9+/]{40,}={0,2}", unfolded):
            yield from layers(base64.b64decode(found + b"=" * (-len(found) % 4), validate=False), depth - 1)


def shows(text, key_pem):
    """Whether a text holds a private key in any form."""
    return any(number in layer for layer in layers(text) for number in private_numbers(key_pem))
