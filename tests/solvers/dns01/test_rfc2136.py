"""The rfc2136 provider: its contract against a zone that takes signed updates, and each way in which one can fail."""

import builtins
import sys
from datetime import timedelta

import attrs
import pytest

from acme_server.protocol.vantage import Reply, Resolve, Send
from solvers.dns.answer import answer
from solvers.dns.keys import Key
from solvers.dns.tsig import Keyring
from solvers.dns.update_message import read_update
from solvers.dns.writers import Writers
from solvers.dns.zone import Zone
from solvers.dns01.rfc2136 import TSIG_ALGORITHMS, Rfc2136Provider
from solvers.http01.responder import Responder
from solvers.solver import DNS01, Presentation, SolverError
from tests.solvers.dns01.rig import ONE, START, clock, soa, solver_of
from tests.solvers.solver_contract import Dns01Contract, Place
from tests.solvers.vantages import DataVantage, perform

SERVER = "192.0.2.53:5353"
NAME = "_acme-challenge.example.test"
PRESENTATION = Presentation(DNS01, "example.test", "token", "value")
KEY = Key("cert-manager", TSIG_ALGORITHMS["HMACSHA256"], b"secret")


def entropy(size):
    return bytes(range(7, 7 + size))


def provider(key=None, tcp=False, now=clock):
    return Rfc2136Provider(SERVER, now, entropy, key, tcp)


def writers(*keys, now=clock):
    return Writers(Keyring(keys, now))


class TestContract(Dns01Contract):
    @pytest.fixture
    def records(self):
        return Zone()

    @pytest.fixture(params=[*TSIG_ALGORITHMS, None], ids=str)
    def place(self, request, records):
        key = attrs.evolve(KEY, algorithm=TSIG_ALGORITHMS[request.param]) if request.param else None
        allowed = writers(key) if key else Writers(anyone=True)
        return Place(solver_of(provider(key), ONE), DataVantage(records, Responder(), allowed))


def present(*answers, solver=None):
    return perform((solver or solver_of(provider(), ONE)).present(PRESENTATION), answers)


def reply_of(message, zone=None, allowed=None, **options):
    reply = answer(Zone() if zone is None else zone, message, udp=True, writers=allowed or Writers(anyone=True))
    assert reply is not None
    return Reply(reply)


def conversation(solver, allowed, change=lambda message: message):
    """Present against a zone; return it. `change` may tamper with the reply."""
    zone, inquiry = Zone(), solver.present(PRESENTATION)
    question = next(inquiry)
    try:
        while True:
            if isinstance(question, Resolve):
                question = inquiry.send(soa("example.test"))
            else:
                reply = answer(zone, question.message, udp=True, writers=allowed)
                question = inquiry.send(Reply(change(reply)))
    except StopIteration:
        return zone


def failure(*arguments, **options):
    with pytest.raises(SolverError) as raised:
        conversation(*arguments, **options)
    return str(raised.value)


@pytest.mark.parametrize("tcp", [False, True])
def test_a_record_is_inserted_with_a_ttl_of_a_minute_after_the_zone_is_found(tcp):
    inquiry = solver_of(provider(tcp=tcp), ONE).present(PRESENTATION)
    assert next(inquiry) == Resolve(NAME, "SOA", ONE)
    question = inquiry.send(soa("example.test"))
    assert (question.server, question.tcp, question.timeout) == (SERVER, tcp, timedelta(seconds=10))
    update = read_update(question.message)
    assert (update.zone, update.prerequisites) == ("example.test", ())
    (record,) = update.updates
    assert (record.name, record.rtype, record.rclass, record.ttl, record.value) == (NAME, "TXT", 1, 60, "value")


def test_exactly_that_record_is_removed():
    inquiry = solver_of(provider(), ONE).clean_up(PRESENTATION)
    next(inquiry)
    question = inquiry.send(soa("example.test"))
    (record,) = read_update(question.message).updates
    assert (record.name, record.rtype, record.rclass, record.ttl, record.value) == (NAME, "TXT", 254, 0, "value")


def test_the_same_entropy_and_moment_give_the_same_message():
    first, second = (list(sent(solver_of(provider(KEY), ONE))) for _ in range(2))
    assert first == second
    assert first[0].message[:2] == entropy(2)


def sent(solver):
    inquiry = solver.present(PRESENTATION)
    next(inquiry)
    yield inquiry.send(soa("example.test"))


@pytest.mark.parametrize(
    ("key", "allowed", "text"),
    [
        (None, Writers(), "DNS update failed. Server replied: REFUSED"),
        (None, writers(KEY), "DNS update failed. Server replied: REFUSED"),
        (KEY, writers(attrs.evolve(KEY, secret=b"other")), "DNS update failed. Server replied: NOTAUTH (BADSIG)"),
        (KEY, writers(attrs.evolve(KEY, name="other")), "DNS update failed. Server replied: NOTAUTH (BADKEY)"),
        (
            KEY,
            writers(KEY, now=lambda: START + timedelta(seconds=301)),
            "DNS update failed. Server replied: NOTAUTH (BADTIME)",
        ),
        (KEY, Writers(anyone=True), "DNS update failed: the reply is not signed"),
    ],
    ids=["nobody may write", "unsigned", "wrong secret", "unknown key", "late", "unsigned reply"],
)
def test_a_server_that_does_not_take_it_says_why(key, allowed, text):
    assert failure(solver_of(provider(key), ONE), allowed) == text


def test_a_forged_reply_is_not_believed():
    def forged(reply):
        return reply[:-20] + bytes(octet ^ 1 for octet in reply[-20:-16]) + reply[-16:]

    text = failure(solver_of(provider(KEY), ONE), writers(KEY), change=forged)
    assert text.startswith("DNS update failed: the reply's signature is not valid")


@pytest.mark.parametrize("length", [0, 5, 11])
@pytest.mark.parametrize("key", [None, KEY], ids=["unsigned", "signed"])
def test_a_reply_that_ends_too_early_is_no_success(key, length):
    allowed = writers(KEY) if key else Writers(anyone=True)
    text = failure(solver_of(provider(key), ONE), allowed, change=lambda reply: reply[:length])
    assert text == "DNS update failed: the message ends too early"


def test_no_reply_is_named_with_its_server():
    with pytest.raises(SolverError) as raised:
        present(soa("example.test"), Reply(error="timeout"))
    assert str(raised.value) == f"DNS update failed: NS {SERVER} gave no answer: timeout"


def test_a_zone_that_is_not_the_server_s_is_said_in_its_word():
    zone, asked = Zone(apexes=["sub.example.test"]), []

    def change(question):
        asked.append(question)
        return reply_of(question.message, zone)

    inquiry = solver_of(provider(), ONE).present(attrs.evolve(PRESENTATION, dns_name="a.sub.example.test"))
    next(inquiry)
    with pytest.raises(SolverError, match=r"^DNS update failed. Server replied: NOTZONE$"):
        inquiry.send(change(inquiry.send(soa("example.test"))))
    assert isinstance(asked[0], Send)


def test_a_value_that_no_record_can_hold_is_refused():
    with pytest.raises(SolverError, match="DNS update failed: a TXT record has at most 65535 octets"):
        perform(solver_of(provider(), ONE).present(attrs.evolve(PRESENTATION, key="x" * 70000)), [soa("example.test")])


def test_without_dnspython_a_key_is_one_clear_sentence(monkeypatch):
    real = builtins.__import__

    def missing(name, *arguments, **options):
        if name == "dns" or name.startswith("dns."):
            raise ModuleNotFoundError("No module named 'dns'", name="dns")
        return real(name, *arguments, **options)

    monkeypatch.delitem(sys.modules, "solvers.dns.tsig")
    monkeypatch.delattr("solvers.dns.tsig", raising=False)
    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(SolverError, match=r"a TSIG key needs dnspython: pip install 'gravel\[rfc2136\]'"):
        present(soa("example.test"), solver=solver_of(provider(KEY), ONE))


def test_a_secret_is_never_part_of_what_is_logged():
    assert "secret" not in repr(provider(KEY)).replace("secret=", "")
