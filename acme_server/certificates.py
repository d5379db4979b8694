"""Issued certificates and their revocation (RFC 8555 sections 7.4.2 and 7.6)."""

from __future__ import annotations

from datetime import datetime
from sys import intern

import attrs

from acme_server.protocol.identifier import Identifier
from acme_server.protocol.problem import IllegalTransition


@attrs.frozen
class Certificate:
    """A leaf with its chain.

    serial: hexadecimal; fingerprint: hexadecimal SHA-256 of the DER;
    key_thumbprint: RFC 7638, of its public key; leaf: PEM; issuers: the rest of
    its chain in PEM, one text for all that have the same;
    reason: the CRLReason that was given when it was revoked; replaced_by: the
    last order that was to replace it, whatever came of it; renewal_info: what is
    served in the place of its renewal information; issuer: the ID of its signer;
    alternates: its other chains in PEM, without the leaf.
    """

    id: str
    account_id: str = attrs.field(converter=intern)
    order_id: str
    identifiers: tuple[Identifier, ...]
    serial: str
    fingerprint: str
    key_thumbprint: str = attrs.field(repr=False)
    leaf: str = attrs.field(repr=False)
    issuers: str = attrs.field(repr=False, converter=intern)
    not_before: datetime
    not_after: datetime
    revoked: datetime | None = None
    reason: int | None = None
    replaced_by: str | None = None
    renewal_info: str | None = None
    issuer: str = ""
    alternates: tuple[str, ...] = attrs.field(default=(), repr=False)
    version: int = 0

    @property
    def chain(self) -> str:
        """PEM, leaf first."""
        return self.leaf + self.issuers


def revoke(certificate: Certificate, reason: int | None, now: datetime) -> Certificate:
    """Withdraw the certificate, once."""
    if certificate.revoked is not None:
        raise IllegalTransition(f"certificate {certificate.serial} is revoked already")
    return attrs.evolve(certificate, revoked=now, reason=reason)
