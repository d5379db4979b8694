"""Rules from JSON and back: what is read, what is refused, and with which words."""

from __future__ import annotations

from datetime import UTC, datetime

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acme_server.faults.action import PLACES, Plane, Stage
from acme_server.faults.actions import ACTIONS, read_action, write_action
from acme_server.faults.dns_actions import KINDS, Propagate, SendRcode
from acme_server.faults.rule import ENDPOINTS, Match, Rule, When, read_rule, write_rule
from acme_server.faults.wire_actions import CHAINS, SendProblem
from acme_server.front_end import ROUTES

# The smallest document of every kind.
SMALLEST = {
    "omit": {"headers": "Location"},
    "header": {"name": "Content-Type", "value": "text/plain"},
    "substitute": {"old": "https:", "new": "http:"},
    "unwrap": {"name": "orders"},
    "chain": {"form": "reversed"},
    "skew": {"seconds": -300},
    "renewal-window": {"form": "now"},
    "latency": {"seconds": 1},
    "lognormal-latency": {"median": 0.5},
    "ttl": {"seconds": 0},
    "propagation": {"seconds": 1},
}
REFUSED = [
    ([], "a rule is an object"),
    ({"match": {}}, "a rule needs 'action'"),
    ({"acton": "badNonce"}, "a rule has no member 'acton'; the nearest is 'action'"),
    ({"action": "badNonse"}, "the action 'badNonse' is not known; the nearest is 'badNonce'"),
    ({"action": 7}, "the action is neither a kind nor an object"),
    ({"action": {"seconds": 1}}, "the action needs 'kind'"),
    ({"action": {"kind": ["lose"]}}, "the action ['lose'] is not known; the nearest is "),
    ({"action": {"kind": "latency"}}, "the action 'latency' needs 'seconds'"),
    ({"action": {"kind": "latency", "second": 1}}, "the action 'latency' has no member 'second'; the nearest is 'seconds'"),
    ({"action": {"kind": "latency", "seconds": -1}}, "the action 'latency': 'seconds' is not between 0 and 1e+09"),
    ({"action": {"kind": "latency", "seconds": True}}, "the action 'latency': 'seconds' is not a number"),
    ({"action": {"kind": "latency", "seconds": float("nan")}}, "the action 'latency': 'seconds' is not a number"),
    ({"action": {"kind": "lose", "reset": 1}}, "the action 'lose': 'reset' is neither true nor false"),
    ({"action": {"kind": "page", "status": 99}}, "the action 'page': 'status' is less than 200"),
    ({"action": {"kind": "page", "status": 600}}, "the action 'page': 'status' is more than 599"),
    ({"action": {"kind": "page", "status": 5.5}}, "the action 'page': 'status' is not an integer"),
    ({"action": {"kind": "page", "body": 1}}, "the action 'page': 'body' is not a string"),
    ({"action": {"kind": "omit", "headers": []}}, "the action 'omit': 'headers' is an empty list"),
    ({"action": {"kind": "header", "name": "A\r\nB", "value": ""}}, "the action 'header': 'name' cannot stand in an"),
    ({"action": {"kind": "substitute", "old": ""}}, "substitute: 'old' is empty"),
    ({"action": {"kind": "rewrite", "members": []}}, "the action 'rewrite': 'members' is not an object"),
    ({"action": {"kind": "chain", "form": "short"}}, "the action 'chain': 'form' cannot be 'short'; the nearest is "),
    ({"action": {"kind": "skew", "seconds": 1e10}}, "the action 'skew': 'seconds' is not between -1e+09 and 1e+09"),
    ({"action": {"kind": "renewal-window", "form": "soon"}}, "the action 'renewal-window': 'form' cannot be 'soon'"),
    ({"action": "renewal-window"}, "renewal-window: either 'form' is wanted, or 'start' and 'end'"),
    ({"action": {"kind": "renewal-window", "start": 1}}, "renewal-window: either 'form' is wanted, or 'start' and"),
    ({"action": {"kind": "renewal-window", "form": "now", "end": 1}}, "renewal-window: either 'form' is wanted, or"),
    ({"action": "renewal-window", "match": {"endpoint": "order"}}, "renewal-window: either 'form' is wanted"),
    ({"action": {"kind": "revoke", "reason": 11}}, "the action 'revoke': 'reason' is more than 10"),
    ({"action": {"kind": "half-close", "keep": -1}}, "the action 'half-close': 'keep' is less than 0"),
    ({"action": {"kind": "expire-authorizations", "x": 1}}, "the action 'expire-authorizations' has no member 'x'; it takes none"),
    ({"action": "badNonce", "match": []}, "match is not an object"),
    ({"action": "badNonce", "match": {"endpoint": "newCert"}}, "match: 'endpoint' cannot be 'newCert'; the nearest is "),
    ({"action": "badNonce", "match": {"nth": 0}}, "match: 'nth' is less than 1"),
    ({"action": "badNonce", "match": {"header": {"a": 1}}}, "match: 'header' is not an object of strings"),
    ({"action": "badNonce", "match": {"problem": "dns"}}, "'problem' is known only afterwards, and 'problem' acts before"),
    ({"action": "badNonce", "when": {"probability": 1.5}}, "when: 'probability' is not between 0 and 1"),
    ({"action": "badNonce", "when": {"from": "soon"}}, "when: 'from' is neither an RFC 3339 moment nor seconds after"),
    ({"action": "badNonce", "when": {"stage": "never"}}, "when: 'stage' cannot be 'never'; the nearest is "),
    ({"action": {"kind": "latency", "seconds": 1}, "when": {"stage": "before"}}, "'latency' is never 'before' the command"),
    ({"action": "processing", "match": {"endpoint": "newOrder"}}, "'processing' cannot happen at 'newOrder', only at finalize"),
    ({"action": "page", "match": {"endpoint": "dns"}}, "'page' cannot happen at 'dns'; there happen latency, lognormal-latency, rcode"),
    ({"action": "servfail", "match": {"endpoint": "order"}}, "'rcode' cannot happen at 'order', only at dns"),
    ({"action": {"kind": "latency", "seconds": 1}, "match": {"endpoint": ["order", "dns"]}}, "'dns' stands alone among the endpoints"),
    ({"action": "servfail", "match": {"account": "x"}}, "'account' is nothing that a query has"),
    ({"action": "servfail", "match": {"header": {"a": "b"}}}, "'header' is nothing that a query has"),
    ({"action": "servfail", "match": {"problem": "dns"}}, "'problem' is nothing that a query has"),
    ({"action": "lose", "match": {"type": "TXT"}}, "'type' is a query's; its endpoint is 'dns'"),
    ({"action": "lose", "match": {"server": "*"}}, "'server' is a query's; its endpoint is 'dns'"),
    ({"action": "lose", "match": {"endpoint": "signing"}}, "'lose' cannot happen at 'signing'; there happen revoked-ca, corrupt-key"),
    ({"action": "partition", "match": {"endpoint": "order"}}, "'partition' cannot happen at 'order', only at kubernetes"),
    ({"action": "revoked-ca", "match": {"problem": "dns"}}, "'problem' is nothing that an exchange at 'signing' has"),
    ({"action": "delete-secret", "match": {"server": "a"}}, "'server' is nothing that an exchange at 'secrets' has"),
    ({"action": "servfail", "match": {"type": "T X"}}, "match: 'type' is not the name of a record type"),
    ({"action": "servfail", "when": {"stage": "before"}}, "'rcode' is never 'before' the command"),
    ({"action": {"kind": "rcode", "rcode": "LATER"}}, "the action 'rcode': 'rcode' cannot be 'LATER'; the nearest is "),
    ({"action": {"kind": "ttl", "seconds": 2**31}}, "the action 'ttl': 'seconds' is more than 2147483647"),
    ({"action": {"kind": "propagation", "seconds": 2, "until": 1}}, "propagation: 'until' is before 'seconds'"),
    ({"action": "badNonce", "id": "no spaces"}, "'id' is not 1 to 64 letters"),
    ({"action": "badNonce", "id": ""}, "'id' is not 1 to 64 letters"),
]  # fmt: skip


@pytest.mark.parametrize(("document", "complaint"), REFUSED, ids=[complaint for _, complaint in REFUSED])
def test_a_rule_that_cannot_be_is_refused_with_a_sentence(document, complaint):
    with pytest.raises(ValueError) as refused:
        read_rule(document)
    assert str(refused.value).startswith(complaint)


def test_a_rule_is_read_whole():
    document = {
        "id": "the-second",
        "match": {"endpoint": "newOrder", "identifier": "*.example.org", "header": {"User-Agent": "lego*"}, "nth": 2},
        "action": {"kind": "rateLimited", "retry_after": 2},
        "when": {"probability": 0.5, "count": 3, "from": 10, "until": "2026-11-22T12:00:00Z"},
    }
    expected = Rule(
        SendProblem(type="rateLimited", retry_after=2),
        Match(endpoint=("newOrder",), identifier="*.example.org", header={"user-agent": "lego*"}, nth=2),
        When(probability=0.5, count=3, since=10.0, until=datetime(2026, 11, 22, 12, tzinfo=UTC)),
        "the-second",
    )
    assert expected == read_rule(document)


def test_a_moment_of_yaml_is_one_too():
    moment = datetime(2026, 11, 22, tzinfo=UTC)
    assert moment == read_rule({"action": "lose", "when": {"from": moment}}).when.since


@pytest.mark.parametrize("kind", ACTIONS)
def test_every_kind_of_action_is_read_and_written(kind):
    action = read_action({"kind": kind, **SMALLEST.get(kind, {})})
    assert type(action) is ACTIONS[kind]
    assert action == read_action(write_action(action))
    assert action.plane in Plane
    assert isinstance(action.stages[0], Stage)


def test_a_kind_alone_is_an_action_with_its_defaults():
    assert read_action({"kind": "lose"}) == read_action("lose")


def test_every_problem_type_is_a_kind():
    assert SendProblem(type="userActionRequired") == read_action("userActionRequired")


@pytest.mark.parametrize("kind", KINDS)
def test_every_rcode_is_a_kind(kind):
    assert SendRcode(kind.upper()) == read_action(kind)


def test_a_rule_about_queries_is_read_whole():
    document = {
        "match": {"identifier": "*.example.test", "type": ["txt", "A"], "server": "127.0.0.2"},
        "action": {"kind": "propagation", "seconds": 5, "until": 30},
    }
    match = Match(identifier="*.example.test", type=("TXT", "A"), server="127.0.0.2")
    assert Rule(Propagate(5.0, 30.0), match) == read_rule(document)


def test_the_endpoints_are_those_of_the_front_end():
    assert [route.pattern for route in ROUTES] == list(ENDPOINTS.values())


def test_where_an_action_happens_is_an_endpoint():
    assert {name for action in ACTIONS.values() for name in action.endpoints} <= {*ENDPOINTS, *PLACES}


seconds = st.floats(0, 1e9)
moments = st.one_of(seconds, st.datetimes(datetime(2000, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
actions = st.one_of(
    st.builds(SendProblem, st.sampled_from(["badNonce", "rateLimited", "urn:x:y"]), st.integers(400, 599)),
    st.builds(ACTIONS["latency"], seconds, st.none() | seconds),
    st.builds(ACTIONS["omit"], st.lists(st.sampled_from(["Location", "Link"]), min_size=1).map(tuple)),
    st.builds(ACTIONS["rewrite"], members=st.dictionaries(st.text(), st.none() | st.integers() | st.text())),
    st.builds(ACTIONS["chain"], st.sampled_from(CHAINS)),
)
matches = st.builds(
    Match,
    account=st.none() | st.text(),
    identifier=st.none() | st.text(),
    header=st.dictionaries(st.text(alphabet="abc-"), st.text()),
    nth=st.none() | st.integers(1),
    every=st.integers(1),
)
whens = st.builds(When, st.floats(0, 1), st.none() | st.integers(1), st.none() | moments, st.none() | moments)


@given(st.builds(Rule, actions, matches, whens, st.none() | st.from_regex(r"[a-z0-9_-]{0,63}[a-z]", fullmatch=True)))
def test_a_rule_survives_being_written_and_read(rule):
    assert rule == read_rule(write_rule(rule))


def test_a_rule_is_frozen():
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        read_rule({"action": "lose"}).id = "x"
