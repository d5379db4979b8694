"""Where random bytes come from: the system, or a seed."""

from __future__ import annotations

import hashlib
import os

from acme_server.protocol.driver import Entropy

_FETCHED = 4096


class SeededEntropy:
    """The same bytes for the same seed, run and order of requests: SHA-256 in counter mode.

    run: how often a kept state was opened before; each run has bytes of its own.

    Anyone who knows the seed knows every key drawn from it.
    """

    def __init__(self, seed: int, run: int = 0) -> None:
        text = f"gravel seed {seed}" + (f" run {run}" if run else "")
        self._key = hashlib.sha256(text.encode("ascii")).digest()
        self._blocks = 0
        self._rest = b""

    def __call__(self, count: int) -> bytes:
        """Return the next `count` bytes of the stream."""
        while len(self._rest) < count:
            self._rest += hashlib.sha256(self._key + self._blocks.to_bytes(8, "big")).digest()
            self._blocks += 1
        drawn, self._rest = self._rest[:count], self._rest[count:]
        return drawn


class SystemEntropy:
    """The system's random bytes, fetched some thousand at a time: every nonce and ID draws a few."""

    def __init__(self) -> None:
        self._rest = b""
        self._used = 0

    def __call__(self, count: int) -> bytes:
        """Return `count` bytes that nobody was given before."""
        end = self._used + count
        if end > len(self._rest):
            self._rest, self._used, end = os.urandom(max(_FETCHED, count)), 0, count
        drawn, self._used = self._rest[self._used : end], end
        return drawn

    def __copy__(self) -> SystemEntropy:
        """Return a source of its own: bytes that were fetched but not drawn are not shared."""
        return SystemEntropy()


def entropy_of(seed: int | None, run: int = 0) -> Entropy:
    """Return the seed's bytes, or without one the system's."""
    return SystemEntropy() if seed is None else SeededEntropy(seed, run)
