"""An envelope: data under a key of their own, and that key wrapped by a key service (AES-256-GCM).

    gravel-backup 1
    {"wrapped": BASE64, "nonce": BASE64}
    CIPHERTEXT AND TAG

The two lines are authenticated with the data, so that a change anywhere is found.
"""

from __future__ import annotations

import json
import zlib
from base64 import b64decode, b64encode
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from acme_server.protocol.driver import Entropy
from gravel.backup.key_service import KEY_SIZE, KeyService, Refused

_MAGIC = b"gravel-backup 1\n"
_NONCE = 12
_MAX_HEADER = 64 * 1024


class Broken(ValueError):  # noqa: N818 - says what it is
    """A file is no backup, or is not as it was written; the message completes a sentence about it."""


def seal(data: bytes, keys: KeyService, entropy: Entropy) -> bytes:
    """Return the envelope of data; Refused when the key service does not wrap."""
    key, nonce = entropy(KEY_SIZE), entropy(_NONCE)
    header = {"wrapped": b64encode(keys.wrap(key)).decode(), "nonce": b64encode(nonce).decode()}
    head = _MAGIC + json.dumps(header).encode() + b"\n"
    return head + AESGCM(key).encrypt(nonce, zlib.compress(data), head)


def unseal(envelope: bytes, keys: KeyService) -> bytes:
    """Return the data; Broken when one bit is another, Refused when the key service does not unwrap."""
    if not envelope.startswith(_MAGIC):
        raise Broken("is no backup of gravel")
    line, end, sealed = envelope[len(_MAGIC) :].partition(b"\n")
    try:
        header: Any = json.loads(line[:_MAX_HEADER])
        wrapped, nonce = (b64decode(header[name], validate=True) for name in ("wrapped", "nonce"))
    except (ValueError, LookupError, TypeError):
        raise Broken("is damaged: its header cannot be read") from None
    key = keys.unwrap(wrapped)
    if len(key) != KEY_SIZE:
        raise Refused(f"the key service answered with {len(key)} bytes where a key has {KEY_SIZE}")
    try:
        return zlib.decompress(AESGCM(key).decrypt(nonce, sealed, _MAGIC + line + end))
    except (InvalidTag, ValueError):
        raise Broken("is damaged, or was made with another key") from None
