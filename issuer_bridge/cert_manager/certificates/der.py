"""DER of one value (X.690 section 8.1): for the few that `cryptography` wants encoded already, or does not know."""

from __future__ import annotations

SEQUENCE, OCTET_STRING, UTF8_STRING = 0x30, 0x04, 0x0C


def der(tag: int, content: bytes) -> bytes:
    """Return tag, length and content."""
    size = len(content)
    if size < 128:
        return bytes((tag, size)) + content
    length = size.to_bytes(-(-size.bit_length() // 8))
    return bytes((tag, 128 | len(length))) + length + content
