"""The requests that a walk makes: how their CSRs are, which issuer they name, what is decided of them."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from ipaddress import ip_address

import attrs
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from conformance.issuer.options import Options

APPROVED, DENIED, UNDECIDED = "Approved", "Denied", ""
# In the names of a form: a name that nobody had before, and the address of the options.
FRESH, ADDRESS = "NAME", "ADDRESS"


@attrs.frozen
class Form:
    """One kind of request.

    what: in a sentence; names: DNS names, FRESH in them, and what begins with a word of _NAMES; common_name: of the
    subject; decision: what we write into its status; issuer: what its issuerRef says instead of the right things;
    spoiled: whether the signature is wrong; smuggles: whether the CSR asks for a CA, where spec.isCA does not.
    """

    what: str
    names: tuple[str, ...] = (FRESH,)
    common_name: str = ""
    new_key: Callable[[], CertificateIssuerPrivateKeyTypes] = lambda: ec.generate_private_key(ec.SECP256R1())
    decision: str = APPROVED
    issuer: Mapping[str, str] = attrs.field(factory=dict)
    spoiled: bool = False
    smuggles: bool = False


_NAMES: Mapping[str, Callable[[str], x509.GeneralName]] = {
    "DNS": x509.DNSName,
    "IP": lambda text: x509.IPAddress(ip_address(text)),
    "URI": x509.UniformResourceIdentifier,
    "email": x509.RFC822Name,
}
# What an issuer may be asked for, each approved.
SHAPES: Mapping[str, Form] = {
    "several_names": Form("several names", names=(FRESH, f"www.{FRESH}", f"api.{FRESH}")),
    "a_common_name": Form("a common name that is one of its names", common_name=FRESH),
    "a_wildcard": Form("a wildcard", names=(f"*.{FRESH}",)),
    "an_address": Form("an IP address", names=(f"IP:{ADDRESS}",)),
    "a_name_and_an_address": Form("a name and an IP address", names=(FRESH, f"IP:{ADDRESS}")),
    "a_uri": Form("a URI", names=(f"URI:spiffe://{FRESH}/ns/default",)),
    "an_email_address": Form("an email address", names=(f"email:somebody@{FRESH}",)),
    "an_rsa_key": Form("an RSA key", new_key=lambda: rsa.generate_private_key(65537, 2048)),
    "a_p384_key": Form("a P-384 key", new_key=lambda: ec.generate_private_key(ec.SECP384R1())),
    "an_ed25519_key": Form("an Ed25519 key", new_key=ed25519.Ed25519PrivateKey.generate),
}


def forms(options: Options, copy: str) -> Mapping[str, Form]:
    """Return all requests of a run; copy: the name that the issuer's copy will have."""
    unready = {"unready": Form("an issuer that is not ready", issuer={"name": options.unready or ""})}
    return {
        "plain": Form("one name"),
        "unapproved": Form("one name, and nobody decided", decision=UNDECIDED),
        "denied": Form("one name, and it was denied", decision=DENIED),
        "spoiled": Form("a CSR whose signature is wrong", spoiled=True),
        "smuggled": Form("a CSR that asks for a CA beside spec.isCA", smuggles=True),
        "foreign": Form("an issuer of another group", issuer={"group": "other.conformance.test"}),
        "unknown": Form("an issuer of a kind that is not there", issuer={"kind": "Conformance"}),
        "missing": Form("an issuer that is not there yet", issuer={"name": copy}),
        **(unready if options.unready else {}),
        **SHAPES,
    }


def named(names: tuple[str, ...], fresh: str, address: str) -> list[x509.GeneralName]:
    """Return the names of a form as a CSR has them."""
    return [
        _NAMES[kind](value.replace(FRESH, fresh).replace(ADDRESS, address))
        for kind, _, value in (("DNS:" * (":" not in name) + name).partition(":") for name in names)
    ]


def csr(form: Form, key: CertificateIssuerPrivateKeyTypes, names: list[x509.GeneralName], fresh: str) -> str:
    """Return the CSR of a form as `spec.request` has it: PEM, in base64."""
    common = form.common_name.replace(FRESH, fresh)
    subject = [x509.NameAttribute(NameOID.COMMON_NAME, common)] if common else []
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(subject))
    builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=not subject)
    if form.smuggles:
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    made = builder.sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else SHA256())
    pem = made.public_bytes(Encoding.PEM)
    return base64.b64encode(_spoiled(made) if form.spoiled else pem).decode()


def _spoiled(made: x509.CertificateSigningRequest) -> bytes:
    """Return a CSR with the last octet of its signature changed."""
    der = bytearray(made.public_bytes(Encoding.DER))
    der[-1] ^= 1
    text = base64.encodebytes(der).decode()
    return f"-----BEGIN CERTIFICATE REQUEST-----\n{text}-----END CERTIFICATE REQUEST-----\n".encode()
