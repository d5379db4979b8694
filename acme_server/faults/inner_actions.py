"""What can go wrong inside: where a CA signs, where Secrets are kept, at the Kubernetes API, with approval.

Each is an exchange of its own, which whoever does the deed holds against the
rules first. The server's own CA is called `acme`, an issuer of the bridge
`NAMESPACE/NAME` (a ClusterIssuer `NAME`).
"""

from __future__ import annotations

import attrs

from acme_server.faults.action import API, APPROVAL, SECRETS, SIGNING, Action, Plane
from acme_server.faults.reading import member, number


@attrs.frozen
class RevokedCa(Action):
    """The CA's certificate is revoked, and it signs nothing: an order fails, an issuer is not ready."""

    kind = "revoked-ca"
    plane = Plane.INSTEAD
    endpoints = (SIGNING,)


@attrs.frozen
class CorruptKey(Action):
    """The CA's key is not the one of its certificate, and it signs nothing: an order fails, an issuer is not ready."""

    kind = "corrupt-key"
    plane = Plane.INSTEAD
    endpoints = (SIGNING,)


@attrs.frozen
class SignerUnavailable(Action):
    """Nobody reaches the CA's key, as when an HSM is away: an order stays in processing, an issuer is not ready."""

    kind = "signer-unavailable"
    plane = Plane.INSTEAD
    endpoints = (SIGNING,)


@attrs.frozen
class DeleteSecret(Action):
    """The Secret of a Certificate is deleted; each is held against the rule `every` seconds. CAs are left alone."""

    kind = "delete-secret"
    plane = Plane.STATE
    endpoints = (SECRETS,)

    every: float = member(number(1.0, 1e6), 10.0)


@attrs.frozen
class Partition(Action):
    """The bridge's writes do not reach the Kubernetes API; of changes it hears when it is over."""

    kind = "partition"
    plane = Plane.INSTEAD
    endpoints = (API,)


@attrs.frozen
class ApproverDown(Action):
    """Nobody decides about CertificateRequests."""

    kind = "approver-down"
    plane = Plane.INSTEAD
    endpoints = (APPROVAL,)
