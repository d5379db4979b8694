"""Java keystores (JKS, version 2): what `sun.security.provider.JavaKeyStore` reads, written with hashes alone.

A private key is hidden by a stream of SHA-1 of password and salt, and the whole is sealed with SHA-1: weak, and the
format that old Java programs ask for. Lengths are big-endian; strings are Java's UTF-8.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from itertools import accumulate, repeat

import attrs

from issuer_bridge.cert_manager.certificates.der import OCTET_STRING, SEQUENCE, der

MAGIC, VERSION, SALT = b"\xfe\xed\xfe\xed", b"\x00\x00\x00\x02", 20
KEY_ENTRY, TRUSTED_ENTRY = 1, 2
# AlgorithmIdentifier of Sun's own key protection, 1.3.6.1.4.1.42.2.17.1.1 with NULL.
_PROTECTION = bytes.fromhex("300e060a2b060104012a021101010500")


@attrs.frozen
class KeyEntry:
    """A private key (PKCS#8, DER) under an alias, and its chain, leaf first."""

    alias: str
    key: bytes = attrs.field(repr=False)
    chain: Sequence[bytes]
    salt: bytes
    """20 octets that are used once."""


@attrs.frozen
class TrustedEntry:
    """A certificate (DER) to trust."""

    alias: str
    certificate: bytes


def write_jks(entries: Sequence[KeyEntry | TrustedEntry], password: str, now: datetime) -> bytes:
    """Return the keystore; keys are under the password of the whole, as keytool has them."""
    secret = password.encode("utf-16-be")
    body = b"".join([MAGIC, VERSION, _number(len(entries), 4), *(_entry(entry, secret, now) for entry in entries)])
    return body + _sha1(secret + b"Mighty Aphrodite" + body)


def _entry(entry: KeyEntry | TrustedEntry, secret: bytes, now: datetime) -> bytes:
    alias, created = entry.alias.lower().encode(), _number(int(now.timestamp() * 1000), 8)
    head = _number(len(alias), 2) + alias + created
    if isinstance(entry, TrustedEntry):
        return _number(TRUSTED_ENTRY, 4) + head + _certificate(entry.certificate)
    protected = _hidden(entry.key, secret, entry.salt)
    chain = b"".join(map(_certificate, entry.chain))
    return b"".join([_number(KEY_ENTRY, 4), head, _sized(protected), _number(len(entry.chain), 4), chain])


def _hidden(key: bytes, secret: bytes, salt: bytes) -> bytes:
    """Return the EncryptedPrivateKeyInfo: salt, key under the stream, and SHA-1 of password and key."""
    rounds = -(-len(key) // SALT)
    blocks = accumulate(repeat(secret, rounds), lambda block, word: _sha1(word + block), initial=salt)
    stream = b"".join(list(blocks)[1:])
    hidden = bytes(left ^ right for left, right in zip(key, stream, strict=False))
    octets = salt + hidden + _sha1(secret + key)
    return der(SEQUENCE, _PROTECTION + der(OCTET_STRING, octets))


def _certificate(certificate: bytes) -> bytes:
    return _number(5, 2) + b"X.509" + _sized(certificate)


def _sized(data: bytes) -> bytes:
    return _number(len(data), 4) + data


def _number(value: int, size: int) -> bytes:
    return value.to_bytes(size)


def _sha1(data: bytes) -> bytes:
    return hashlib.sha1(data).digest()  # noqa: S324 - the format's own
