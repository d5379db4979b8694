"""A seed's bytes."""

from __future__ import annotations

import os

from gravel.entropy import SeededEntropy, entropy_of


def test_the_same_seed_gives_the_same_bytes_however_they_are_drawn():
    one, other = SeededEntropy(7), SeededEntropy(7)
    assert one(100) == b"".join(other(count) for count in (1, 0, 31, 32, 36))


def test_other_seeds_give_other_bytes():
    assert len({SeededEntropy(seed)(16) for seed in range(100)}) == 100


def test_bytes_do_not_come_again():
    entropy = SeededEntropy(7)
    assert len({entropy(16) for _ in range(1000)}) == 1000


def test_without_a_seed_the_system_is_asked():
    assert os.urandom is entropy_of(None)
    assert SeededEntropy(0)(8) == entropy_of(0)(8)
