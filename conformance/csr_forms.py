"""CSRs of every form that a server should not take, or should not take at its word: DER, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import AttributeOID, NameOID

# What makes a CSR for a name, in DER; each stands in a table under what is wrong with it.
Forms: TypeAlias = Mapping[str, Callable[[str], bytes]]


def made(
    *names: x509.GeneralName,
    common: str | None = None,
    key: Any = None,
    extensions: tuple[x509.ExtensionType, ...] = (),
    attribute: bytes | None = None,
) -> bytes:
    """Return a CSR in DER; without names it has no subjectAltName."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)] if common else [])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    for extension in extensions:
        builder = builder.add_extension(extension, critical=True)
    if attribute is not None:
        builder = builder.add_attribute(AttributeOID.CHALLENGE_PASSWORD, attribute)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def dns(*names: str) -> tuple[x509.DNSName, ...]:
    """Return names as a subjectAltName has them."""
    return tuple(x509.DNSName(name) for name in names)


def _right(name: str) -> bytes:
    return made(*dns(name))


def _ber(der: bytes) -> bytes:
    """Return the outermost sequence with an indefinite length, which DER does not have."""
    return b"\x30\x80" + der[4 if der[1] == 0x82 else 3 if der[1] == 0x81 else 2 :] + b"\0\0"


NOT_CSRS: Forms = {
    "no octets": lambda _: b"",
    "junk": lambda _: b"\xff" * 300,
    "its name alone": lambda name: name.encode(),
    "half of its octets": lambda name: _right(name)[:100],
    "octets after its end": lambda name: _right(name) + b"\0",
    "an indefinite length": lambda name: _ber(_right(name)),
    "a length of 4 GB": lambda name: b"\x30\x84\xff\xff\xff\xff" + _right(name),
    "20,000 levels": lambda _: b"\x30\x80" * 20_000,
    "a key and its signature alone": lambda name: _right(name)[40:],
    "PEM": lambda name: x509.load_der_x509_csr(_right(name)).public_bytes(Encoding.PEM),
    "the version -1": lambda name: _right(name).replace(b"\x02\x01\x00", b"\x02\x01\xff", 1),
    "an absurd version": lambda name: _right(name).replace(b"\x02\x01\x00", b"\x02\x01\x7f", 1),
}


def _der(tag: int, content: bytes) -> bytes:
    size = len(content)
    length = size.to_bytes((size.bit_length() + 7) // 8, "big") if size else b"\0"
    return bytes([tag]) + (length if size < 128 else bytes([0x80 | len(length)]) + length) + content


def _integer(value: int) -> bytes:
    return _der(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _forged(name: str) -> bytes:
    right = _right(name)
    return right[:-1] + bytes([right[-1] ^ 1])


def _swapped(name: str) -> bytes:
    """Return a CSR whose key was replaced after it was signed."""
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    signer, other = (key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) for key in keys)
    return made(*dns(name), key=keys[0]).replace(signer, other)


def _sha1(name: str) -> bytes:
    """Return a CSR that is signed with SHA-1, as `cryptography` makes none."""
    key = ec.generate_private_key(ec.SECP256R1())
    info = x509.load_der_x509_csr(made(*dns(name), key=key)).tbs_certrequest_bytes
    signature = key.sign(info, ec.ECDSA(hashes.SHA1()))  # noqa: S303 - that is the point
    return _der(0x30, info + _der(0x30, bytes.fromhex("06072a8648ce3d0401")) + _der(0x03, b"\0" + signature))


SIGNED_WRONGLY: Forms = {
    "a forged signature": _forged,
    "another key's signature": _swapped,
    "a signature of SHA-1": _sha1,
}


def _of_modulus(name: str, modulus: int) -> bytes:
    """Return a CSR whose RSA key nobody has, with a signature of zeros."""
    rsa_encryption = _der(0x30, bytes.fromhex("06092a864886f70d0101010500"))
    sha256_with_rsa = _der(0x30, bytes.fromhex("06092a864886f70d01010b0500"))
    spki = _der(0x30, rsa_encryption + _der(0x03, b"\0" + _der(0x30, _integer(modulus) + _integer(65537))))
    san = _der(0x30, _der(0x82, name.encode()))
    extension = _der(0x30, bytes.fromhex("0603551d11") + _der(0x04, san))
    request = _der(0x30, bytes.fromhex("06092a864886f70d01090e") + _der(0x31, _der(0x30, extension)))
    info = _der(0x30, _integer(0) + _der(0x30, b"") + spki + _der(0xA0, request))
    return _der(0x30, info + sha256_with_rsa + _der(0x03, bytes(1 + modulus.bit_length() // 8)))


SHORT = 1024  # bits of an RSA key
WEAK: Forms = {
    "an RSA key of 1024 bits": lambda name: made(*dns(name), key=rsa.generate_private_key(65537, SHORT)),
    "the RSA exponent 3": lambda name: made(*dns(name), key=rsa.generate_private_key(3, 2048)),
    "a key on P-224": lambda name: made(*dns(name), key=ec.generate_private_key(ec.SECP224R1())),
    "an RSA key of 16,384 bits": lambda name: _of_modulus(name, 1 << 16383 | 1),
    "an RSA modulus that is even": lambda name: _of_modulus(name, 1 << 2047 | 2),
}


OTHER_NAMES: Forms = {
    "no name": lambda _: made(),
    "a common name that is not in the order": lambda name: made(*dns(name), common=f"other.{name}"),
    "a wildcard beside the name": lambda name: made(*dns(name, f"*.{name}")),
    "a name below the order's": lambda name: made(*dns(name, f"www.{name}")),
    "the wildcard of the order's name": lambda name: made(*dns(f"*.{name}")),
    "its name and a NUL": lambda name: made(*dns(name, f"{name}\0.other.test")),
}


CA = x509.BasicConstraints(ca=True, path_length=None)
SIGNS_CERTIFICATES = x509.KeyUsage(
    digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
    key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
)  # fmt: skip
# More than a dns name, which a server refuses or ignores.
FOREIGN: Forms = {
    "an e-mail address": lambda name: made(*dns(name), x509.RFC822Name(f"a@{name}")),
    "a URI": lambda name: made(*dns(name), x509.UniformResourceIdentifier(f"https://{name}/")),
    "a registered ID": lambda name: made(*dns(name), x509.RegisteredID(x509.ObjectIdentifier("1.2.3"))),
    "a directory name": lambda name: made(*dns(name), x509.DirectoryName(x509.Name([]))),
    "CA:TRUE": lambda name: made(*dns(name), extensions=(CA,)),
    "the usage of a CA": lambda name: made(*dns(name), extensions=(SIGNS_CERTIFICATES,)),
}
ATTRIBUTES: Forms = {
    "an empty password": lambda name: made(*dns(name), attribute=b""),
    "a password of 20 kB": lambda name: made(*dns(name), attribute=b"a" * 20_000),
    "a password that is NUL": lambda name: made(*dns(name), attribute=b"\0"),
    "a password that is no UTF-8": lambda name: made(*dns(name), attribute=b"password").replace(
        b"password", b"\xff" * 8
    ),
}
