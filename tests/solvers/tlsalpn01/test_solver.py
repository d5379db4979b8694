"""The tls-alpn-01 solver: its contract, and each answer that a self-check can get."""

import random
from datetime import UTC, datetime, timedelta

import attrs
import pytest

from acme_server.protocol.vantage import DnsAnswer, DnsRecord, Handshake, Resolve, TlsAnswer
from solvers.dns.zone import Zone
from solvers.http01.responder import Responder as HttpResponder
from solvers.solver import TLSALPN01, NotReady, Presentation, Ready, SolverError
from solvers.tlsalpn01.certificate import create
from solvers.tlsalpn01.responder import Responder
from solvers.tlsalpn01.solver import TlsAlpn01Solver
from tests.challenge_certificates import challenge_certificate
from tests.solvers.solver_contract import Place
from tests.solvers.tlsalpn01.contract import TlsAlpn01Contract
from tests.solvers.vantages import DataVantage, perform

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DNS = "192.0.2.53:53"
NAME, KEY, PROTOCOL = "example.test", "token.thumbprint", "acme-tls/1"
PRESENTATION = Presentation(TLSALPN01, NAME, "token", KEY)
SHOWN = create(random.Random(1).randbytes, NOW, NAME, KEY)
GOOD = TlsAnswer(SHOWN.der, PROTOCOL)
REFUSED = TlsAnswer(error="connection refused")


def solver(responder=None, seed=1):
    return TlsAlpn01Solver(responder or Responder(), 5001, random.Random(seed).randbytes, lambda: NOW, DNS)


class TestContract(TlsAlpn01Contract):
    @pytest.fixture
    def place(self):
        zone, responder = Zone(), Responder()
        return Place(solver(responder), DataVantage(zone, HttpResponder(), tls_responder=responder))

    async def test_a_name_without_an_address_cannot_be_seen(self, place):
        await place.present(self.one)
        place.vantage.zone.set_addresses("www.example.test", [])
        reason = (
            "failed to perform self check TLS handshake for 'www.example.test': lookup www.example.test: no address"
        )
        assert await place.check(self.one) == NotReady(reason)


def addresses(*values):
    return DnsAnswer(records=tuple(DnsRecord(f"{NAME}.", "AAAA" if ":" in v else "A", v) for v in values))


NONE, IPV4, IPV6 = DnsAnswer(), addresses("192.0.2.1"), addresses("2001:db8::1")


def check(*answers):
    return perform(solver().check(PRESENTATION), answers)


def test_a_check_is_a_lookup_and_a_handshake_at_the_port_that_is_dialled():
    readiness, asked = check(NONE, IPV4, GOOD)
    assert Ready() == readiness
    assert asked == [
        Resolve(NAME, "AAAA", DNS),
        Resolve(NAME, "A", DNS),
        Handshake("192.0.2.1:5001", NAME, (PROTOCOL,), timedelta(seconds=10)),
    ]


def test_ipv6_comes_first_as_in_a_validation_and_whoever_completes_a_handshake_decides():
    readiness, asked = check(IPV6, GOOD)
    assert (readiness, asked[-1].address) == (Ready(), "[2001:db8::1]:5001")
    readiness, _ = check(IPV6, TlsAnswer(challenge_certificate(), PROTOCOL))
    assert isinstance(readiness, NotReady)
    readiness, _ = check(IPV6, REFUSED, IPV4, GOOD)
    assert Ready() == readiness


def test_several_addresses_share_the_time():
    _, asked = check(addresses("2001:db8::1", "2001:db8::2"), REFUSED, GOOD)
    assert [question.timeout for question in asked[1:]] == [timedelta(seconds=5)] * 2


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        ([NONE, NONE], f"lookup {NAME}: no address"),
        ([DnsAnswer("NXDOMAIN"), DnsAnswer("NXDOMAIN")], f"lookup {NAME}: NXDOMAIN"),
        ([DnsAnswer(error="timeout"), NONE], f"lookup {NAME}: timeout"),
        ([NONE, IPV4, REFUSED], "dial 192.0.2.1:5001: connection refused"),
        (
            [NONE, addresses("192.0.2.2", "192.0.2.1"), REFUSED, REFUSED],
            "dial 192.0.2.1:5001: connection refused; dial 192.0.2.2:5001: connection refused",
        ),
        ([NONE, IPV4, TlsAnswer(error="TLS: x")], "dial 192.0.2.1:5001: TLS: x"),
    ],
)
def test_a_handshake_that_is_not_completed_says_why(answers, why):
    readiness, _ = check(*answers)
    assert readiness == NotReady(f"failed to perform self check TLS handshake for '{NAME}': {why}")


WRONG = f"did not get the expected challenge certificate in the TLS handshake for '{NAME}'"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (TlsAnswer(SHOWN.der), f"the TLS server for '{NAME}' did not agree on the protocol '{PROTOCOL}'"),
        (TlsAnswer(b"junk", PROTOCOL), WRONG),
        (TlsAnswer(challenge_certificate(names=["secret.test"]), PROTOCOL), WRONG),
        (TlsAnswer(create(random.Random(1).randbytes, NOW, NAME, "other").der, PROTOCOL), WRONG),
    ],
)
def test_another_certificate_is_not_ready_and_never_repeated(answer, reason):
    readiness, _ = check(NONE, IPV4, answer)
    assert readiness == NotReady(reason)


def test_presenting_again_makes_no_second_certificate():
    responder, drawn = Responder(), []
    entropy = random.Random(1)
    solver = TlsAlpn01Solver(responder, 5001, lambda n: drawn.append(n) or entropy.randbytes(n), lambda: NOW)
    for _ in range(2):
        perform(solver.present(PRESENTATION), [])
    assert sum(drawn) == 56


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"wildcard": True}, "cannot be validated through tls-alpn-01"),
        ({"dns_name": "größe.test"}, "write it in A-labels"),
    ],
)
def test_what_there_can_be_no_certificate_for_is_an_error(changes, words):
    with pytest.raises(SolverError, match=words):
        perform(solver().present(attrs.evolve(PRESENTATION, **changes)), [])
