"""What clients come for is remembered, and whether they waited as long as they were told to."""

from datetime import datetime, timedelta

import pytest

from acme_server.exchange import Reply
from acme_server.looks import Looks
from tests.acme_server.rig import START, registered


def looked(*waits):
    """Look again after so many seconds each time; every reply says to wait for two."""
    looks, now = Looks(), START
    for wait in (0, *waits):
        now += timedelta(seconds=wait)
        looks.note("/order/x", Reply(200, (("Retry-After", "2"),)), now)
    return looks.of("/order/x")


@pytest.mark.parametrize(("waits", "early"), [((), 0), ((2,), 0), ((1,), 1), ((1, 1, 3), 2)])
def test_who_comes_before_retry_after_is_early(waits, early):
    look = looked(*waits)
    assert (look.times, look.early) == (len(waits) + 1, early)
    assert look.last == START + timedelta(seconds=sum(waits))


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("Sun, 22 Nov 2026 12:00:10 GMT", 9.75),
        ("Sun, 22 Nov 2026 12:00:10 -0000", None),
        ("soon", 0),
        ("²", 0),
        ("-1", 0),
        ("9" * 5000, 0),
        ("9" * 12, 0),
    ],
)
def test_what_retry_after_says_is_read_or_put_up_with(value, seconds):
    looks = Looks()
    looks.note("/order/x", Reply(200, (("Retry-After", value),)), START)
    again = looks.of("/order/x").again
    assert isinstance(again, datetime)
    assert seconds is None or (again - START).total_seconds() == seconds


def test_only_the_latest_are_kept_and_since_when_all_is_known():
    looks = Looks()
    assert looks.since is None
    for number in range(5000):
        looks.note(f"/order/{number}", Reply(200), START + timedelta(seconds=number))
    assert looks.of("/order/903") is None
    assert looks.of("/order/904").times == 1
    assert looks.since == START + timedelta(seconds=903)


def test_a_server_remembers_what_was_shown_and_not_what_was_refused():
    client = registered()
    order = client.order("a.test").header("Location")
    client.post(order)
    client.post(f"{client.base}/order/none")
    looks = client.server.world.looks
    assert looks.of("/order/none") is None
    assert looks.of(order.removeprefix(client.base)).times == 1
    assert client.server.world.copy().looks.since is None
