"""The nonce pool: each nonce once, bounded in number and age (RFC 8555 section 6.5)."""

from __future__ import annotations

import random
import re
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from acme_server.nonces import NoncePool

START = datetime(2026, 11, 22, tzinfo=UTC)
HOUR = timedelta(hours=1)


def pool(maximum=100):
    return NoncePool(random.Random(1).randbytes, HOUR, maximum)


def test_a_nonce_is_redeemed_once():
    nonces = pool()
    nonce = nonces.issue(START)
    assert nonces.redeem(nonce, START)
    assert not nonces.redeem(nonce, START)


def test_a_nonce_expires():
    nonces = pool()
    young, old = nonces.issue(START), nonces.issue(START)
    assert nonces.redeem(young, START + HOUR - timedelta(microseconds=1))
    assert not nonces.redeem(old, START + HOUR)


def test_the_oldest_makes_room():
    nonces = pool(maximum=3)
    issued = [nonces.issue(START) for _ in range(4)]
    assert len(nonces) == 3
    assert [nonces.redeem(nonce, START) for nonce in issued] == [False, True, True, True]


def test_nonces_are_base64url_of_128_bits_and_differ():
    nonces = pool(maximum=10_000)
    issued = [nonces.issue(START) for _ in range(10_000)]
    assert len(set(issued)) == 10_000
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{22}", nonce) for nonce in issued)


class NoncePoolModel(RuleBasedStateMachine):
    """Against the plain reading: a nonce is good if it is among the newest unspent ones, unspent and young."""

    nonces = Bundle("nonces")

    def __init__(self):
        super().__init__()
        self.pool = pool(maximum=5)
        self.now = START
        self.out: list[tuple[str, datetime]] = []

    @rule(target=nonces)
    def issue(self):
        nonce = self.pool.issue(self.now)
        self.out = [*self.out, (nonce, self.now)][-5:]
        return nonce

    @rule(nonce=nonces)
    def redeem(self, nonce):
        good = any(held == nonce and self.now - issued < HOUR for held, issued in self.out)
        self.out = [(held, issued) for held, issued in self.out if held != nonce]
        assert good == self.pool.redeem(nonce, self.now)

    @rule(minutes=st.integers(0, 40))
    def wait(self, minutes):
        self.now += timedelta(minutes=minutes)

    @invariant()
    def it_is_bounded(self):
        assert len(self.out) == len(self.pool)


TestNoncePool = NoncePoolModel.TestCase
