"""Revocation lists: what one signer has revoked, signed by it (RFC 5280 section 5).

A list is made when it is asked for, and again when there is more to say or it
has run out.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import attrs
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from acme_server.ca_keys import signature_of
from acme_server.certificates import Certificate
from acme_server.signers import Signer

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# RFC 5280 section 5.3.1: the flags that a CRLReason's number stands for.
_REASONS = {
    1: x509.ReasonFlags.key_compromise,
    2: x509.ReasonFlags.ca_compromise,
    3: x509.ReasonFlags.affiliation_changed,
    4: x509.ReasonFlags.superseded,
    5: x509.ReasonFlags.cessation_of_operation,
    6: x509.ReasonFlags.certificate_hold,
    8: x509.ReasonFlags.remove_from_crl,
    9: x509.ReasonFlags.privilege_withdrawn,
    10: x509.ReasonFlags.aa_compromise,
}


@attrs.frozen
class RevocationList:
    """A signed list; entries: how many it has; der: itself."""

    entries: int
    next_update: datetime
    der: bytes = attrs.field(repr=False)


def current(
    known: RevocationList | None, signer: Signer, revoked: Sequence[Certificate], now: datetime, lifetime: timedelta
) -> RevocationList:
    """Return the list to serve: the known one while it says all, else one made anew."""
    if known is not None and known.entries == len(revoked) and now < known.next_update:
        return known
    next_update = now + lifetime
    # Neither part ever falls and one of them has risen, so that numbers grow over restarts too (section 5.2.3).
    number = (now - _EPOCH) // _MICROSECOND + len(revoked)
    key_identifier = signer.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(signer.certificate.subject)
        .last_update(now)
        .next_update(next_update)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(key_identifier), critical=False)
        .add_extension(x509.CRLNumber(number), critical=False)
    )
    for certificate in revoked:
        builder = builder.add_revoked_certificate(_entry(certificate))
    return RevocationList(
        len(revoked), next_update, builder.sign(**signature_of(signer.key)).public_bytes(Encoding.DER)
    )


def _entry(certificate: Certificate) -> x509.RevokedCertificate:
    """No reason, and the reason `unspecified`, are told by leaving the extension out (section 5.3.1)."""
    assert certificate.revoked is not None
    builder = x509.RevokedCertificateBuilder().serial_number(int(certificate.serial, 16))
    builder = builder.revocation_date(certificate.revoked)
    flag = _REASONS.get(certificate.reason or 0)
    return (builder if flag is None else builder.add_extension(x509.CRLReason(flag), critical=False)).build()
