"""Workload certificates of an Istio mesh: who may ask for what, and what comes back (cert-manager/istio-csr); no I/O."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeAlias

import attrs
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from acme_server.protocol.vantage import Inquiry
from issuer_bridge.cert_manager.local_signing import bundle, extension_of, is_signed_by
from issuer_bridge.durations import format_duration
from issuer_bridge.kube_api.users import account_of
from issuer_bridge.pem import encode
from issuer_bridge.resources import CERTIFICATE_REQUEST, Resource

IDENTITIES = "istio.cert-manager.io/identities"
USAGES = ("client auth", "server auth")
_KEY_USAGES = ("digital_signature", "key_encipherment")
_EXTENDED = (ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH)
_ALLOWED = (x509.SubjectAlternativeName, x509.KeyUsage, x509.ExtendedKeyUsage)

Review: TypeAlias = Callable[[str], Inquiry[Mapping[str, Any]]]
"""Asks who a token belongs to; returns the status of a TokenReview."""


@attrs.frozen
class IstioOptions:
    """A mesh: its roots (namespace and name of a Secret with `ca.crt`), and which issuer signs for its workloads.

    review: who a caller is; namespace: where the requests are made; preserve: keep them afterwards.
    """

    root: tuple[str, str]
    issuer: Mapping[str, str] = attrs.field(factory=dict)
    review: Review | None = None
    trust_domain: str = "cluster.local"
    namespace: str = "istio-system"
    longest: timedelta = timedelta(hours=1)
    preserve: bool = False


class Refused(Exception):  # noqa: N818 - says what happened
    """The answer is no; its arguments are the name of a gRPC status code and its message."""


def identity_of(status: Mapping[str, Any], trust_domain: str) -> str:
    """Return the SPIFFE ID of a service account; ValueError when a TokenReview names none."""
    account = account_of((status.get("user") or {}).get("username") or "") if status.get("authenticated") else None
    if account is None:
        raise ValueError(f"the token is not of a service account: {status.get('error') or 'it is of somebody else'}")
    namespace, name = account
    return f"spiffe://{trust_domain}/ns/{namespace}/sa/{name}"


def check_csr(pem: str, identities: Sequence[str]) -> None:
    """ValueError unless a CSR is signed, asks for exactly these identities, and for nothing else."""
    try:
        csr = x509.load_pem_x509_csr(pem.encode())
        extensions = [extension.value for extension in csr.extensions]
        signed = csr.is_signature_valid
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.DuplicateExtension) as error:
        raise ValueError(f"failed to decode CSR: {error}") from None
    if not signed:
        raise ValueError("CSR failed signature check")
    if csr.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME):
        raise ValueError("forbidden: a common name")
    for value in extensions:
        if not isinstance(value, _ALLOWED):
            raise ValueError(f"forbidden extension {value.oid.dotted_string}")
        if isinstance(value, x509.ExtendedKeyUsage) and not all(oid in _EXTENDED for oid in value):
            raise ValueError("forbidden extended key usages")
    usage = extension_of(csr, x509.KeyUsage)
    if usage and usage != x509.KeyUsage(**{name: _asks(usage, name) for name in _FLAGS}):
        raise ValueError("forbidden key usages")
    names = list(extension_of(csr, x509.SubjectAlternativeName) or ())
    if not all(isinstance(name, x509.UniformResourceIdentifier) for name in names):
        raise ValueError("forbidden: names that are not URIs")
    if Counter(name.value for name in names) != Counter(identities):
        found = ", ".join(name.value for name in names)
        raise ValueError(f"the CSR asks for [{found}], its sender is [{', '.join(identities)}]")


_FLAGS = (
    *(*_KEY_USAGES, "content_commitment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign"),
    *("encipher_only", "decipher_only"),
)


def _asks(usage: x509.KeyUsage, name: str) -> bool:
    return name in _KEY_USAGES and bool(getattr(usage, name))


def request_for(pem: str, identities: Sequence[str], asked: timedelta, options: IstioOptions) -> Resource:
    """Return the CertificateRequest that is made for a CSR."""
    return {
        "apiVersion": CERTIFICATE_REQUEST.api_version,
        "kind": CERTIFICATE_REQUEST.kind,
        "metadata": {
            "generateName": "istio-csr-",
            "namespace": options.namespace,
            "annotations": {IDENTITIES: ",".join(identities)},
        },
        "spec": {
            "duration": format_duration(min(asked, options.longest)),
            "isCA": False,
            "request": encode(pem),
            "usages": list(USAGES),
            "issuerRef": dict(options.issuer),
        },
    }


def chain_with_roots(certificate: str, roots: bytes, now: datetime) -> tuple[str, ...]:
    """Return the certificates of an issued chain, base64 as in a status, and the roots as the last; all PEM.

    ValueError when the chain is none, or leads to no root of the mesh.
    """
    leaf, *above = x509.load_pem_x509_certificates(base64.b64decode(certificate))
    pem, _ = bundle(leaf, above)
    chain = x509.load_pem_x509_certificates(pem.encode())
    trusted = [root for root in x509.load_pem_x509_certificates(roots) if is_signed_by(chain[-1], root)]
    usages = list(extension_of(leaf, x509.ExtendedKeyUsage) or _EXTENDED)
    current = [each for each in (*chain, *trusted) if each.not_valid_before_utc <= now <= each.not_valid_after_utc]
    if not trusted or not all(oid in usages for oid in _EXTENDED) or len(current) != len(chain) + len(trusted):
        raise ValueError("failed to verify the issued certificate chain against the current mesh roots")
    return (*(each.public_bytes(Encoding.PEM).decode("ascii") for each in chain), roots.decode("ascii"))
