r"""Domain names as text: lower case, without the final dot; the root is "".

Octets that are no letters, digits or signs are written `\DDD` (RFC 1035 section 5.1),
so that every name on the wire has one text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

MAX_LABEL = 63
MAX_NAME = 253
_LABEL = re.compile(r"[!-\-/-\[\]-~]{1,63}")
_ESCAPE = re.compile(r"\\(\d{3})")
_PLAIN = frozenset(range(0x21, 0x7F)) - frozenset(b".\\")
# Every octet's text, in lower case.
_TEXT = tuple(chr(octet).lower() if octet in _PLAIN else f"\\{octet:03d}" for octet in range(256))


def canonical(name: str) -> str:
    """Return a name in the form that a zone keeps; ValueError when it is not one."""
    text = name.removesuffix(".").lower()
    if not text:
        return ""
    if not name.isascii() or len(text) > MAX_NAME or not all(map(_LABEL.fullmatch, text.split("."))):
        raise ValueError(f"{name[:MAX_NAME]!r} is not a domain name")
    return text


def absolute(name: str) -> str:
    """Return the presentation form, with the final dot."""
    return name + "."


def from_labels(labels: tuple[bytes, ...]) -> str:
    """Return the text of a name that came over the wire."""
    return ".".join("".join(map(_TEXT.__getitem__, label)) for label in labels)


def to_labels(name: str) -> tuple[bytes, ...]:
    """Return the labels of a name as they go over the wire."""
    return tuple(_octets(label) for label in name.split(".")) if name else ()


def suffixes(name: str) -> Iterator[str]:
    """Return the name and all above it, the longest first, without the root."""
    while name:
        yield name
        name = name.partition(".")[2]


def _octets(label: str) -> bytes:
    return _ESCAPE.sub(lambda match: chr(int(match[1])), label).encode("latin-1")
