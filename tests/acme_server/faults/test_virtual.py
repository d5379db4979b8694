"""What becomes of a delivery without a socket."""

from __future__ import annotations

from datetime import timedelta

import pytest

from acme_server.delivery import Delivery
from acme_server.exchange import Reply
from acme_server.faults.virtual import heard
from acme_server.protocol.vantage import RESET, HttpAnswer

SECOND = timedelta(seconds=1)
WHOLE, LOST = HttpAnswer(200, (), b"0123456789"), HttpAnswer(error=RESET)


@pytest.mark.parametrize(
    ("delivery", "expected"),
    [
        (None, (timedelta(0), WHOLE)),
        (Delivery(before=SECOND, between=2 * SECOND), (3 * SECOND, WHOLE)),
        (Delivery(chunk=3, pace=SECOND), (3 * SECOND, WHOLE)),
        (Delivery(between=None), (timedelta.max, WHOLE)),
        (Delivery(lost=True), (timedelta(0), LOST)),
        (Delivery(keep=9), (timedelta(0), LOST)),
        (Delivery(half_closed=True), (timedelta(0), WHOLE)),
        (Delivery(keep=9, half_closed=True), (timedelta(0), LOST)),
        (Delivery(keep=10), (timedelta(0), WHOLE)),
    ],
)
def test_a_delivery_is_a_delay_and_an_answer(delivery, expected):
    assert heard(Reply(200, (), b"0123456789", delivery)) == expected
