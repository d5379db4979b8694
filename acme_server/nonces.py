"""Replay nonces: each is good for one request (RFC 8555 section 6.5).

Bounded in number and in age; what falls out is answered with badNonce and a
fresh one, so a client only retries.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from acme_server.protocol.driver import Entropy
from acme_server.protocol.encoding import b64url


class NoncePool:
    """The nonces that are out, oldest first."""

    def __init__(self, entropy: Entropy, lifetime: timedelta, maximum: int) -> None:
        self._entropy = entropy
        self._lifetime = lifetime
        self._maximum = maximum
        self._issued: dict[str, datetime] = {}

    def __len__(self) -> int:
        return len(self._issued)

    def issue(self, now: datetime) -> str:
        """Hand out a nonce; the oldest is forgotten when there are too many."""
        while len(self._issued) >= self._maximum:
            del self._issued[next(iter(self._issued))]
        nonce = b64url(self._entropy(16))
        self._issued[nonce] = now
        return nonce

    def redeem(self, nonce: str, now: datetime) -> bool:
        """Take a nonce back; False when it was never ours, was used, or is too old."""
        issued = self._issued.pop(nonce, None)
        return issued is not None and now - issued < self._lifetime
