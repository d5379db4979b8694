"""What decisions about Certificates are made of: what they look at, and the steps that they may come to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeAlias

import attrs

from acme_server.protocol.jwk import PrivateKey
from issuer_bridge.cert_manager.certificates.renewal import Backoff
from issuer_bridge.conditions import set_condition
from issuer_bridge.resources import Kind, Resource

REVISION = "cert-manager.io/certificate-revision"
# The label of a Secret that keeps the key of the next certificate.
NEXT_KEY = {"cert-manager.io/next-private-key": "true"}


@attrs.frozen
class View:
    """What a decision looks at.

    secret: the one of spec.secretName; keys: the Secrets with next keys, requests: the CertificateRequests, both owned
    by the Certificate; sharing: the Certificates with the same secretName, itself among them.
    """

    certificate: Resource
    secret: Resource | None
    keys: Sequence[Resource]
    requests: Sequence[Resource]
    sharing: Sequence[Resource]
    now: datetime
    backoff: Backoff = attrs.field(factory=Backoff)

    @property
    def spec(self) -> Mapping[str, Any]:
        """The Certificate's spec."""
        spec: Mapping[str, Any] = self.certificate["spec"]
        return spec

    @property
    def status(self) -> dict[str, Any]:
        """The Certificate's status, a copy."""
        return dict(self.certificate.get("status") or {})

    @property
    def revision(self) -> int:
        """The revision that the Secret holds, 0 before the first."""
        return int(self.status.get("revision") or 0)

    def requests_of(self, revision: int) -> list[Resource]:
        """Return the requests of a revision."""
        return [request for request in self.requests if revision_of(request) == revision]

    def condition(self, type_: str, status: str, reason: str, message: str) -> list[dict[str, Any]]:
        """Return the conditions with one set."""
        old, generation = self.status.get("conditions") or (), self.certificate["metadata"].get("generation")
        return set_condition(old, type_, status, reason, message, self.now, generation)


@attrs.frozen
class Nothing:
    """Nothing before something changes, or before so long."""

    after: timedelta | None = None


@attrs.frozen
class Told:
    """An event."""

    type: str
    reason: str
    message: str


@attrs.frozen
class Save:
    """Write the status; `fact` for the journal."""

    status: Mapping[str, Any]
    told: Told | None = None
    fact: tuple[str, Mapping[str, Any]] | None = None


@attrs.frozen
class Tell:
    """Only a person can help."""

    told: Told


@attrs.frozen
class Delete:
    """Delete what the Certificate owns and needs no more."""

    kind: Kind
    names: Sequence[str]
    told: Told | None = None


@attrs.frozen
class CreateKey:
    """Make the next key, or use the one that the Secret has."""

    reused: PrivateKey | None = attrs.field(default=None, repr=False)


@attrs.frozen
class CreateRequest:
    """Ask for a certificate for the next key."""

    revision: int
    secret: str
    key: PrivateKey = attrs.field(repr=False)


@attrs.frozen
class Issue:
    """Put the certificate of a request into the Secret."""

    request: Resource
    revision: int
    key: PrivateKey = attrs.field(repr=False)


@attrs.frozen
class KeepSecret:
    """See that the Secret has what the spec wants beside key and certificate; otherwise do `then`."""

    then: Step


Step: TypeAlias = Nothing | Save | Tell | Delete | CreateKey | CreateRequest | Issue | KeepSecret


def revision_of(request: Resource) -> int | None:
    """Return the revision that a request is for; None where nothing valid is said of it."""
    text = (request["metadata"].get("annotations") or {}).get(REVISION, "")
    return int(text) if text.isdecimal() else None
