"""Several vantage points: who looks when, and what becomes of their verdicts; and how many look at once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acme_server.authorizations import Authorization
from acme_server.bounded_spawn import BoundedSpawn
from acme_server.protocol.problem import Problem, unauthorized
from acme_server.protocol.vantage import DnsAnswer, Resolve
from acme_server.quorum import combine, required
from acme_server.settings import Settings, VantagePoint
from acme_server.validation_authority import Verdict
from tests.acme_server.rig import Driver, registered

SEEN = Verdict(True, None, ({"question": "A"},))
DNS = Verdict(False, Problem("dns", "DNS problem: SERVFAIL"), ({"question": "B"},))
WRONG = Verdict(False, unauthorized("Incorrect TXT record"), ())


def points(count):
    return tuple(VantagePoint(f"v{number}", f"192.0.2.{number}:53") for number in range(1, count + 1))


# As the Baseline Requirements have it, section 3.2.2.9.
@pytest.mark.parametrize(
    ("remote", "needed"), [(0, 0), (1, 1), (2, 1), (3, 2), (4, 3), (5, 4), (6, 4), (7, 5), (10, 8)]
)
def test_so_many_of_the_others_must_agree(remote, needed):
    assert needed == required(Settings(vantages=points(remote)))


# verdicts of the others, quorum -> the problem's type
VERDICTS = [
    ([SEEN, SEEN], 2, None),
    ([SEEN, DNS], 1, None),
    ([SEEN, DNS], 2, "dns"),
    ([WRONG, DNS], 1, "unauthorized"),
    ([DNS, WRONG, SEEN], 2, "dns"),
    ([DNS, WRONG], 0, None),
]


@pytest.mark.parametrize(("verdicts", "quorum", "kind"), VERDICTS)
def test_the_verdict_is_the_quorums_and_its_problem_the_first_ones(verdicts, quorum, kind):
    remote = {f"v{number}": verdict for number, verdict in enumerate(verdicts)}
    verdict = combine(SEEN, remote, quorum)
    assert (kind is None, kind) == (verdict.valid, verdict.problem and verdict.problem.kind)
    if verdict.problem:
        assert verdict.problem.detail.startswith("During secondary validation: ")
    assert verdict.record[0] == {"question": "A"}
    assert {each.get("vantage") for each in verdict.record} <= {None, *remote}


def test_the_record_says_who_saw_what():
    assert combine(SEEN, {"north": DNS, "south": SEEN}, 0).record == (
        {"question": "A"},
        {"question": "B", "vantage": "north"},
        {"question": "A", "vantage": "south"},
    )


@pytest.fixture
def resolvers(monkeypatch):
    """Which resolvers fail; `asked` are those that were asked, in order."""
    failing, asked, plain = {}, [], Driver.answer

    def answer(driver, question):
        if isinstance(question, Resolve):
            asked.append(question.server)
            if failing.get(question.server):
                return DnsAnswer("SERVFAIL")
        return plain(driver, question)

    monkeypatch.setattr(Driver, "answer", answer)
    failing["asked"] = asked
    return failing


def attempted(resolvers, *failing, count=3, **settings):
    """Validate over dns-01; return how many looked at each step, and the authorization."""
    client = registered(Settings(dns="192.0.2.0:53", vantages=points(count), **settings))
    resolvers |= {f"192.0.2.{number}:53": True for number in failing}
    order = client.order("a.test")
    (authorization,) = client.authorizations(order)
    client.post(client.show(authorization, "dns-01"), {})
    steps = []
    while client.driver.waiting:
        steps.append(client.driver.run())
    return steps, client.authorizations(order)[0], client


def test_the_first_looks_alone_and_the_others_then_at_the_same_time(resolvers):
    steps, authorization, _ = attempted(resolvers)
    assert (steps, authorization["status"]) == ([1, 3], "valid")
    assert resolvers["asked"] == [f"192.0.2.{number}:53" for number in range(4)]


def test_what_the_first_does_not_see_nobody_else_looks_for(resolvers):
    steps, authorization, _ = attempted(resolvers, 0)
    assert (steps, authorization["status"]) == ([1], "invalid")
    assert not authorization["challenges"][0]["error"]["detail"].startswith("During")


@pytest.mark.parametrize(
    ("failing", "quorum", "status"),
    [((2,), None, "valid"), ((1, 3), None, "invalid"), ((2,), 3, "invalid"), ((1, 2, 3), 0, "valid")],
)
def test_a_vantage_point_may_fail_and_the_quorum_says_how_many(resolvers, failing, quorum, status):
    _, authorization, client = attempted(resolvers, *failing, quorum=quorum)
    assert authorization["status"] == status
    (stored,) = client.server.world.store.all(Authorization)
    (challenge,) = [each for each in stored.challenges if each.type == "dns-01"]
    failed = [each["vantage"] for each in challenge.record if each["rcode"] == "SERVFAIL"]
    assert failed == [f"v{number}" for number in failing]
    if status == "invalid":
        assert challenge.error["type"].endswith(":dns")
        assert challenge.error["detail"].startswith("During secondary validation: DNS problem: SERVFAIL looking up TXT")


def test_by_default_one_looks_and_asks_as_little_as_can_be(resolvers):
    steps, _, _ = attempted(resolvers, count=0)
    assert (steps, resolvers["asked"]) == ([1], ["192.0.2.0:53"])


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"vantages": (VantagePoint("a"), VantagePoint("a"))}, "two vantage points have the same name"),
        ({"vantages": points(2), "quorum": 3}, "a quorum of 3 needs as many"),
        ({"challenge_types": ("dns-persist-01",)}, "dns-persist-01 needs a CAA identity"),
    ],
)
def test_settings_that_contradict_themselves_are_refused(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        Settings(**settings)


class Shelf:
    """A driver that keeps what it is given until it is told to end one."""

    def __init__(self):
        self.running, self.started = [], []

    def spawn(self, inquiry, done, failed):
        self.started.append(inquiry)
        self.running.append((inquiry, done, failed))

    def end(self, index, fails):
        inquiry, done, failed = self.running.pop(index % len(self.running))
        failed(RuntimeError(inquiry)) if fails else done(inquiry)


@given(st.integers(1, 5), st.lists(st.one_of(st.none(), st.tuples(st.integers(0, 9), st.booleans())), max_size=60))
def test_so_many_look_at_once_in_order_and_none_is_lost(limit, moves):
    """A move: None asks for one more; a number ends one that runs, well or badly."""
    shelf, ended, asked = Shelf(), [], 0
    spawn = BoundedSpawn(shelf, limit).spawn
    for move in moves:
        if move is None:
            spawn(asked, ended.append, lambda error: ended.append(error.args[0]))
            asked += 1
        elif shelf.running:
            shelf.end(*move)
        assert len(shelf.running) == min(limit, asked - len(ended))
    while shelf.running:
        shelf.end(0, fails=False)
    assert shelf.started == list(range(asked))
    assert sorted(ended) == list(range(asked))


def test_who_is_told_badly_takes_nobodys_turn():
    shelf, ended = Shelf(), []
    spawn = BoundedSpawn(shelf, 1).spawn
    spawn("first", lambda _: 1 / 0, ended.append)
    spawn("second", ended.append, ended.append)
    with pytest.raises(ZeroDivisionError):
        shelf.end(0, fails=False)
    shelf.end(0, fails=False)
    assert ended == ["second"]


def test_a_server_lets_so_many_look_at_once():
    client = registered(Settings(max_validations=2))
    order = client.order(*(f"{letter}.test" for letter in "abcde"))
    for authorization in client.authorizations(order):
        client.post(client.show(authorization, "dns-01"), {})
    steps = []
    while client.driver.waiting:
        steps.append(client.driver.run())
    assert steps == [2, 2, 1]
    assert client.post(order.header("Location")).json["status"] == "ready"


def test_a_validation_waits_when_it_shall(monkeypatch):
    later = []
    monkeypatch.setattr(Driver, "later", lambda _, delay, callback: later.append((delay, callback)))
    client = registered(Settings(validation_delay=timedelta(seconds=3)))
    order = client.order("a.test")
    client.authorize(order)
    [(delay, callback)] = later
    assert (delay, client.authorizations(order)[0]["status"]) == (timedelta(seconds=3), "pending")
    callback()
    client.driver.run()
    assert client.authorizations(order)[0]["status"] == "valid"
