"""Answers that are none: each is one sentence that says what was asked, and what is wrong; and which chain is taken."""

import pytest

from acme_server.protocol.identifier import Identifier
from acme_server.protocol.problem import Problem
from acme_server.protocol.vantage import HttpAnswer
from issuer_bridge.acme_client.client import Client
from issuer_bridge.acme_client.errors import TransportError
from tests.issuer_bridge.acme_client.made_certificates import KEY, certificate
from tests.issuer_bridge.scripted_server import BASE, DIRECTORY, ScriptedServer, answer, problem

ACCOUNT = f"{BASE}/account/1"
MADE = answer(201, {"status": "valid"}, Location=ACCOUNT)
ORDER = {"status": "pending", "finalize": f"{BASE}/f", "authorizations": [f"{BASE}/authz/1"]}
CHALLENGE = {"type": "http-01", "url": f"{BASE}/c", "status": "pending", "token": "../../etc/passwd"}
SNEAKY = {"status": "pending", "identifier": {"type": "dns", "value": "a.test"}, "challenges": [CHALLENGE]}
HTML = (("Content-Type", "text/html; charset=utf-8"),)
JSON = (("Content-Type", "application/json; charset=utf-8"),)
PEM = (("Content-Type", "application/pem-certificate-chain"),)


def client_of(server):
    client = Client(f"{BASE}/dir", KEY, server.clock)
    client.resume(ACCOUNT)
    return client


VERBS = {
    "register": lambda client: client.register(),
    "new_order": lambda client: client.new_order([Identifier("dns", "a.test")]),
    "order": lambda client: client.order(f"{BASE}/order/1"),
    "authorization": lambda client: client.authorization(f"{BASE}/authz/1"),
    "certificate": lambda client: client.certificate(f"{BASE}/cert/1"),
}


@pytest.mark.parametrize(
    ("verb", "given", "sentence"),
    [
        ("register", answer(201, {"status": "valid"}), "POST {}/account: the answer has no Location"),
        (
            "register",
            answer(201, {"status": "gone"}, Location=ACCOUNT),
            "account has the status 'gone', which RFC 8555",
        ),
        (
            "register",
            answer(201, {"status": "valid", "contact": "a"}, Location=ACCOUNT),
            "a 'contact' that is not a list",
        ),
        ("new_order", answer(201, ORDER), "POST {}/order: the answer has no Location"),
        ("order", HttpAnswer(200, HTML, b"<html>"), "POST {}/order/1: the answer is text/html, not application/json"),
        ("order", HttpAnswer(200, JSON, b"{"), "POST {}/order/1: the answer is not JSON"),
        ("order", HttpAnswer(200, JSON, b"[]"), "POST {}/order/1: the answer is not a JSON object"),
        ("order", HttpAnswer(200, JSON, b" " * 2**21), "POST {}/order/1: the answer is longer than 1048576 bytes"),
        ("order", answer(200, {**ORDER, "finalize": 7}), "the server's order has no 'finalize'"),
        ("authorization", answer(200, {"status": "valid"}), "authorization has no 'identifier' or no 'challenges'"),
        ("authorization", answer(200, SNEAKY), "the server's challenge has a 'token' that is not base64url"),
        ("certificate", HttpAnswer(200, JSON, certificate()), "not application/pem-certificate-chain"),
        ("certificate", HttpAnswer(200, PEM, b"no"), "the certificate chain has text outside its PEM blocks"),
    ],
)
def test_what_the_client_cannot_rely_on_is_one_sentence(verb, given, sentence):
    server = ScriptedServer(given)
    with pytest.raises(TransportError) as caught:
        server.run(VERBS[verb](client_of(server)))
    assert sentence.format(BASE) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(server.posts) == 1


@pytest.mark.parametrize(
    "url", ["http://ca.test/order/1", "ftp://ca.test/order/1", "order/1", "", "//ca.test/order", "https://a b/"]
)
def test_a_url_of_another_scheme_or_none_at_all_is_not_asked(url):
    server = ScriptedServer()
    with pytest.raises(TransportError, match=r"is no URL to follow from https://ca\.test/dir"):
        server.run(client_of(server).order(url))
    assert server.posts == []


def test_a_directory_without_tls_may_lead_anywhere_on_the_web():
    server = ScriptedServer(answer(200, ORDER))
    client = Client("http://ca.test/dir", KEY, server.clock)
    client.resume(ACCOUNT)
    server.answer = lambda question, ask=server.answer: (
        answer(200, DIRECTORY) if question.url == "http://ca.test/dir" else ask(question)
    )
    assert server.run(client.order(f"{BASE}/order/1")).status == "pending"


def test_a_location_may_be_relative():
    server = ScriptedServer(answer(201, ORDER, Location="/order/1"))
    assert server.run(client_of(server).new_order([Identifier("dns", "a.test")])).url == f"{BASE}/order/1"


@pytest.mark.parametrize("refusal", [problem("badNonce", 400), answer(400, {"type": "urn:acme:error:badnonce"})])
def test_a_nonce_that_is_refused_with_400_is_tried_again_at_once(refusal):
    server = ScriptedServer(refusal, answer(200, ORDER))
    assert server.run(client_of(server).order(f"{BASE}/order/1")).status == "pending"
    assert (len(server.posts), server.pauses) == (2, [])


@pytest.mark.parametrize(
    "refusal",
    [
        problem("badNonce", 403),
        problem("rateLimited", 429, Retry_After="1"),
        problem("serverInternal", 500),
        HttpAnswer(503, (("Retry-After", "1"),), b"busy"),
        HttpAnswer(301, (("Location", f"{BASE}/elsewhere"),)),
        problem("malformed", 400),
    ],
    ids=["badNonce with 403", "429", "500", "503", "a redirect", "malformed"],
)
def test_nothing_else_is_tried_again(refusal):
    server = ScriptedServer(refusal)
    with pytest.raises(Problem) as caught:
        server.run(client_of(server).order(f"{BASE}/order/1"))
    assert (caught.value.status, len(server.posts), server.pauses) == (refusal.status, 1, [])


def test_the_status_of_the_answer_counts_and_not_that_of_its_document():
    server = ScriptedServer(answer(503, {"type": "urn:ietf:params:acme:error:malformed", "status": 400}))
    with pytest.raises(Problem) as caught:
        server.run(client_of(server).order(f"{BASE}/order/1"))
    assert (caught.value.kind, caught.value.status) == ("malformed", 503)


def test_a_nonce_that_is_not_base64url_is_not_used():
    server = ScriptedServer(answer(200, ORDER, nonce="no/nonce"), answer(200, ORDER))
    client = client_of(server)
    for _ in range(2):
        server.run(client.order(f"{BASE}/order/1"))
    assert [server.header(number)["nonce"] for number in range(2)] == ["n1", "n2"]


def test_the_pool_of_nonces_is_bounded():
    server = ScriptedServer(*(answer(200, ORDER) for _ in range(300)))
    client = client_of(server)
    for number in range(150):
        server.script.insert(0, answer(200, ORDER, nonce=f"old{number}"))
    # All are asked at once, so that each takes a nonce from the server, and each answer leaves one.
    asking = [client.order(f"{BASE}/order/1") for _ in range(150)]
    questions = [next(one) for one in asking]
    while questions:
        left = []
        for one, question in zip(asking, questions, strict=True):
            try:
                left.append((one, one.send(server.answer(question))))
            except StopIteration:
                continue
        asking, questions = [one for one, _ in left], [question for _, question in left]
    before = server.asked.count("HEAD /nonce")
    for _ in range(101):
        server.run(client.order(f"{BASE}/order/1"))
    assert (before, server.asked.count("HEAD /nonce")) == (150, 151)


@pytest.mark.parametrize(
    ("answered", "complaint"),
    [
        (HttpAnswer(503, (), b"busy"), "503 about:blank: busy"),
        (HttpAnswer(200), "newNonce of https://ca.test/dir gave no Replay-Nonce"),
        (HttpAnswer(error="timeout"), "HEAD https://ca.test/nonce: timeout"),
    ],
)
def test_a_server_without_nonces_is_not_asked_further(answered, complaint):
    server = ScriptedServer()
    ask = server.answer
    server.answer = lambda question: answered if question.method == "HEAD" else ask(question)
    with pytest.raises((Problem, TransportError)) as caught:
        server.run(client_of(server).order(f"{BASE}/order/1"))
    assert str(caught.value) == complaint


LINKS = {
    "one a line": [f'<{BASE}/cert/1/1>;rel="alternate"', f'<{BASE}/cert/1/2>;rel="alternate"'],
    "all in one": [f'<{BASE}/dir>;rel="index", <{BASE}/cert/1/1>; rel="alternate", <{BASE}/cert/1/2>; rel=alternate'],
    "relative, with more": ['</cert/1/1>;title="a, b";rel="up alternate"', '</cert/1/2>;REL="Alternate"'],
}


def chain(top, links=()):
    headers = (*PEM, *(("Link", link) for link in links))
    return HttpAnswer(200, headers, certificate(1, "CA") + certificate(2, top))


@pytest.mark.parametrize("links", LINKS.values(), ids=LINKS)
@pytest.mark.parametrize(
    ("preferred", "asked", "top"),
    [("", 1, "Root"), ("Root", 1, "Root"), ("Other", 2, "Other"), ("Third", 3, "Third"), ("Nobody", 3, "Root")],
)
def test_the_preferred_chain_is_found_by_who_issued_its_last_certificate(links, preferred, asked, top):
    """As cert-manager's preferredChain; without a match the server's choice stays."""
    server = ScriptedServer(chain("Root", links), chain("Other"), chain("Third"))
    found = server.run(client_of(server).certificate(f"{BASE}/cert/1", preferred))
    assert found.encode() == chain(top).body
    urls = [f"{BASE}/cert/1", f"{BASE}/cert/1/1", f"{BASE}/cert/1/2"]
    assert [post.url for post in server.posts] == urls[:asked]


def test_all_chains_can_be_had_but_not_without_end():
    links = [f'<{BASE}/cert/1/{number}>;rel="alternate"' for number in range(50)]
    server = ScriptedServer(chain("Root", links), *(chain(f"R{number}") for number in range(50)))
    chains = server.run(client_of(server).chains(f"{BASE}/cert/1"))
    assert chains == tuple(one.body.decode() for one in (chain("Root"), *(chain(f"R{n}") for n in range(10))))
