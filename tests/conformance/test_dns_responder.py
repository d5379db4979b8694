"""The suite's own DNS, asked by a client that we did not write."""

import subprocess
from contextlib import closing

import pytest

from conformance.dns_responder import DnsResponder
from conformance.verdict import NotReachable
from gravel.free_port import free_port

pytestmark = pytest.mark.client("dig")


@pytest.fixture
def dig():
    port = free_port()
    with closing(DnsResponder(("127.0.0.1", port), "conformance.test")) as responder:
        responder.texts["_acme-challenge.a.conformance.test"] = ["one", "two"]
        responder.policies["a.conformance.test"] = [(128, "issue", "ca.test")]
        responder.listen()

        def ask(*question, answer="+short"):
            command = ["dig", "@127.0.0.1", "-p", str(port), "+tries=1", "+time=5", "+norecurse", answer, *question]
            return subprocess.run(command, capture_output=True, text=True, check=True).stdout

        yield ask


@pytest.mark.parametrize("transport", ["+notcp", "+tcp"])
@pytest.mark.parametrize(
    ("name", "rtype", "values"),
    [
        ("_acme-challenge.A.conformance.TEST", "TXT", ['"one"', '"two"']),
        ("a.conformance.test", "CAA", ['128 issue "ca.test"']),
        ("whatever.conformance.test", "A", ["127.0.0.1"]),
        ("whatever.conformance.test", "AAAA", []),
        ("conformance.test", "NS", ["ns.conformance.test."]),
        ("conformance.test", "SOA", ["ns.conformance.test. hostmaster.conformance.test. 1 3600 600 86400 1"]),
    ],
)
def test_it_answers_what_it_was_told(dig, transport, name, rtype, values):
    assert dig(transport, name, rtype).splitlines() == values


def test_it_is_authoritative_for_its_domain_and_for_nothing_else(dig):
    assert "flags: qr aa" in dig("a.conformance.test", "AAAA", answer="+comments")
    assert "status: REFUSED" in dig("other.test", "A", answer="+comments")


def test_a_port_that_is_taken_is_not_reachable():
    port = free_port()
    with closing(DnsResponder(("127.0.0.1", port), "a.test")) as first:
        first.listen()
        with pytest.raises(NotReachable, match="cannot be had"):
            DnsResponder(("127.0.0.1", port), "a.test").listen()
