"""Personalities: each difference on the wire, beside what the others say."""

from __future__ import annotations

from datetime import timedelta
from email.utils import parsedate_to_datetime

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from acme_server.exchange import Request
from acme_server.front_end import ROUTES
from acme_server.personality import BOULDER, PEBBLE, PERSONALITIES, RFC8555
from acme_server.protocol.encoding import b64url
from acme_server.settings import Settings
from tests.acme_server.rig import BASE, JOSE, START, Client, csr, leaf_of, make_server

NAMES = tuple(PERSONALITIES)
SUFFIXES = ("test", "co.test")


def client_of(name, **settings):
    """A client that finds its paths in the directory, with an account."""
    personality = PERSONALITIES[name]
    client = Named(make_server(Settings(personality=personality, public_suffixes=SUFFIXES, **settings)))
    client.paths = client.get(personality.paths.get("/dir", "/dir")).json
    client.register()
    return client


class Named(Client):
    """Speaks to whatever paths there are, and says who it is."""

    paths: dict

    def send(self, request):
        headers = {"user-agent": "test", **request.headers}
        return super().send(Request(request.method, request.path, headers, request.body))

    def nonce(self):
        return self.get(self.paths["newNonce"].removeprefix(BASE), "HEAD").header("Replay-Nonce")

    def register(self, **payload):
        self.kid = None
        response = self.post(self.paths["newAccount"], {"termsOfServiceAgreed": True, **payload})
        self.kid = response.header("Location")
        return response

    def order(self, *names, **payload):
        identifiers = [{"type": "dns", "value": name} for name in names]
        return self.post(self.paths["newOrder"], {"identifiers": identifiers, **payload})


def told(response):
    problem = response.json if response.reply.body else {}
    return response.status, problem.get("type", "").rpartition(":")[2]


def closed(client):
    client.post(client.kid, {"status": "deactivated"})
    return client.order("a.test")


def without_user_agent(client):
    request = client.signed(client.paths["newOrder"], {"identifiers": []})
    return Client.send(client, request)


def signed_for_another_url(client):
    body = client.signed(client.paths["newAccount"], {}).body
    return client.send(Request("POST", client.paths["newOrder"].removeprefix(BASE), JOSE, body))


def typed(client, content_type):
    request = client.signed(client.paths["newOrder"], {"identifiers": []})
    return client.send(Request("POST", request.path, {"content-type": content_type}, request.body))


# What is done -> what each says of it, in the order of PERSONALITIES.
ANSWERS = {
    "a closed account": (closed, (401, "unauthorized"), (403, "unauthorized"), (403, "unauthorized")),
    "a JWS for another URL": (
        signed_for_another_url,
        (403, "unauthorized"),
        (400, "malformed"),
        (400, "malformed"),
    ),
    "another Content-Type": (
        lambda client: typed(client, "application/json"),
        (415, "malformed"),
        (415, "malformed"),
        (400, "malformed"),
    ),
    "no User-Agent": (without_user_agent, (400, "malformed"), (400, "malformed"), (400, "malformed")),
    "what is not there": (
        lambda client: client.post(BASE + "/none"),
        (404, "malformed"),
        (404, ""),
        (404, "malformed"),
    ),
    "a blocked name": (
        lambda client: client.order("www.blocked.test"),
        (403, "rejectedIdentifier"),
        (400, "rejectedIdentifier"),
        (400, "rejectedIdentifier"),
    ),
    "an unknown type of name": (
        lambda client: client.post(client.paths["newOrder"], {"identifiers": [{"type": "phone", "value": "1"}]}),
        (400, "unsupportedIdentifier"),
        (400, "malformed"),
        (400, "unsupportedIdentifier"),
    ),
    "a date": (
        lambda client: client.order("a.test", notAfter="2026-12-22T12:00:00Z"),
        (201, ""),
        (201, ""),
        (400, "malformed"),
    ),
    "eleven labels": (
        lambda client: client.order("a." * 10 + "test"),
        (201, ""),
        (201, ""),
        (400, "malformed"),
    ),
    "a suffix that is nobody's": (
        lambda client: client.order("a.local"),
        (201, ""),
        (201, ""),
        (400, "malformed"),
    ),
    "a public suffix": (lambda client: client.order("co.test"), (201, ""), (201, ""), (400, "malformed")),
    "a name that a wildcard covers": (
        lambda client: client.order("*.a.test", "b.a.test"),
        (201, ""),
        (201, ""),
        (400, "malformed"),
    ),
    "an order, read by GET": (
        lambda client: client.get(client.order("a.test").header("Location").removeprefix(BASE)),
        (405, "malformed"),
        (405, "malformed"),
        (200, ""),
    ),
}


@pytest.mark.parametrize("number", range(len(NAMES)), ids=NAMES)
@pytest.mark.parametrize("what", ANSWERS)
def test_each_answers_as_its_model_does(what, number):
    act, *expected = ANSWERS[what]
    assert expected[number] == told(act(client_of(NAMES[number], blocked_names=("blocked.test",))))


def test_only_pebble_wants_a_user_agent():
    said = {name: without_user_agent(client_of(name)).json["detail"] for name in NAMES}
    assert [name for name, detail in said.items() if "User-Agent" in detail] == ["pebble"]


def test_boulder_says_by_its_words_that_a_name_is_refused():
    client = client_of("boulder", blocked_names=("blocked.test",))
    for name, reason in (
        ("blocked.test", "it is forbidden by policy"),
        ("a.local", "Domain name does not end with a valid public suffix (TLD)"),
        ("co.test", "Domain name is an ICANN TLD"),
        ("*.co.test", "Domain name is a wildcard for an ICANN TLD"),
        ("a." * 10 + "test", "Domain name has more than 10 labels (parts)"),
    ):
        detail = client.order(name).json["detail"]
        assert detail.startswith(f'Invalid identifiers requested :: Cannot issue for "{name}": ')
        assert detail.endswith(reason)


@pytest.mark.parametrize("name", NAMES)
def test_a_certificate_is_got_by_the_urls_that_are_handed_out(name):
    client = client_of(name)
    order = client.order("a.test")
    for authorization in client.authorizations(order):
        client.post(client.show(authorization, "dns-01"), {})
    client.driver.run()
    done = client.post(order.json["finalize"], {"csr": b64url(csr(["a.test"]))})
    assert (done.status, done.json["status"]) == (200, "valid")
    chain = client.post(done.json["certificate"])
    assert chain.reply.body.startswith(b"-----BEGIN CERTIFICATE-----")


@pytest.mark.parametrize("personality", PERSONALITIES.values(), ids=NAMES)
def test_every_path_of_a_personality_leads_to_its_route_and_no_renamed_one_does(personality):
    patterns = [route.pattern for route in ROUTES]
    for pattern in patterns:
        own = personality.paths.get(pattern, pattern)
        filled = {"account": "A", "after": "B", "order": "C", "authorization": "D", "index": "0"}
        filled |= {"certificate": "E", "certid": "F.G", "signer": "H", "number": "1"}
        assert pattern.format_map(filled) == personality.route_of(own.format_map(filled))
        if own != pattern:
            assert personality.route_of(pattern.format_map(filled)) == ""


def test_arrays_are_shuffled_by_pebble_alone():
    names = [f"{letter}.test" for letter in "abcdefgh"]
    orders = {name: client_of(name).order(*names).json["identifiers"] for name in NAMES}
    assert [name for name in NAMES if [each["value"] for each in orders[name]] != names] == ["pebble"]
    assert names == sorted(each["value"] for each in orders["pebble"])


def test_pebble_now_and_then_says_retry_after_as_a_date():
    client = client_of("pebble")
    (url,) = client.order("a.test").json["authorizations"]
    challenge = next(item for item in client.post(url).json["challenges"] if item["type"] == "http-01")
    client.post(challenge["url"], {})
    said = [client.post(url).header("Retry-After") for _ in range(40)]
    dates = [parsedate_to_datetime(text) for text in said if not text.isdigit()]
    assert 0 < len(dates) < len(said)
    assert {START.replace(microsecond=0) + timedelta(seconds=1)} == {*dates}


@pytest.mark.parametrize(
    ("name", "members"),
    [("rfc8555", ["contact", "orders", "status", "termsOfServiceAgreed"]), ("pebble", ["key", "orders", "status"])],
)
def test_pebbles_accounts_show_their_key_and_say_less_else(name, members):
    client = client_of(name)
    assert members == sorted(client.post(client.kid).json)
    client.post(client.kid, {"contact": ["mailto:a@b.test"]})
    assert client.post(client.kid).json["contact"] == ["mailto:a@b.test"]


@pytest.mark.parametrize(("name", "status"), [("rfc8555", 200), ("pebble", 404), ("boulder", 200)])
def test_only_pebble_hides_a_revoked_certificate(name, status):
    client = client_of(name)
    order = client.order("a.test")
    client.authorize(order)
    url = client.finalize(order, ["a.test"]).json["certificate"]
    leaf = leaf_of(client.post(url).reply.body).public_bytes(Encoding.DER)
    assert client.post(client.paths["revokeCert"], {"certificate": b64url(leaf)}).status == 200
    assert client.post(url).status == status


def test_pebble_leaves_the_algorithms_out():
    for personality, has in ((RFC8555, True), (PEBBLE, False), (BOULDER, True)):
        client = client_of(personality.name)
        answer = client.post(client.paths["newOrder"], {}, alg="HS256")
        assert ("badSignatureAlgorithm", has) == (told(answer)[1], "algorithms" in answer.json)


def test_an_order_finalized_too_early_is_told_in_pebbles_words():
    client = client_of("pebble")
    answer = client.post(client.order("a.test").json["finalize"], {"csr": b64url(csr(["a.test"]))})
    assert answer.json["detail"] == 'Order\'s status ("pending") was not ready'


def test_a_nonce_that_was_spent_is_told_in_boulders_words():
    client = client_of("boulder")
    answer = client.post(client.paths["newOrder"], {}, nonce="AAAA")
    assert answer.json["detail"] == "JWS has an invalid anti-replay nonce"
