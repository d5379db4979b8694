"""Which rule fires: matching, counting, windows, probability, precedence."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acme_server.chance import uniform
from acme_server.faults.action import Stage
from acme_server.faults.armed import Exchange, Faults
from acme_server.faults.rule import read_rule

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ORDER = Exchange("newOrder", "POST", "alice", ("www.example.org", "*.example.org"), {"user-agent": "lego 4.9"})


def no_entropy(_):
    raise AssertionError("nothing is drawn here")


def armed(*documents):
    faults = Faults()
    for document in documents:
        faults.arm(read_rule(document), NOW)
    return faults


def fired(faults, exchange=ORDER, stage=Stage.BEFORE, now=NOW, entropy=no_entropy):
    return [rule.id for rule in faults.decide(exchange, stage, now, entropy)]


MATCHES = [
    ({}, True),
    ({"endpoint": "newOrder"}, True),
    ({"endpoint": ["finalize", "newOrder"]}, True),
    ({"endpoint": "finalize"}, False),
    ({"account": "alice"}, True),
    ({"account": "bob"}, False),
    ({"identifier": "www.example.org"}, True),
    ({"identifier": "WWW.*"}, True),
    ({"identifier": "*.net"}, False),
    ({"header": {"User-Agent": "lego*"}}, True),
    ({"header": {"user-agent": "lego"}}, False),
    ({"header": {"x-absent": "*"}}, False),
    ({"endpoint": "newOrder", "account": "bob"}, False),
]


@pytest.mark.parametrize(("match", "expected"), MATCHES, ids=[str(match) for match, _ in MATCHES])
def test_every_member_of_a_match_narrows(match, expected):
    assert fired(armed({"id": "x", "match": match, "action": "rateLimited"})) == ["x"] * expected


QUERY = Exchange("dns", "QUERY", None, ("www.example.org",), rtype="TXT", server=("127.0.0.2:53", "127.0.0.2", "ns2"))
QUERIES = [
    ({}, True),
    ({"identifier": "*.example.org"}, True),
    ({"identifier": "*.example.net"}, False),
    ({"type": "txt"}, True),
    ({"type": ["A", "AAAA"]}, False),
    ({"server": "127.0.0.2"}, True),
    ({"server": "127.*:53"}, True),
    ({"server": "NS2"}, True),
    ({"server": "ns1"}, False),
    ({"type": "TXT", "server": "ns1"}, False),
]


@pytest.mark.parametrize(("match", "expected"), QUERIES, ids=[str(match) for match, _ in QUERIES])
def test_every_member_of_a_match_narrows_the_queries_too(match, expected):
    faults = armed({"id": "x", "match": match, "action": "servfail"})
    assert fired(faults, QUERY, Stage.AFTER) == ["x"] * expected


LATE = {"kind": "latency", "seconds": 1}


@pytest.mark.parametrize(
    ("match", "expected"),
    [({}, [True, False]), ({"endpoint": "dns"}, [False, True]), ({"endpoint": "newOrder"}, [True, False])],
)
def test_a_rule_is_about_requests_unless_it_says_dns(match, expected):
    faults = armed({"match": match, "action": LATE})
    assert expected == [bool(fired(faults, exchange, Stage.AFTER)) for exchange in (ORDER, QUERY)]


@pytest.mark.parametrize(
    ("match", "when", "expected"),
    [
        ({"nth": 2}, {}, [2]),
        ({"every": 3}, {}, [3, 6, 9]),
        ({}, {"count": 2}, [1, 2]),
        ({"every": 2}, {"count": 3}, [2, 4, 6]),
        ({"nth": 4}, {"count": 3}, [4]),
    ],
)
def test_rules_count(match, when, expected):
    faults = armed({"match": match, "action": "rateLimited", "when": when})
    assert expected == [number for number in range(1, 11) if fired(faults)]
    assert (10, len(expected)) == (faults.armed["rule-1"].seen, faults.armed["rule-1"].hits)


@given(st.lists(st.sampled_from(["newOrder", "finalize", "order"])), st.integers(1, 4), st.none() | st.integers(1, 4))
def test_only_what_matches_is_counted(endpoints, every, count):
    when = {} if count is None else {"count": count}
    faults = armed({"match": {"endpoint": "finalize", "every": every}, "action": "lose", "when": when})
    hits = [place for place, name in enumerate(endpoints) if fired(faults, Exchange(name))]
    places = [place for place, name in enumerate(endpoints) if name == "finalize"]
    assert places[every - 1 :: every][:count] == hits


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ({"from": 10}, [10, 15, 20, 25]),
        ({"until": 10}, [0, 5]),
        ({"from": 5, "until": 15}, [5, 10]),
        ({"from": "2026-11-22T12:00:20Z"}, [20, 25]),
    ],
)
def test_a_window_is_of_the_worlds_time_its_end_excluded(when, expected):
    faults = armed({"action": "rateLimited", "when": when})
    hits = [second for second in range(0, 30, 5) if fired(faults, now=NOW + timedelta(seconds=second))]
    assert expected == hits


def test_in_a_plane_the_first_wins_and_the_others_count_all_the_same():
    faults = armed(
        {"id": "second", "match": {"nth": 2}, "action": "rateLimited"},
        {"id": "third", "match": {"nth": 3}, "action": "serverInternal"},
        {"id": "any", "action": "page"},
    )
    assert [fired(faults) for _ in range(4)] == [["any"], ["second"], ["third"], ["any"]]
    assert [(rule.seen, rule.hits) for rule in faults.armed.values()] == [(4, 1), (4, 1), (4, 2)]


def test_one_of_each_plane_may_fire_in_the_order_of_the_planes():
    faults = armed(
        {"id": "late", "action": {"kind": "latency", "seconds": 1}},
        {"id": "bare", "action": {"kind": "omit", "headers": "Location"}},
        {"id": "html", "action": "page", "when": {"stage": "after"}},
        {"id": "before", "action": "lose"},
    )
    assert fired(faults, stage=Stage.AFTER) == ["html", "bare", "late"]
    assert fired(faults, stage=Stage.BEFORE) == ["before"]


def test_a_nonce_is_bad_only_where_there_is_one():
    faults = armed({"match": {"every": 2}, "action": "badNonce"})
    methods = ["HEAD", "POST", "GET", "POST", "POST", "POST"]
    assert [place for place, method in enumerate(methods) if fired(faults, Exchange("order", method))] == [3, 5]


def test_a_rule_may_ask_which_problem_was_answered():
    faults = armed({"id": "x", "match": {"problem": "badNonce"}, "action": "page", "when": {"stage": "after"}})
    problems = [None, "badNonce", "malformed"]
    found = [fired(faults, Exchange("order", problem=problem), Stage.AFTER) for problem in problems]
    assert found == [[], ["x"], []]


def seeded(probability, seed, rounds=200):
    faults = armed({"action": "rateLimited", "when": {"probability": probability}})
    entropy = random.Random(seed).randbytes
    return [bool(fired(faults, entropy=entropy)) for _ in range(rounds)]


def test_the_same_seed_repeats_the_same_faults_and_another_seed_does_not():
    assert seeded(0.5, 1) == seeded(0.5, 1)
    assert seeded(0.5, 1) != seeded(0.5, 2)


def test_probability_is_how_often():
    assert sum(seeded(0.0, 1)) == 0
    assert sum(seeded(1.0, 1)) == 200
    assert 20 <= sum(seeded(0.2, 1)) <= 60


@given(st.binary(min_size=7, max_size=7))
def test_a_draw_is_below_one(data):
    assert 0.0 <= uniform(lambda size: data[:size]) < 1.0


def test_nothing_is_drawn_for_a_rule_that_cannot_fire():
    never = {"action": "rateLimited", "match": {"nth": 2}, "when": {"probability": 0.5}}
    assert fired(armed(never)) == []
    assert fired(armed({"id": "sure", "action": "page"}, {"action": "dns", "when": {"probability": 0.5}})) == ["sure"]


def test_rules_are_named_replaced_and_taken_away():
    faults = armed({"id": "rule-1", "action": "page"}, {"action": "lose"}, {"action": "page"})
    assert list(faults.armed) == ["rule-1", "rule-2", "rule-3"]
    fired(faults)
    assert faults.armed["rule-1"].hits == 1
    again = faults.arm(read_rule({"id": "rule-1", "action": "lose"}), NOW)
    assert (list(faults.armed), again.hits) == (["rule-1", "rule-2", "rule-3"], 0)
    assert faults.disarm("rule-1")
    assert not faults.disarm("rule-1")
    faults.clear()
    assert faults.armed == {}


def test_what_is_listed_is_the_rule_and_its_counters():
    faults = armed({"id": "x", "match": {"endpoint": "order"}, "action": "badNonce"})
    action = {"kind": "problem", "type": "badNonce"}
    expected = {"id": "x", "match": {"endpoint": ["order"]}, "action": action, "seen": 0, "hits": 0}
    assert expected == faults.armed["x"].to_json()
