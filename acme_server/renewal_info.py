"""Renewal information: when a certificate should be replaced, and the name by which it is asked about (RFC 9773)."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from cryptography import x509

from acme_server.certificates import Certificate
from acme_server.protocol.encoding import b64url, b64url_decode
from acme_server.protocol.problem import Problem, malformed
from acme_server.store import CERTIFICATE_BY_SERIAL, Store

_SECOND = timedelta(seconds=1)
_SHORT_LIVED = timedelta(days=10)
# The contents of a DER INTEGER above zero: no octet more than it takes.
_POSITIVE = re.compile(rb"[\x01-\x7f].*|\x00[\x80-\xff].*", re.DOTALL)
_KEY_IDENTIFIER_SIZE = 64
_SERIAL_SIZE = 21


def certid_of(leaf: x509.Certificate) -> str:
    """Return a certificate's unique identifier (section 4.1)."""
    serial = leaf.serial_number
    return f"{b64url(_key_identifier(leaf))}.{b64url(serial.to_bytes(serial.bit_length() // 8 + 1, 'big'))}"


def parse_certid(text: str) -> tuple[bytes, int]:
    """Return the key identifier and the serial number in a unique identifier; ValueError completes "it ..."."""
    parts = text.split(".")
    if len(parts) != 2:
        raise ValueError("is not two base64url texts with a '.' between them")
    key_identifier, serial = [b64url_decode(part) for part in parts]
    if not 0 < len(key_identifier) <= _KEY_IDENTIFIER_SIZE:
        raise ValueError("has no authority key identifier before the '.'")
    if len(serial) > _SERIAL_SIZE or not _POSITIVE.fullmatch(serial):
        raise ValueError("has no serial number after the '.', as DER encodes a positive integer")
    return key_identifier, int.from_bytes(serial, "big")


def find_certificate(store: Store, text: str, where: str) -> Certificate:
    """Find a certificate by its unique identifier; raise malformed, with 404 when there is none. where: what held it."""
    try:
        key_identifier, serial = parse_certid(text)
    except ValueError as error:
        raise malformed(f"{where} {error} (RFC 9773 section 4.1)") from None
    for record in store.find(CERTIFICATE_BY_SERIAL, f"{serial:x}"):
        if _key_identifier(x509.load_pem_x509_certificate(record.leaf.encode("ascii"))) == key_identifier:
            return record
    raise Problem("malformed", f"{where} names no certificate that was issued here", 404)


def suggested_window(certificate: Certificate, now: datetime) -> tuple[datetime, datetime]:
    """Return when to renew, as Boulder has it: 2 % of the lifetime around two thirds of it, or half of a short one.

    A revoked certificate should have been renewed before now.
    """
    if certificate.revoked is not None:
        start = now - timedelta(hours=1)
        return start, start + timedelta(minutes=30)
    lifetime = certificate.not_after + _SECOND - certificate.not_before
    ideal = certificate.not_after - lifetime / (2 if lifetime < _SHORT_LIVED else 3)
    start, end = ideal - lifetime / 100, ideal + lifetime / 100
    # Moments on the wire are whole seconds, and the window must not be empty (section 4.2).
    return start, max(end, start + _SECOND)


def _key_identifier(leaf: x509.Certificate) -> bytes:
    extension = leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    assert extension.key_identifier is not None
    return extension.key_identifier
