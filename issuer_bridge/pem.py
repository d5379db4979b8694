"""PEM as resources carry it: CSRs that come in, certificate chains that go out.

What a person wrote is refused with a sentence that says what it is instead of
a CSR; what a certificate authority sent is refused when it is anything but
certificates.
"""

from __future__ import annotations

import base64
import binascii
import re
from functools import lru_cache
from typing import Any

import attrs
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

MAX_CHAIN = 5
MAX_REQUEST = 36_500  # bytes of PEM: maxLeafCertificatePEMSize of upstream's internal/pem/decode.go
_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----\r?\n.*?-----END \1-----", re.DOTALL)
_ADVICE = "put in the base64 of a PEM file (base64 -w0 request.pem)"
_REQUEST_LABELS = (b"CERTIFICATE REQUEST", b"NEW CERTIFICATE REQUEST")


@attrs.frozen
class SigningRequest:
    """What a CSR asks for; names in the order of its SAN extension, key as SubjectPublicKeyInfo."""

    der: bytes = attrs.field(repr=False)
    key: bytes = attrs.field(repr=False)
    common_name: str
    dns_names: tuple[str, ...]
    ip_addresses: tuple[str, ...]


def read_request(field: Any) -> SigningRequest:
    """Read `spec.request`, base64 of a PEM CSR; ValueError with what it is instead."""
    if not isinstance(field, str) or not field:
        raise ValueError(f"it is empty; {_ADVICE}")
    return _read_request(field)


def load_request(field: Any) -> x509.CertificateSigningRequest:
    """Return the CSR in `spec.request`, its names and its signature unread; ValueError as for `read_request`."""
    if not isinstance(field, str) or not field:
        raise ValueError(f"it is empty; {_ADVICE}")
    block = _request_block(field)
    try:
        return x509.load_pem_x509_csr(block)
    except (ValueError, TypeError, x509.InvalidVersion) as error:
        raise ValueError(f"its CERTIFICATE REQUEST does not parse: {error}") from None


def holds_private_key(field: Any) -> bool:
    """Whether there is a private key in `spec.request`, beside a CSR or in its place."""
    try:
        _check_public(field)
    except PermissionError:
        return True
    except (TypeError, ValueError):
        pass
    return False


@lru_cache(maxsize=1024)
def _check_public(field: str) -> None:
    """Each status write asks again, hence the cache; an error is not kept in it, and no key with it."""
    if b"PRIVATE KEY-----" in base64.b64decode(field):
        raise PermissionError


@lru_cache(maxsize=1024)
def _read_request(field: str) -> SigningRequest:
    """Read a request; it is looked at again and again while it is pending, hence the cache."""
    block = _request_block(field)
    try:
        request = x509.load_pem_x509_csr(block)
        signed = request.is_signature_valid
        dns_names, ip_addresses = _alternative_names(request)
        result = SigningRequest(
            request.public_bytes(Encoding.DER), public_key_of(request), _common_name(request), dns_names, ip_addresses
        )
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion, x509.DuplicateExtension) as error:
        raise ValueError(f"its CERTIFICATE REQUEST does not parse: {error}") from None
    if not signed:
        raise ValueError("the signature of its CERTIFICATE REQUEST does not verify with the key inside")
    return result


def _request_block(field: str) -> bytes:
    if len(field) > MAX_REQUEST * 4 // 3 + 4:
        raise ValueError(f"provided PEM data was larger than the maximum {MAX_REQUEST}B")
    try:
        data = base64.b64decode(field, validate=True)
    except binascii.Error:
        found = "the PEM itself" if field.lstrip().startswith("-----BEGIN") else "not base64"
        raise ValueError(f"it is {found}; {_ADVICE}") from None
    block = _BLOCK.search(data)
    if block is None:
        raise ValueError(f"it is the base64 of {_guess(data)}; {_ADVICE}")
    if block[1] not in _REQUEST_LABELS:
        raise ValueError(f"it holds a {block[1].decode('ascii')}, not a CERTIFICATE REQUEST")
    return block[0]


def _guess(data: bytes) -> str:
    if data[:1] == b"\x30":
        return "DER"
    if re.fullmatch(rb"[A-Za-z0-9+/=\s]{16,}", data):
        return "base64 once more"
    return "something else"


def _common_name(request: x509.CertificateSigningRequest) -> str:
    names = request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else ""


def _alternative_names(request: x509.CertificateSigningRequest) -> tuple[tuple[str, ...], tuple[str, ...]]:
    try:
        names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return (), ()
    addresses = names.get_values_for_type(x509.IPAddress)
    return tuple(names.get_values_for_type(x509.DNSName)), tuple(str(address) for address in addresses)


def read_chain(body: bytes) -> str:
    """Return a PEM chain as it came; ValueError unless it is 1 to 5 certificates and nothing else."""
    blocks = list(_BLOCK.finditer(body))
    if _BLOCK.sub(b"", body).strip():
        raise ValueError("has text outside its PEM blocks (RFC 8555 section 9.1)")
    if not 1 <= len(blocks) <= MAX_CHAIN:
        raise ValueError(f"has {len(blocks)} certificates; 1 to {MAX_CHAIN} are taken")
    for block in blocks:
        if block[1] != b"CERTIFICATE":
            raise ValueError(f"holds a {block[1].decode('ascii')}")
        x509.load_pem_x509_certificate(block[0])
    return b"".join(block[0].replace(b"\r\n", b"\n") + b"\n" for block in blocks).decode("ascii")


def top_issuer(chain: str) -> str:
    """Return the common name of who issued the last certificate of a PEM chain, "" when it has none."""
    last = list(_BLOCK.finditer(chain.encode("ascii")))[-1]
    names = x509.load_pem_x509_certificate(last[0]).issuer.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else ""


def encode(text: str) -> str:
    """Return the base64 that a byte field of a resource holds."""
    return base64.b64encode(text.encode()).decode("ascii")


def leaf_key(field: Any) -> bytes:
    """Return the SubjectPublicKeyInfo of the leaf in a base64 PEM chain; ValueError when there is none."""
    return public_key_of(x509.load_pem_x509_certificate(base64.b64decode(field, validate=True)))


def public_key_of(holder: x509.CertificateSigningRequest | x509.Certificate) -> bytes:
    """Return the public key that a CSR or a certificate is for, as SubjectPublicKeyInfo."""
    return holder.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
