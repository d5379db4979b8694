"""What makes a Certificate be issued, and what keeps it from Ready: upstream's policy chains as two tables.

Reasons and messages are upstream's (`internal/controller/certificates/policies`).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeAlias

import attrs
from cryptography import x509

from acme_server.protocol.times import parse_rfc3339
from issuer_bridge.cert_manager.certificates.matching import (
    Names,
    certificate_violations,
    issuer_of,
    names_in_request,
    names_of,
    request_violations,
)
from issuer_bridge.cert_manager.certificates.private_keys import key_violations, public_key_of, read_key
from issuer_bridge.cert_manager.certificates.renewal import renewal_time, suggested_time
from issuer_bridge.resources import Resource

CERTIFICATE_NAME = "cert-manager.io/certificate-name"
ISSUER_ANNOTATIONS = ("cert-manager.io/issuer-name", "cert-manager.io/issuer-kind", "cert-manager.io/issuer-group")
INVALID_KEY = "Issuing certificate as Secret contains invalid private key data: {}"
INVALID_CERTIFICATE = "Issuing certificate as Secret contains an invalid certificate: {}"


@attrs.frozen
class Input:
    """What a policy looks at: the Certificate, its Secret, and the CertificateRequest of its current revision."""

    certificate: Resource
    secret: Resource | None
    current: Resource | None
    now: datetime

    @property
    def spec(self) -> Mapping[str, Any]:
        """The Certificate's spec."""
        spec: Mapping[str, Any] = self.certificate["spec"]
        return spec


@attrs.frozen
class Violation:
    """What is not as it should be, for a condition."""

    reason: str
    message: str


@attrs.frozen
class Leaf:
    """A certificate as far as policies read it."""

    names: Names
    not_before: datetime
    not_after: datetime
    serial: int


Policy: TypeAlias = Callable[[Input], Violation | None]


def data_of(secret: Resource | None, name: str) -> bytes:
    """Return an entry of a Secret's data, empty when it has none."""
    try:
        return base64.b64decode(((secret or {}).get("data") or {}).get(name) or "")
    except binascii.Error:
        return b""


@lru_cache(maxsize=1024)
def read_leaf(pem: bytes) -> Leaf:
    """Read the first certificate of a chain; ValueError when there is none."""
    try:
        certificate = x509.load_pem_x509_certificate(pem)
        names = names_of(certificate)
    except (ValueError, TypeError) as error:
        raise ValueError(f"it does not parse: {error}") from None
    return Leaf(names, certificate.not_valid_before_utc, certificate.not_valid_after_utc, certificate.serial_number)


def first_violation(policies: Sequence[Policy], found: Input) -> Violation | None:
    """Return what the first policy that is violated says."""
    return next((violation for policy in policies if (violation := policy(found))), None)


def secret_does_not_exist(found: Input) -> Violation | None:
    """The Secret is missing."""
    return Violation("DoesNotExist", "Issuing certificate as Secret does not exist") if found.secret is None else None


def secret_lacks_data(found: Input) -> Violation | None:
    """The Secret holds no key, or no certificate."""
    lacking = "Issuing certificate as Secret does not contain {}"
    if not (found.secret or {}).get("data"):
        return Violation("MissingData", lacking.format("any data"))
    for name, told in (("tls.key", "a private key"), ("tls.crt", "a certificate")):
        if not data_of(found.secret, name):
            return Violation("MissingData", lacking.format(told))
    return None


def keys_differ(found: Input) -> Violation | None:
    """Key and certificate in the Secret are no pair."""
    try:
        key = public_key_of(read_key(data_of(found.secret, "tls.key")))
    except ValueError as error:
        return Violation("InvalidKeyPair", INVALID_KEY.format(error))
    try:
        leaf = read_leaf(data_of(found.secret, "tls.crt"))
    except ValueError as error:
        return Violation("InvalidCertificate", INVALID_CERTIFICATE.format(error))
    if leaf.names.key != key:
        text = "Issuing certificate as Secret contains a private key that does not match the certificate"
        return Violation("InvalidKeyPair", text)
    return None


def issuer_differs(found: Input) -> Violation | None:
    """The Secret's annotations name another issuer than the spec."""
    annotations = _annotations(found.secret)
    values = [annotations.get(key, "") for key in ISSUER_ANNOTATIONS]
    if not any(key in annotations for key in ISSUER_ANNOTATIONS):
        return None
    name, kind, group = issuer_of(dict(zip(("name", "kind", "group"), values, strict=True)))
    if (name, kind, group) == issuer_of(found.spec["issuerRef"]):
        return None
    text = f'Issuing certificate as Secret was previously issued by "{kind}.{group}/{name}"'
    return Violation("IncorrectIssuer", text)


def certificate_name_differs(found: Input) -> Violation | None:
    """The Secret was written for another Certificate."""
    name = _annotations(found.secret).get(CERTIFICATE_NAME)
    if name is None or name == found.certificate["metadata"]["name"]:
        return None
    text = (
        f'Secret was issued for "{name}". If this message is not transient, '
        "you might have two conflicting Certificates pointing to the same secret."
    )
    return Violation("IncorrectCertificate", text)


def key_differs_from_spec(found: Input) -> Violation | None:
    """The key in the Secret has another algorithm or size than the spec."""
    fields = key_violations(read_key(data_of(found.secret, "tls.key")), found.spec)
    if not fields:
        return None
    return Violation("SecretMismatch", f"Existing private key is not up to date for spec: {go_list(fields)}")


def key_differs_from_request(found: Input) -> Violation | None:
    """The key in the Secret is not the one that the current request was signed with."""
    if found.current is None:
        return None
    try:
        asked = names_in_request(found.current["spec"]["request"])
    except ValueError as error:
        return Violation("InvalidCertificateRequest", f"Failed to decode current CertificateRequest: {error}")
    if asked.key == public_key_of(read_key(data_of(found.secret, "tls.key"))):
        return None
    text = "Secret contains a private key that does not match the current CertificateRequest"
    return Violation("SecretMismatch", text)


def spec_changed(found: Input) -> Violation | None:
    """The spec asks for something else than the current request; without one, than the certificate."""
    if found.current is None:
        fields = certificate_violations(read_leaf(data_of(found.secret, "tls.crt")).names, found.spec)
        text = "Issuing certificate as Existing issued Secret is not up to date for spec: "
        return Violation("SecretMismatch", text + go_list(fields)) if fields else None
    fields = request_violations(found.current["spec"], found.spec)
    text = "Fields on existing CertificateRequest resource not up to date: "
    return Violation("RequestChanged", text + go_list(fields)) if fields else None


def due_of(found: Input, leaf: Leaf) -> datetime | None:
    """Return when to renew: in the window that an ACME server suggests, else by the spec; None where that has it off."""
    due = renewal_time(leaf.not_before, leaf.not_after, found.spec)
    information = ((found.certificate.get("status") or {}).get("acme") or {}).get("ari")
    if due is None or not information:
        return due
    return suggested_time(information, data_of(found.secret, "tls.crt")) or due


def renewal_is_due(found: Input) -> Violation | None:
    """The renewal time has come."""
    leaf = read_leaf(data_of(found.secret, "tls.crt"))
    due = due_of(found, leaf)
    if due is None or found.now < due:
        return None
    shown = (found.certificate.get("status") or {}).get("renewalTime")
    scheduled = parse_rfc3339(shown) if shown else due
    text = f"Renewing certificate as renewal was scheduled at {scheduled:%Y-%m-%d %H:%M:%S} +0000 UTC"
    return Violation("Renewing", text)


def certificate_has_expired(found: Input) -> Violation | None:
    """The certificate's time is over."""
    end = read_leaf(data_of(found.secret, "tls.crt")).not_after
    if found.now <= end:
        return None
    return Violation("Expired", f"Certificate expired on {end:%a, %d %b %Y %H:%M:%S} UTC")


PAIR: tuple[Policy, ...] = (secret_does_not_exist, secret_lacks_data, keys_differ)
_BOTH: tuple[Policy, ...] = (
    *PAIR,
    issuer_differs,
    certificate_name_differs,
    key_differs_from_spec,
    key_differs_from_request,
    spec_changed,
)
TRIGGER: tuple[Policy, ...] = (*_BOTH, renewal_is_due)
READINESS: tuple[Policy, ...] = (*_BOTH, certificate_has_expired)


def go_list(words: Sequence[str]) -> str:
    """Write strings as Go's %v does: `[a b]`."""
    return f"[{' '.join(words)}]"


def _annotations(resource: Resource | None) -> Mapping[str, str]:
    annotations: Mapping[str, str] = (resource or {}).get("metadata", {}).get("annotations") or {}
    return annotations
