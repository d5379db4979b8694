"""tls-alpn-01 validations against a scripted network: what is asked, and the verdict."""

from datetime import UTC, datetime, timedelta

import pytest

from acme_server.protocol.identifier import Identifier
from acme_server.protocol.key_authorization import KeyAuthorization
from acme_server.protocol.vantage import REFUSED, RESET, TIMEOUT, DnsAnswer, DnsRecord, Handshake, Resolve, TlsAnswer
from acme_server.settings import Settings
from acme_server.validation_authority import Attempt, validate
from tests.challenge_certificates import challenge_certificate

START = datetime(2026, 11, 22, 12, tzinfo=UTC)
KEY = KeyAuthorization("token", "thumbprint")
NAME = "www.gravel.example"
SETTINGS = Settings(tls_alpn_port=5001, dns="127.0.0.1:8053", validation_timeout=timedelta(seconds=7))
GOOD = TlsAnswer(challenge_certificate(value=b"\x04\x20" + KEY.digest), "acme-tls/1")
NO_PROTOCOL = TlsAnswer(GOOD.certificate)
V6, V4 = "[2001:db8::1]:5001", "192.0.2.1:5001"
ADDRESSES = {"AAAA": ("2001:db8::1", "2001:db8::2"), "A": ("192.0.2.1", "192.0.2.2")}


def run(answers, addresses=ADDRESSES):
    """Validate; return the verdict, and what was asked."""
    asked = []

    def answer(question):
        asked.append(question)
        if isinstance(question, Resolve):
            values = addresses.get(question.rtype, ())
            return DnsAnswer(records=tuple(DnsRecord(question.name, question.rtype, value) for value in values))
        answered = answers.get(question.address, TlsAnswer(error=REFUSED))
        return TlsAnswer(answered.certificate, answered.protocol, answered.error, question.address)

    inquiry = validate(Attempt("tls-alpn-01", Identifier("dns", NAME), KEY, SETTINGS, lambda: START))
    try:
        question = next(inquiry)
        while True:
            question = inquiry.send(answer(question))
    except StopIteration as stop:
        return stop.value, asked


def test_it_shakes_hands_as_the_rfc_says():
    verdict, asked = run({V4: GOOD}, {"A": ("192.0.2.1",)})
    assert (verdict.valid, verdict.problem) == (True, None)
    assert asked == [
        Resolve(NAME, "AAAA", "127.0.0.1:8053", timedelta(seconds=7)),
        Resolve(NAME, "A", "127.0.0.1:8053", timedelta(seconds=7)),
        Handshake("192.0.2.1:5001", NAME, ("acme-tls/1",), timedelta(seconds=7)),
    ]


@pytest.mark.parametrize(
    ("answers", "dialled", "kind"),
    [
        ({V6: GOOD, V4: GOOD}, [V6], None),
        ({V6: TlsAnswer(error=REFUSED), V4: GOOD}, [V6, V4], None),
        ({V6: TlsAnswer(error="TLS: wrong version number"), V4: GOOD}, [V6, V4], None),
        ({V6: NO_PROTOCOL, V4: GOOD}, [V6], "unauthorized"),
        ({V6: TlsAnswer(challenge_certificate(), "acme-tls/1"), V4: GOOD}, [V6], "unauthorized"),
    ],
)
def test_ipv6_comes_first_and_ipv4_only_when_no_handshake_is_completed_there(answers, dialled, kind):
    verdict, asked = run(answers)
    assert dialled == [question.address for question in asked if isinstance(question, Handshake)]
    assert kind == (verdict.problem and verdict.problem.kind)


FAILURES = [
    (REFUSED, "connection"),
    (RESET, "connection"),
    (TIMEOUT, "connection"),
    ("TLS: tlsv1 alert no application protocol", "tls"),
    ("TLS: wrong version number", "tls"),
]


@pytest.mark.parametrize(("error", "kind"), FAILURES)
def test_only_a_handshake_that_failed_is_a_tls_problem(error, kind):
    verdict, _ = run({V6: TlsAnswer(error=REFUSED), V4: TlsAnswer(error=error)})
    assert (verdict.valid, verdict.problem.kind) == (False, kind)
    shaking = f"Shaking hands for {NAME}"
    assert verdict.problem.detail == f"2001:db8::1: {shaking}: connection refused; 192.0.2.1: {shaking}: {error}"


def test_a_name_without_an_address_is_a_dns_problem():
    verdict, asked = run({}, {})
    assert (verdict.problem.kind, len(asked)) == ("dns", 2)
    assert verdict.problem.detail == f"DNS problem: No valid A or AAAA records found for {NAME}"


def test_a_certificate_for_another_key_is_unauthorized_and_says_what_was_seen():
    verdict, _ = run({V6: TlsAnswer(challenge_certificate(), "acme-tls/1")})
    assert verdict.problem.kind == "unauthorized"
    assert verdict.problem.detail.startswith(f"2001:db8::1: The certificate for {NAME} is not this challenge's. ")


def test_the_record_holds_each_question_and_what_came_back():
    verdict, _ = run({V6: TlsAnswer(error=TIMEOUT), V4: GOOD})
    asked = {"question": f"TLS {NAME}", "at": "2026-11-22T12:00:00.000000Z", "milliseconds": 0}
    assert list(verdict.record)[2:] == [
        {**asked, "address": V6, "error": "timeout"},
        {**asked, "address": V4, "protocol": "acme-tls/1", "octets": len(GOOD.certificate)},
    ]
