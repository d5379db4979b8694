"""Renewal information, as its reader sees it: when to replace a certificate, and when to ask again (RFC 9773)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import attrs
from cryptography import x509

from acme_server.protocol.encoding import b64url
from acme_server.protocol.times import parse_rfc3339
from issuer_bridge.acme_client.errors import TransportError

# Section 4.3: how often to ask, when the server says something else than this, or nothing.
SOONEST, LATEST, DEFAULT = timedelta(minutes=1), timedelta(days=1), timedelta(hours=6)


@attrs.frozen
class RenewalInfo:
    """Renew at a moment between start and end that is drawn at random (section 4.2); ask again after retry_after."""

    start: datetime
    end: datetime
    explanation_url: str = ""
    retry_after: timedelta = DEFAULT


def certificate_id(pem: str) -> str:
    """Return the unique identifier of a chain's leaf (section 4.1), which `replaces` names too.

    ValueError when it is no certificate or does not say whose key signed it.
    """
    leaf = x509.load_pem_x509_certificate(pem.encode("ascii"))
    try:
        issuer = leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    except x509.ExtensionNotFound:
        issuer = None
    if not issuer:
        raise ValueError("the certificate has no authority key identifier, which RFC 9773 section 4.1 wants")
    serial = leaf.serial_number
    return f"{b64url(issuer)}.{b64url(serial.to_bytes(serial.bit_length() // 8 + 1))}"


def read_renewal_info(document: Mapping[str, Any], retry_after: timedelta | None) -> RenewalInfo:
    """Read a RenewalInfo object (section 4.2)."""
    window = document.get("suggestedWindow")
    try:
        start, end = (parse_rfc3339(window[name]) for name in ("start", "end"))  # type: ignore[index]
    except (KeyError, TypeError, AttributeError, ValueError):
        raise TransportError("the server's renewal information has no 'suggestedWindow' of two moments") from None
    if end <= start:
        raise TransportError("the server's renewal information has a 'suggestedWindow' that ends before it starts")
    url = document.get("explanationURL")
    wait = DEFAULT if retry_after is None else min(max(retry_after, SOONEST), LATEST)
    return RenewalInfo(start, end, url if isinstance(url, str) else "", wait)
