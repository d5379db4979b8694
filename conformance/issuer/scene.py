"""What became of one request: every version of it, as values that checks look at."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import attrs
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes

from conformance.issuer.forms import Form
from conformance.verdict import NotReachable

FINAL = ("Issued", "Failed", "Denied")


def readable(text: str) -> list[x509.Certificate]:
    """Read certificates in PEM in base64, so that nothing of them remains to be read; ValueError where that fails."""
    found = x509.load_pem_x509_certificates(base64.b64decode(text, validate=True))
    try:
        for one in found:
            one.public_key(), one.extensions
    except UnsupportedAlgorithm as error:
        raise ValueError(error) from None
    return found


def is_ca(certificate: x509.Certificate) -> bool:
    """Say whether a certificate may sign others (RFC 5280 section 4.2.1.9)."""
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


@attrs.frozen
class Version:
    """A version of a request; at: seconds of the monotonic clock."""

    at: float
    object: Mapping[str, Any] = attrs.field(repr=False)

    @property
    def status(self) -> Mapping[str, Any]:
        """Its status; empty where it has none."""
        return self.object.get("status") or {}

    def condition(self, kind: str) -> Mapping[str, Any]:
        """Return a condition; empty where there is none of this type."""
        found = (one for one in self.status.get("conditions") or () if one.get("type") == kind)
        return next(found, {})

    @property
    def ready(self) -> Mapping[str, Any]:
        """The condition Ready."""
        return self.condition("Ready")

    @property
    def reason(self) -> str:
        """The reason of Ready; empty where there is none."""
        return str(self.ready.get("reason") or "")

    @property
    def final(self) -> bool:
        """Whether nothing comes after it (cert-manager: CertificateRequest resource)."""
        return self.reason in FINAL

    def __str__(self) -> str:
        """Say how the request is, in a few words."""
        if not self.ready:
            return "no Ready" + (", and a certificate" if self.status.get("certificate") else "")
        return f"Ready={self.ready.get('status')}/{self.reason}: {self.ready.get('message')}"


@attrs.frozen(slots=False)
class Scene:
    """One request, from the beginning to the end of a walk.

    names: what its certificate is for; versions: all, the first as we created it; told: when an event told of it;
    rest: when all that comes to an end by itself had done so, and when the quiet after it was over.
    """

    name: str
    form: Form
    key: CertificateIssuerPrivateKeyTypes = attrs.field(repr=False)
    names: tuple[x509.GeneralName, ...]
    versions: tuple[Version, ...] = attrs.field(repr=False)
    told: tuple[float, ...] = attrs.field(repr=False)
    rest: tuple[float, float]

    @property
    def last(self) -> Version:
        """How it was at the end."""
        return self.versions[-1]

    @property
    def until_woken(self) -> tuple[Version, ...]:
        """The versions of before the unapproved was approved, and the missing issuer made."""
        return tuple(one for one in self.versions if one.at <= self.rest[1])

    @property
    def at_rest(self) -> tuple[Version, ...]:
        """The versions of the quiet; among them is our own, a changed annotation."""
        return tuple(one for one in self.versions if self.rest[0] < one.at <= self.rest[1])

    @property
    def told_at_rest(self) -> int:
        """How many events of the quiet told of it."""
        return sum(self.rest[0] < at <= self.rest[1] for at in self.told)

    @property
    def with_ready(self) -> list[Version]:
        """The versions that have a Ready."""
        return [one for one in self.versions if one.ready]

    @property
    def issued(self) -> bool:
        """Whether it ended with a certificate."""
        return self.last.reason == "Issued" and bool(self.last.status.get("certificate"))

    @cached_property
    def chain(self) -> list[x509.Certificate]:
        """The certificates of its end, the leaf first; NotReachable where there are none to be read."""
        return self.certificates("certificate")

    def certificates(self, member: str) -> list[x509.Certificate]:
        """Return the certificates in a member of the status."""
        if not (text := self.last.status.get(member)):
            raise NotReachable(f"the request for {self.form.what} has no {member}: {self.last}")
        try:
            return readable(text)
        except ValueError as error:
            raise NotReachable(f"status.{member} cannot be read: {error}") from None

    @property
    def leaf(self) -> x509.Certificate:
        """The end-entity certificate."""
        return self.chain[0]
