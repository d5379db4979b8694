"""Certificate signing requests: strict reading and key policy (RFC 2986, RFC 8555 section 7.4).

Every refusal is a badCSR that says what to change. What a CSR asks for beyond
its key and its names is ignored, but for a CA certificate, which is refused, and
stapling, which a profile may allow.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv6Address
from typing import Any, TypeVar

import attrs
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

from acme_server.protocol.identifier import Identifier, dns_complaint
from acme_server.protocol.jwk import PublicKey, jwk_of
from acme_server.protocol.problem import Problem

T = TypeVar("T")

MAX_BYTES = 32768
RSA_BITS = range(2048, 4097)
_CURVES = ("secp256r1", "secp384r1", "secp521r1")
_HASHES = ("sha256", "sha384", "sha512")
_ISSUED_FOR = (x509.DNSName, x509.IPAddress)
_UNREADABLE = (ValueError, TypeError, UnsupportedAlgorithm, x509.DuplicateExtension, x509.InvalidVersion)


@attrs.frozen
class CertificateSigningRequest:
    """A CSR that passed every check; `thumbprint` is its key's (RFC 7638), `identifiers` are sorted."""

    der: bytes = attrs.field(repr=False)
    public_key: PublicKey = attrs.field(eq=False, repr=False)
    identifiers: tuple[Identifier, ...]
    thumbprint: str


def parse_csr(der: bytes, *, other_names: bool = False) -> CertificateSigningRequest:
    """Read a DER CSR; raise badCSR with what is wrong and what to do.

    other_names: pass over e-mail addresses, URIs and the like instead of refusing them.
    """
    if len(der) > MAX_BYTES:
        raise _bad(f"has {len(der)} octets; at most {MAX_BYTES} are accepted, so ask for fewer names")
    if der.lstrip().startswith(b"-----BEGIN"):
        raise _bad("is PEM; send the base64url of its DER form (RFC 8555 section 7.4)", "CSR form")
    request = _read(
        lambda: x509.load_der_x509_csr(der),
        "is not a DER-encoded PKCS #10 request (RFC 2986); make it with 'openssl req -new -outform DER' or alike",
        "CSR form",
    )
    # The key's policy comes first: an absurd key is slow to verify with.
    public_key = _checked_key(request)
    _check_signature(request)
    names = _names(request, other_names)
    return CertificateSigningRequest(der, public_key, names, jwk_of(public_key).thumbprint)


def wants_stapling(request: x509.CertificateSigningRequest) -> bool:
    """Whether a CSR that passed asks for a certificate whose server must staple (RFC 7633)."""
    features = (each.value for each in request.extensions if isinstance(each.value, x509.TLSFeature))
    return any(x509.TLSFeatureType.status_request in feature for feature in features)


def _bad(what: str, case: str = "") -> Problem:
    return Problem("badCSR", f"the CSR {what}", case=case)


def _read(reader: Callable[[], T], complaint: str, case: str = "") -> T:
    """The library reads parts of a CSR only when asked for them, and raises as variously as they can be wrong."""
    try:
        return reader()
    except _UNREADABLE:
        raise _bad(complaint, case) from None


def _checked_key(request: x509.CertificateSigningRequest) -> PublicKey:
    key: Any = _read(
        request.public_key, "has a public key that cannot be read; use RSA, P-256, P-384, P-521 or Ed25519"
    )
    if isinstance(key, ed25519.Ed25519PublicKey):
        return key
    if isinstance(key, ec.EllipticCurvePublicKey):
        if key.curve.name not in _CURVES:
            raise _bad(f"has a key on curve {key.curve.name}; use P-256, P-384 or P-521")
        return key
    if not isinstance(key, rsa.RSAPublicKey):
        raise _bad("has a public key of a kind that is not issued for; use RSA, P-256, P-384, P-521 or Ed25519")
    if key.key_size not in RSA_BITS or key.key_size % 8:
        limits = f"{RSA_BITS[0]} to {RSA_BITS[-1]} bits, in whole octets"
        raise _bad(f"has an RSA key of {key.key_size} bits; use one of {limits}")
    numbers = key.public_numbers()
    if numbers.e != 65537:
        raise _bad("has an RSA key whose public exponent is not 65537; make a new key with that exponent")
    if numbers.n % 2 == 0:
        raise _bad("has an RSA key with an even modulus; make a new key")
    return key


def _check_signature(request: x509.CertificateSigningRequest) -> None:
    """The signature proves that the key is held by who asks (RFC 2986 section 3)."""
    unsupported = "is signed with an unsupported algorithm; sign it with SHA-256, SHA-384, SHA-512 or Ed25519"
    algorithm = _read(lambda: request.signature_hash_algorithm, unsupported)
    if algorithm is not None and algorithm.name not in _HASHES:
        raise _bad(f"is signed with {algorithm.name.upper()}; sign it with SHA-256, SHA-384 or SHA-512")
    if not _read(lambda: request.is_signature_valid, unsupported):
        raise _bad("has a signature that does not verify; sign it with the private key of the key it carries")


def _names(request: x509.CertificateSigningRequest, other_names: bool) -> tuple[Identifier, ...]:
    names: dict[Identifier, None] = dict.fromkeys(_alternative_names(request, other_names))
    for name in _common_names(request):
        # Clients repeat their first name there, which may be an address.
        if Identifier("ip", name) not in names:
            names[_dns("common name", name)] = None
    if not names:
        raise _bad("has no name; put each DNS name into its subjectAltName extension")
    return tuple(sorted(names))


def _dns(source: str, name: str) -> Identifier:
    complaint = dns_complaint(name.lower())
    if complaint:
        raise _bad(f"has the {source} {name[:253]!a}, which {complaint}; leave it out or correct it")
    return Identifier("dns", name.lower())


def _alternative_names(request: x509.CertificateSigningRequest, other_names: bool) -> Iterator[Identifier]:
    extensions = _read(
        lambda: request.extensions,
        "has extensions that cannot be read; each may occur once, and its names must be ASCII",
    )
    for extension in extensions:
        if isinstance(extension.value, x509.BasicConstraints) and extension.value.ca:
            raise _bad("asks for a CA certificate; leave CA:TRUE out of its basicConstraints")
        if isinstance(extension.value, x509.SubjectAlternativeName):
            if not len(extension.value):
                raise _bad("has an empty subjectAltName extension; put each DNS name into it")
            for name in extension.value:
                if not other_names or isinstance(name, _ISSUED_FOR):
                    yield _alternative_name(name)


def _alternative_name(name: x509.GeneralName) -> Identifier:
    if isinstance(name, x509.DNSName):
        return _dns("subjectAltName", name.value)
    # A constraint's network, which the library reads there too, is no address.
    if isinstance(name, x509.IPAddress) and isinstance(name.value, IPv4Address | IPv6Address):
        return Identifier("ip", str(name.value))
    kind = type(name).__name__
    raise _bad(f"has a subjectAltName of type {kind}; only DNS names and IP addresses are issued for, leave it out")


def _common_names(request: x509.CertificateSigningRequest) -> Iterator[str]:
    """RFC 8555 section 7.4: a dns identifier may stand in the common name instead."""
    for attribute in _read(lambda: _subject(request), "has a subject that cannot be read; leave the subject empty"):
        if attribute.oid == NameOID.COMMON_NAME and attribute.value:
            value = attribute.value
            yield value if isinstance(value, str) else value.decode("latin-1")


def _subject(request: x509.CertificateSigningRequest) -> x509.Name:
    with warnings.catch_warnings():
        # Lengths outside X.520's bounds are only warned about; nothing of the subject is copied.
        warnings.simplefilter("ignore")
        return request.subject
