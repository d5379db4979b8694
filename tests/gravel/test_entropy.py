"""A seed's bytes."""

from __future__ import annotations

import os
import random
from copy import copy

from gravel.entropy import SeededEntropy, SystemEntropy, entropy_of


def test_the_same_seed_gives_the_same_bytes_however_they_are_drawn():
    one, other = SeededEntropy(7), SeededEntropy(7)
    assert one(100) == b"".join(other(count) for count in (1, 0, 31, 32, 36))


def test_other_seeds_give_other_bytes():
    assert len({SeededEntropy(seed)(16) for seed in range(100)}) == 100


def test_bytes_do_not_come_again():
    entropy = SeededEntropy(7)
    assert len({entropy(16) for _ in range(1000)}) == 1000


def test_without_a_seed_the_system_is_asked_once_for_many_draws(monkeypatch):
    asked = []
    monkeypatch.setattr(os, "urandom", lambda count: asked.append(count) or random.Random(len(asked)).randbytes(count))
    entropy = entropy_of(None)
    drawn = [entropy(16) for _ in range(1000)] + [entropy(5000)]
    assert (len(set(drawn[:-1])), len(drawn[0])) == (1000, 16)
    assert asked == [4096] * 4 + [5000]
    assert len(drawn[-1]) == 5000


def test_a_copy_of_the_systems_entropy_draws_other_bytes():
    entropy = SystemEntropy()
    entropy(16)
    assert entropy(16) != copy(entropy)(16)


def test_a_seed_of_zero_is_a_seed():
    assert SeededEntropy(0)(8) == entropy_of(0)(8)
