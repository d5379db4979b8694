"""What users write of accounts: where the terms of service are, and who has an external account."""

from __future__ import annotations

import re

from acme_server.protocol.encoding import b64url_decode

# It goes into a Link header: nothing that would end it.
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!#-;=?-~]+")


def read_url(text: str) -> str:
    """Check an absolute URL, whatever its scheme; ValueError otherwise."""
    if not _URL.fullmatch(text):
        raise ValueError(f"{text[:100]!r} is not a URL")
    return text


def read_external_account(text: str) -> tuple[str, bytes]:
    """Read KID:KEY, the key as for read_mac_key; ValueError otherwise."""
    kid, _, key = text.rpartition(":")
    if not kid:
        raise ValueError("an external account is KID:KEY")
    return kid, read_mac_key(key)


def read_mac_key(text: str) -> bytes:
    """Read a MAC key in base64url, as CAs hand them out; ValueError otherwise, which does not show it."""
    try:
        key = b64url_decode(text.rstrip("="))
    except ValueError as error:
        raise ValueError(f"the MAC key {error}") from None
    if not key:
        raise ValueError("the MAC key is empty")
    return key
