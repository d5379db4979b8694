"""The command that revokes a certificate (RFC 8555 section 7.6)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

from acme_server import certificates
from acme_server.accounts import Account
from acme_server.authorizations import status_of
from acme_server.certificates import Certificate
from acme_server.protocol.encoding import b64url_decode
from acme_server.protocol.journal import Fact
from acme_server.protocol.jwk import Jwk
from acme_server.protocol.problem import Problem, malformed, unauthorized
from acme_server.protocol.status import AuthorizationStatus
from acme_server.registration_authority.outcome import Outcome
from acme_server.store import AUTHORIZATIONS_BY_CLAIM, CERTIFICATE_BY_FINGERPRINT, CERTIFICATE_BY_SERIAL, claim
from acme_server.world import World

# The CRLReasons (RFC 5280 section 5.3.1) that a subscriber may give.
REASONS: tuple[int, ...] = (0, 1, 3, 4, 5)
_NOTHING: Mapping[str, Any] = MappingProxyType({})


def revoke(
    world: World, jwk: Jwk, account: Account | None, document: Mapping[str, Any], now: datetime
) -> Outcome[Certificate]:
    """Revoke on the word of its account, of an account that controls all its names, or of its own key."""
    certificate = _certificate_of(world, document.get("certificate"))
    authority = _authority(world, certificate, jwk, account, now)
    if authority is None:
        raise unauthorized("the request is signed neither for the certificate's names nor with its key")
    if certificate.revoked is not None:
        raise Problem("alreadyRevoked", "the certificate is revoked already")
    by = {} if account is None else {"revoked_by": account.id}
    return withdraw(certificate, _reason(document.get("reason")), authority, now, by)


def withdraw(
    certificate: Certificate, reason: int | None, authority: str, now: datetime, more: Mapping[str, Any] = _NOTHING
) -> Outcome[Certificate]:
    """Revoke a valid certificate; authority: on whose word, `more` about it for the journal."""
    revoked = certificates.revoke(certificate, reason, now)
    subject = {"account": certificate.account_id, "certificate": certificate.id}
    data = {"serial": certificate.serial, "reason": reason, "authority": authority, **more}
    return Outcome(revoked, (revoked,), (Fact("CertificateRevoked", subject, data),))


def withdraw_all(
    world: World, reason: int | None, serials: Sequence[str] | None, now: datetime
) -> tuple[tuple[Certificate, ...], tuple[Fact, ...]]:
    """Revoke, on the authority's own word, what is valid of some serial numbers (hexadecimal), None for all.

    Return what to commit in one step; LookupError names a serial number that is none of ours.
    """
    checked, chosen = _reason(reason), world.store.all(Certificate)
    if serials is not None:
        found = {serial: world.store.find(CERTIFICATE_BY_SERIAL, serial.lower().lstrip("0")) for serial in serials}
        unknown = next((serial for serial, records in found.items() if not records), None)
        if unknown is not None:
            raise LookupError(f"there is no certificate with the serial number {unknown[:64]}")
        chosen = tuple(records[0] for records in found.values())
    valid = [each for each in dict.fromkeys(chosen) if each.revoked is None and each.not_after > now]
    outcomes = [withdraw(each, checked, "certificate authority", now) for each in valid]
    return tuple(each.record for each in outcomes), tuple(fact for each in outcomes for fact in each.facts)


def _certificate_of(world: World, value: Any) -> Certificate:
    """Find what the client sent by its fingerprint: what was never issued here need not even be parsed."""
    try:
        der = b64url_decode(value)
    except ValueError as error:
        raise malformed(f"'certificate' {error}; send the base64url of its DER form") from None
    found = world.store.find(CERTIFICATE_BY_FINGERPRINT, hashlib.sha256(der).hexdigest())
    if not found:
        raise Problem("malformed", "the certificate was not issued here", 404)
    return found[0]


def _authority(world: World, certificate: Certificate, jwk: Jwk, account: Account | None, now: datetime) -> str | None:
    if account is None:
        return "certificate key" if jwk.thumbprint == certificate.key_thumbprint else None
    if account.id == certificate.account_id:
        return "account"
    controlled = all(
        any(
            status_of(authorization, now) is AuthorizationStatus.VALID
            for ahead in (False, True)
            for authorization in world.store.find(AUTHORIZATIONS_BY_CLAIM, claim(account.id, identifier, ahead=ahead))
        )
        for identifier in certificate.identifiers
    )
    return "authorizations" if controlled else None


def _reason(value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value not in REASONS:
        allowed = ", ".join(str(reason) for reason in REASONS)
        raise Problem("badRevocationReason", f"reason {str(value)[:32]!r} is not allowed; allowed are {allowed}")
    return value
