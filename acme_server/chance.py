"""Chance, drawn from a world's entropy, so that a seed repeats it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from acme_server.protocol.driver import Entropy

T = TypeVar("T")


def uniform(entropy: Entropy) -> float:
    """Draw a number of [0, 1), all 53 bits of it."""
    return (int.from_bytes(entropy(7), "big") >> 3) / 2**53


def lucky(probability: float, entropy: Entropy) -> bool:
    """Say whether something of that probability happens; nothing is drawn for what is certain."""
    return probability >= 1.0 or uniform(entropy) < probability


def shuffled(items: Iterable[T], entropy: Entropy) -> list[T]:
    """Return the items in an order that nobody can rely on."""
    return [item for _, _, item in sorted((uniform(entropy), number, item) for number, item in enumerate(items))]
