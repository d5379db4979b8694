"""A network made of functions."""

from datetime import timedelta

import attrs
import pytest

from acme_server.protocol.vantage import (
    Compute,
    Computed,
    DnsAnswer,
    DnsRecord,
    Elapsed,
    Fetch,
    Handshake,
    HttpAnswer,
    Pause,
    Reply,
    Resolve,
    Send,
    TlsAnswer,
)
from scheduler.simulator.network import VirtualNetwork, authority_of

NOW = timedelta(0)


def echo(question):
    return HttpAnswer(200, body=question.url.encode())


@pytest.mark.parametrize(
    ("url", "authority"),
    [
        ("http://a.test/x", "a.test:80"),
        ("https://a.test/x", "a.test:443"),
        ("https://127.0.0.1:14000/dir", "127.0.0.1:14000"),
        ("http://[2001:db8::1]/", "[2001:db8::1]:80"),
        ("http://[::1]:5002/", "[::1]:5002"),
    ],
)
def test_a_url_names_the_authority_to_dial(url, authority):
    assert authority_of(url) == authority


def test_a_request_goes_to_the_authority_of_its_url():
    network = VirtualNetwork(routes={"a.test:80": echo})
    expected = HttpAnswer(200, body=b"http://a.test/x", address="a.test:80")
    assert network(Fetch("http://a.test/x")) == (NOW, expected)


def test_a_request_goes_where_it_is_told_to_dial():
    network = VirtualNetwork(routes={"127.0.0.1:5002": echo})
    expected = HttpAnswer(200, body=b"http://a.test/x", address="127.0.0.1:5002")
    assert network(Fetch("http://a.test/x", address="127.0.0.1:5002")) == (NOW, expected)


def test_nobody_listens_elsewhere():
    network = VirtualNetwork(routes={"a.test:80": echo})
    expected = HttpAnswer(error="connection refused", address="a.test:81")
    assert network(Fetch("http://a.test:81/")) == (NOW, expected)


def test_a_route_may_come_and_go():
    routes = {}
    network = VirtualNetwork(routes=routes)
    routes["a.test:80"] = echo
    assert network(Fetch("http://a.test/"))[1].status == 200
    del routes["a.test:80"]
    assert network(Fetch("http://a.test/"))[1].error == "connection refused"


@pytest.mark.parametrize("url", ["", "a.test", "ftp://a.test/", "http://", "http://a.test:99999/", "http://[::1"])
def test_a_url_that_cannot_be_dialled_is_an_answer_with_an_error(url):
    answer = VirtualNetwork(routes={"a.test:80": echo})(Fetch(url))[1]
    assert (answer.status, bool(answer.error)) == (0, True)


def test_no_more_of_a_body_is_read_than_was_asked_for():
    network = VirtualNetwork(routes={"a.test:80": echo})
    assert network(Fetch("http://a.test/x", limit=4))[1].body == b"http"


def test_every_dns_question_is_answered_by_one_function():
    record = DnsRecord("a.test", "A", "127.0.0.1")
    network = VirtualNetwork(
        dns=lambda question: DnsAnswer(records=(record,)) if question.rtype == "A" else DnsAnswer()
    )
    assert network(Resolve("a.test", "A"))[1].values("A") == ("127.0.0.1",)
    assert network(Resolve("a.test", "TXT"))[1] == DnsAnswer()


def test_a_network_without_dns_resolves_nothing():
    assert VirtualNetwork()(Resolve("a.test", "A"))[1].error == "connection refused"


def test_a_message_is_given_to_the_receiver_and_without_one_is_refused():
    network = VirtualNetwork(receiver=lambda question: Reply(question.message[::-1]))
    assert network(Send(b"abc", "192.0.2.53:53"))[1] == Reply(b"cba")
    assert VirtualNetwork()(Send(b"abc", "192.0.2.53:53"))[1] == Reply(error="connection refused")


GREETING = Handshake("192.0.2.1:443", "a.test", ("acme-tls/1",))


def test_a_handshake_goes_to_the_address_that_it_names():
    seen = []
    network = VirtualNetwork(tls_routes={"192.0.2.1:443": lambda question: seen.append(question) or TlsAnswer(b"der")})
    assert network(GREETING) == (NOW, TlsAnswer(b"der", address="192.0.2.1:443"))
    assert seen == [GREETING]
    elsewhere = attrs.evolve(GREETING, address="192.0.2.2:443")
    assert network(elsewhere) == (NOW, TlsAnswer(error="connection refused", address="192.0.2.2:443"))


def test_a_pause_takes_as_long_as_it_says_whatever_the_latency():
    assert VirtualNetwork(latency=timedelta(seconds=1))(Pause(timedelta(hours=2))) == (timedelta(hours=2), Elapsed())


@pytest.mark.parametrize(
    "question",
    [Fetch("http://a.test/"), Resolve("a.test", "A"), Send(b"update", "a.test:53"), GREETING],
    ids=["Fetch", "Resolve", "Send", "Handshake"],
)
def test_an_answer_takes_the_latency_and_no_longer_than_the_asker_waits(question):
    shakers = {GREETING.address: lambda _: TlsAnswer(b"der")}
    network = VirtualNetwork(
        {"a.test:80": echo}, lambda _: DnsAnswer(), timedelta(seconds=10), lambda _: Reply(b"ok"), shakers
    )
    delay, answer = network(question)
    assert (delay, answer.error) == (timedelta(seconds=10), None)
    network.latency = timedelta(seconds=11)
    delay, answer = network(question)
    assert (delay, answer.error) == (timedelta(seconds=10), "timeout")


@pytest.mark.parametrize(
    ("delay", "expected"),
    [(3, (4, None)), (9, (10, None)), (10, (10, "timeout")), (timedelta.max, (10, "timeout"))],
)
def test_a_route_may_take_its_time(delay, expected):
    late = delay if isinstance(delay, timedelta) else timedelta(seconds=delay)
    network = VirtualNetwork(routes={"a.test:80": lambda _: (late, HttpAnswer(200))}, latency=timedelta(seconds=1))
    taken, answer = network(Fetch("http://a.test/", timeout=timedelta(seconds=10)))
    assert (taken.total_seconds(), answer.error) == expected


def test_what_is_computed_takes_no_virtual_time():
    assert VirtualNetwork()(Compute(lambda: 7)) == (NOW, Computed(7))
