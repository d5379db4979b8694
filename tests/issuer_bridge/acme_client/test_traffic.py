"""Requests are counted by cert-manager's labels; their last durations are kept, and no more."""

from datetime import UTC, datetime, timedelta

from issuer_bridge.acme_client.traffic import RECENT, Traffic

START = datetime(2026, 1, 1, tzinfo=UTC)
LABELS = ("https", "acme.test:14000", "get_order", "POST", "200")


def test_a_request_is_counted_by_where_what_for_and_what_came_of_it():
    traffic = Traffic()
    for seconds in (1, 2):
        traffic.note(
            "POST", "https://acme.test:14000/order/1", "get_order", 200, START, START + timedelta(seconds=seconds)
        )
    traffic.note("GET", "http://acme.test/dir", "discover", 999, START, START)
    assert list(traffic.calls) == [LABELS, ("http", "acme.test", "discover", "GET", "999")]
    calls = traffic.calls[LABELS]
    assert (calls.count, calls.seconds) == (2, 3.0)
    assert list(calls.recent) == [(START + timedelta(seconds=1), 1.0), (START + timedelta(seconds=2), 2.0)]


def test_only_the_last_durations_are_kept():
    traffic = Traffic()
    for number in range(RECENT + 10):
        traffic.note(
            "POST", "https://acme.test:14000/order/1", "get_order", 200, START, START + timedelta(seconds=number)
        )
    calls = traffic.calls[LABELS]
    assert (calls.count, len(calls.recent), calls.recent[0][1]) == (RECENT + 10, RECENT, 10.0)
