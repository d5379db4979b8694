"""Whatever a server answers, a call returns, or raises what is the client's to raise."""

import json
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acme_server.protocol.identifier import Identifier
from acme_server.protocol.problem import Problem
from acme_server.protocol.vantage import HttpAnswer
from issuer_bridge.acme_client.client import Client
from issuer_bridge.acme_client.errors import TransportError
from tests.issuer_bridge.acme_client.made_certificates import KEY, certificate
from tests.issuer_bridge.scripted_server import BASE, DIRECTORY, ScriptedServer

NAMED = certificate(1, key_identifier=b"x" * 20).decode()
VERBS = {
    "register": lambda client: client.register(),
    "new_order": lambda client: client.new_order([Identifier("dns", "a.test")]),
    "authorization": lambda client: client.authorization(f"{BASE}/authz/1"),
    "challenge": lambda client: client.challenge(f"{BASE}/chall/1"),
    "certificate": lambda client: client.certificate(f"{BASE}/cert/1", "X"),
    "renewal_info": lambda client: client.renewal_info(NAMED),
}
PROBLEM = {"type": "urn:ietf:params:acme:error:dns", "detail": "no", "status": 400, "subproblems": [{"detail": "a"}]}
CHALLENGE = {"type": "http-01", "url": f"{BASE}/c", "status": "invalid", "token": "t", "error": PROBLEM}
DOCUMENTS = (
    PROBLEM,
    CHALLENGE,
    {"status": "valid", "contact": ["mailto:a@b.test"]},
    {"status": "valid", "finalize": f"{BASE}/f", "authorizations": [], "certificate": f"{BASE}/cert", "error": PROBLEM},
    {"status": "pending", "identifier": {"type": "dns", "value": "a.test"}, "challenges": [CHALLENGE]},
    {"suggestedWindow": {"start": "2026-01-01T00:00:00Z", "end": "2026-01-02T00:00:00Z"}, "explanationURL": "x"},
)
WORDS = st.sampled_from(["valid", "pending", "http-01", f"{BASE}/x", "2026-01-01T00:00:00Z", "a.test"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 600) | st.floats(allow_nan=False) | WORDS | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@st.composite
def changed(draw):
    """A document in which one member is another, at any depth."""
    document = json.loads(json.dumps(draw(st.sampled_from(DOCUMENTS))))
    place = document
    while True:
        key = draw(st.sampled_from(sorted(place)) if isinstance(place, dict) else st.integers(0, len(place) - 1))
        if isinstance(place[key], dict | list) and place[key] and draw(st.booleans()):
            place = place[key]
        else:
            place[key] = draw(VALUES)
            return document


BODIES = changed().map(lambda value: json.dumps(value).encode())
GARBAGE = VALUES.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=60)
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(["Location", "Link", "Retry-After", "Replay-Nonce", "Content-Type"]),
        WORDS | st.text(max_size=12) | st.sampled_from(['<x>;rel="alternate"', "application/json", "5", "<" * 50]),
    ),
    max_size=4,
).map(tuple)


@pytest.mark.parametrize("verb", VERBS)
@settings(max_examples=150)
@given(status=st.sampled_from([200, 400]), headers=HEADERS, body=BODIES | BODIES | GARBAGE)
def test_no_answer_is_a_traceback(verb, status, headers, body):
    server = ScriptedServer(*(HttpAnswer(status, headers, body) for _ in range(12)))
    client = Client(f"{BASE}/dir", KEY, server.clock)
    client.resume(f"{BASE}/account/1")
    with pytest.MonkeyPatch.context() as patch, suppress(Problem, TransportError):
        patch.setitem(DIRECTORY, "renewalInfo", f"{BASE}/renewal")
        server.run(VERBS[verb](client))


@given(body=BODIES | GARBAGE)
def test_no_directory_is_a_traceback(body):
    server = ScriptedServer()
    server.answer = lambda _: HttpAnswer(200, (), body)
    with suppress(Problem, TransportError):
        server.run(Client(f"{BASE}/dir", KEY, server.clock).register())
