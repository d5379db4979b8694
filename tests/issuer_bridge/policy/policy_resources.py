"""Policies and requests for tests; CSRs are put together from DER, so that they may hold what no library would write."""

import base64
import ipaddress

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import ObjectIdentifier

from issuer_bridge.cert_manager.certificates.der import OCTET_STRING, SEQUENCE, UTF8_STRING, der
from issuer_bridge.policy.review import Court

SET, OID, ATTRIBUTES = 0x31, 0x06, 0xA0
PRINTABLE, IA5, UNIVERSAL, BMP, INTEGER = 0x13, 0x16, 0x1C, 0x1E, 0x02
COMMON_NAME, SERIAL_NUMBER, EMAIL = "2.5.4.3", "2.5.4.5", "1.2.840.113549.1.9.1"
SUBJECT = {
    "organizations": "2.5.4.10",
    "countries": "2.5.4.6",
    "organizationalUnits": "2.5.4.11",
    "localities": "2.5.4.7",
    "provinces": "2.5.4.8",
    "streetAddresses": "2.5.4.9",
    "postalCodes": "2.5.4.17",
}
UPN = "1.3.6.1.4.1.311.20.2.3"
NAMES = "2.5.29.17"
KEY = ec.derive_private_key(7, ec.SECP256R1())
ED25519 = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32))
READY = {"type": "Ready", "status": "True", "reason": "Ready", "message": "m"}
UNREADY = {"type": "Ready", "status": "False", "reason": "NotReady", "message": "it is broken"}


def oid(dotted):
    name = bytearray()
    first, second, *rest = map(int, ObjectIdentifier(dotted).dotted_string.split("."))
    for arc in (40 * first + second, *rest):
        septets = [arc >> shift & 0x7F for shift in range(28, -1, -7)]
        while len(septets) > 1 and not septets[0]:
            del septets[0]
        name += bytes(septet | 0x80 for septet in septets[:-1]) + bytes(septets[-1:])
    return der(OID, bytes(name))


def attribute(dotted, value, tag=UTF8_STRING):
    """One attribute of a subject."""
    octets = value if isinstance(value, bytes) else value.encode()
    return der(SET, der(SEQUENCE, oid(dotted) + der(tag, octets)))


def other_name(text, tag=UTF8_STRING, dotted=UPN):
    return der(0xA0, oid(dotted) + der(0xA0, der(tag, text.encode())))


def dns(*names):
    return [der(0x82, name.encode()) for name in names]


def addresses(*texts):
    return [der(0x87, ipaddress.ip_address(text).packed) for text in texts]


def uris(*texts):
    return [der(0x86, text.encode()) for text in texts]


def emails(*texts):
    return [der(0x81, text.encode()) for text in texts]


def csr(subject=(), names=(), key=KEY, extensions=None):
    """`spec.request`: attributes of the subject and general names as DER; extensions: those of names, instead."""
    if extensions is None:
        extensions = [der(SEQUENCE, b"".join(names))] if names else []
    listed = b"".join(der(SEQUENCE, oid(NAMES) + der(OCTET_STRING, value)) for value in extensions)
    asked = der(SEQUENCE, oid("1.2.840.113549.1.9.14") + der(SET, der(SEQUENCE, listed)))
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    version, name = der(INTEGER, b"\0"), der(SEQUENCE, b"".join(subject))
    information = der(SEQUENCE, version + name + public + der(ATTRIBUTES, asked if extensions else b""))
    algorithm, signature = sign(key, information)
    whole = der(SEQUENCE, information + algorithm + der(0x03, b"\0" + signature))
    text = base64.encodebytes(whole).decode()
    pem = f"-----BEGIN CERTIFICATE REQUEST-----\n{text}-----END CERTIFICATE REQUEST-----\n"
    return base64.b64encode(pem.encode()).decode()


def sign(key, octets):
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return der(SEQUENCE, oid("1.2.840.10045.4.3.2")), key.sign(octets, ec.ECDSA(hashes.SHA256()))
    if isinstance(key, rsa.RSAPrivateKey):
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

        return der(SEQUENCE, oid("1.2.840.113549.1.1.11") + b"\x05\0"), key.sign(octets, PKCS1v15(), hashes.SHA256())
    return der(SEQUENCE, oid("1.3.101.112")), key.sign(octets)


def request(signed=None, *, issuer=None, namespace="default", **spec):
    """An undecided CertificateRequest."""
    return {
        "apiVersion": "cert-manager.io/v1",
        "kind": "CertificateRequest",
        "metadata": {"name": "one", "namespace": namespace, "uid": "uid-one"},
        "spec": {
            "request": csr() if signed is None else signed,
            "issuerRef": issuer or {"name": "test-name", "kind": "test-kind", "group": "test-group"},
            "username": "example",
            **spec,
        },
    }


def policy(name="test-policy-a", *, ready=READY, **spec):
    """A policy about every request."""
    return {
        "apiVersion": "policy.cert-manager.io/v1alpha1",
        "kind": "CertificateRequestPolicy",
        "metadata": {"name": name, "uid": f"uid-{name}", "generation": 1},
        "spec": {"selector": {"issuerRef": {}}, **spec},
        "status": {"conditions": [ready]} if ready else {},
    }


def ended(inquiry):
    """What an inquiry that asks nothing comes to."""
    try:
        question = next(inquiry)
    except StopIteration as stop:
        return stop.value
    raise AssertionError(f"asked {question}")


def everybody(user, asked):
    """Access for tests of what comes after it."""
    yield from ()
    return True


COURT = Court(everybody)
