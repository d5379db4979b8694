"""The ACME client against scripts: what it sends, what it repeats, and what it makes of answers."""

from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from acme_server.protocol.encoding import b64url
from acme_server.protocol.identifier import Identifier
from acme_server.protocol.jwk import jwk_of
from acme_server.protocol.problem import Problem
from acme_server.protocol.vantage import HttpAnswer
from issuer_bridge.acme_client.client import Client
from issuer_bridge.acme_client.errors import TransportError
from tests.issuer_bridge.acme_client.made_certificates import KEY, certificate
from tests.issuer_bridge.scripted_server import BASE, NOW, ScriptedServer, answer, problem

ACCOUNT = f"{BASE}/account/1"
ORDER = {
    "status": "pending",
    "finalize": f"{BASE}/order/1/finalize",
    "authorizations": [f"{BASE}/authz/1"],
    "identifiers": [{"type": "dns", "value": "a.test"}],
}
AUTHORIZATION = {
    "status": "pending",
    "identifier": {"type": "dns", "value": "a.test"},
    "challenges": [{"type": "http-01", "url": f"{BASE}/chall/1", "status": "pending", "token": "tok"}],
}
SECOND = timedelta(seconds=1)


def client_of(server, key=KEY, registered=True, **options):
    client = Client(f"{BASE}/dir", key, server.clock, **options)
    if registered:
        server.script.insert(0, answer(201, {"status": "valid"}, Location=ACCOUNT))
        server.run(client.register())
    return client


def test_registering_sends_the_key_and_keeps_the_account_url():
    server = ScriptedServer(answer(201, {"status": "valid", "contact": ["mailto:a@b.test"]}, Location=ACCOUNT))
    client = client_of(server, registered=False)
    account = server.run(client.register(["mailto:a@b.test"]))
    assert (account.url, account.status, account.contact) == (ACCOUNT, "valid", ("mailto:a@b.test",))
    assert client.account_url == ACCOUNT
    assert server.payload(0) == {"termsOfServiceAgreed": True, "contact": ["mailto:a@b.test"]}
    assert {"alg": "ES256", "nonce": "n1", "url": f"{BASE}/account", "jwk": dict(jwk_of(KEY.public_key()).members)} == (
        server.header(0)
    )
    server.verify(0, jwk_of(KEY.public_key()))


def test_an_account_can_be_looked_up_without_creating_it():
    server = ScriptedServer(problem("accountDoesNotExist"))
    with pytest.raises(Problem, match="accountDoesNotExist"):
        server.run(client_of(server, registered=False).register(only_existing=True))
    assert server.payload(0) == {"onlyReturnExisting": True}


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (ec.derive_private_key(9, ec.SECP384R1()), "ES384"),
        (ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32)), "EdDSA"),
        (rsa.generate_private_key(65537, 2048), "RS256"),
    ],
)
def test_the_algorithm_follows_from_the_key(key, algorithm):
    server = ScriptedServer()
    client_of(server, key)
    assert server.header(0)["alg"] == algorithm
    server.verify(0, jwk_of(key.public_key()))


def test_after_registration_requests_carry_the_account_and_not_the_key():
    server = ScriptedServer(answer(200, ORDER))
    server.run(client_of(server).order(f"{BASE}/order/1"))
    header = server.header(1)
    assert (header["kid"], header.get("jwk")) == (ACCOUNT, None)
    assert server.payload(1) is None


def test_before_registration_nothing_else_is_sent():
    server = ScriptedServer()
    with pytest.raises(TransportError, match="not registered"):
        server.run(client_of(server, registered=False).order(f"{BASE}/order/1"))
    assert server.posts == []


def test_the_directory_is_fetched_once_and_nonces_come_with_answers():
    server = ScriptedServer(answer(200, ORDER, nonce="from-answer"), answer(200, ORDER))
    client = client_of(server)
    server.run(client.order(f"{BASE}/order/1"))
    server.run(client.order(f"{BASE}/order/1"))
    assert server.asked == [
        "GET /dir",
        "HEAD /nonce",
        "POST /account",
        "HEAD /nonce",
        "POST /order/1",
        "POST /order/1",
    ]
    assert server.header(2)["nonce"] == "from-answer"


def test_a_new_order_says_what_is_asked_for_and_knows_its_place():
    server = ScriptedServer(answer(201, ORDER, Location=f"{BASE}/order/1"))
    order = server.run(
        client_of(server).new_order([Identifier("dns", "a.test")], not_after=NOW + timedelta(days=1), profile="short")
    )
    assert server.payload(1) == {
        "identifiers": [{"type": "dns", "value": "a.test"}],
        "notAfter": "2026-01-02T00:00:00Z",
        "profile": "short",
    }
    assert (f"{BASE}/order/1", "pending", (f"{BASE}/authz/1",)) == (order.url, order.status, order.authorizations)


def test_finalizing_needs_no_location():
    """Pebble 2.9 and newer send none."""
    server = ScriptedServer(answer(200, {**ORDER, "status": "processing"}, Retry_After="3"))
    order = server.run(client_of(server).finalize(f"{BASE}/order/1/finalize", f"{BASE}/order/1", b"der"))
    assert server.payload(1) == {"csr": b64url(b"der")}
    assert (f"{BASE}/order/1", "processing", 3 * SECOND) == (order.url, order.status, order.retry_after)


def test_responding_posts_an_empty_object():
    server = ScriptedServer(answer(200, {**AUTHORIZATION["challenges"][0], "status": "processing"}))
    challenge = server.run(client_of(server).respond(f"{BASE}/chall/1"))
    assert server.payload(1) == {}
    assert challenge.status == "processing"


def test_contacts_are_replaced_at_the_account():
    server = ScriptedServer(answer(200, {"status": "valid", "contact": ["mailto:c@d.test"]}))
    account = server.run(client_of(server).update_contact(["mailto:c@d.test"]))
    assert server.payload(1) == {"contact": ["mailto:c@d.test"]}
    assert (account.url, server.posts[1].url) == (ACCOUNT, ACCOUNT)


def test_a_directory_without_a_resource_is_no_answer():
    server = ScriptedServer()
    client = client_of(server)
    with pytest.raises(TransportError, match="has no 'keyChange'"):
        server.run(client._session.url_of("keyChange"))


def test_a_certificate_is_revoked_by_its_der():
    server = ScriptedServer(answer(200))
    server.run(client_of(server).revoke(b"der", reason=4))
    assert server.payload(1) == {"certificate": b64url(b"der"), "reason": 4}


def test_profiles_are_read_off_the_directory():
    server = ScriptedServer()
    assert server.run(client_of(server).profiles()) == ("short",)


def test_a_refused_nonce_is_replaced_by_the_one_that_came_with_the_refusal():
    server = ScriptedServer(problem("badNonce", nonce="fresh"), answer(200, ORDER))
    server.run(client_of(server).order(f"{BASE}/order/1"))
    assert [server.header(number)["nonce"] for number in (1, 2)] == ["n2", "fresh"]


def test_old_nonces_are_not_tried_after_a_refusal():
    server = ScriptedServer(answer(200, ORDER, nonce="old"), problem("badNonce"), answer(200, ORDER))
    client = client_of(server)
    server.run(client.order(f"{BASE}/order/1"))
    server.run(client.order(f"{BASE}/order/1"))
    assert [server.header(number)["nonce"] for number in (2, 3)] == ["old", "n3"]


def test_after_a_refusal_the_whole_pool_is_suspect():
    """Two requests at once leave two nonces; a server that started again knows neither."""
    server = ScriptedServer(answer(200, ORDER, nonce="x1"), answer(200, ORDER, nonce="x2"))
    client = client_of(server)
    both = [client.order(f"{BASE}/order/{number}") for number in (1, 2)]
    questions = [next(inquiry) for inquiry in both]
    questions = [inquiry.send(server.answer(asked)) for inquiry, asked in zip(both, questions, strict=True)]
    for inquiry, asked in zip(both, questions, strict=True):
        with pytest.raises(StopIteration):
            inquiry.send(server.answer(asked))
    server.script += [problem("badNonce"), answer(200, ORDER)]
    server.run(client.order(f"{BASE}/order/3"))
    assert [server.header(number)["nonce"] for number in (3, 4)] == ["x2", "n4"]


def test_badnonce_is_tried_six_times_in_all():
    server = ScriptedServer(*(problem("badNonce", nonce=f"x{number}") for number in range(7)))
    with pytest.raises(Problem, match="badNonce"):
        server.run(client_of(server).order(f"{BASE}/order/1"))
    assert len(server.posts) - 1 == 6


def test_other_problems_are_not_repeated():
    server = ScriptedServer(problem("rateLimited", 429, Retry_After="60"))
    with pytest.raises(Problem) as caught:
        server.run(client_of(server).order(f"{BASE}/order/1"))
    assert (
        caught.value.kind,
        caught.value.status,
        caught.value.headers,
    ) == ("rateLimited", 429, (("Retry-After", "60"),))
    assert len(server.posts) - 1 == 1


@pytest.mark.parametrize(
    "broken",
    [
        HttpAnswer(error="connection reset"),
        HttpAnswer(200, (), b"<html>"),
        HttpAnswer(200, (), b"[]"),
        answer(200, {"status": "pending"}),
        answer(200, {**ORDER, "status": "on its way"}),
        answer(200, {**ORDER, "authorizations": "none"}),
        answer(200, {**ORDER, "status": "valid"}),
    ],
)
def test_an_answer_that_is_none_may_be_better_next_time(broken):
    server = ScriptedServer(broken)
    with pytest.raises(TransportError):
        server.run(client_of(server).order(f"{BASE}/order/1"))


def test_a_dropped_connection_uses_up_its_nonce():
    server = ScriptedServer(HttpAnswer(error="connection reset"), answer(200, ORDER))
    client = client_of(server)
    with pytest.raises(TransportError, match=r"POST https://ca\.test/order/1: connection reset"):
        server.run(client.order(f"{BASE}/order/1"))
    server.run(client.order(f"{BASE}/order/1"))
    assert [server.header(number)["nonce"] for number in (1, 2)] == ["n2", "n3"]


@pytest.mark.parametrize("document", [{}, {"identifier": {"value": "a"}}, {**AUTHORIZATION, "challenges": ["x"]}])
def test_an_authorization_that_says_nothing_is_no_answer(document):
    server = ScriptedServer(answer(200, document))
    with pytest.raises(TransportError):
        server.run(client_of(server).authorization(f"{BASE}/authz/1"))


def test_a_missing_location_is_no_answer():
    server = ScriptedServer(answer(201, ORDER))
    with pytest.raises(TransportError, match=r"POST https://ca\.test/order: the answer has no Location"):
        server.run(client_of(server).new_order([Identifier("dns", "a.test")]))


def test_a_chain_comes_as_it_is():
    chain = certificate(1) + certificate(2)
    server = ScriptedServer(HttpAnswer(200, (), chain))
    assert server.run(client_of(server).certificate(f"{BASE}/cert/1")) == chain.decode()
    assert ("Accept", "application/pem-certificate-chain") in server.posts[1].headers


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (b"", "has 0 certificates"),
        (b"".join(certificate(number) for number in range(1, 7)), "has 6 certificates"),
        (b"the leaf:\n" + certificate(1), "text outside"),
        (certificate(1).replace(b"CERTIFICATE", b"PUBLIC KEY"), "holds a PUBLIC KEY"),
        (certificate(1)[:-30], "text outside"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "chain"),
    ],
)
def test_a_chain_that_is_anything_else_is_refused(body, complaint):
    server = ScriptedServer(HttpAnswer(200, (), body))
    with pytest.raises(TransportError, match=complaint):
        server.run(client_of(server).certificate(f"{BASE}/cert/1"))


def authorization(status, **headers):
    return answer(200, {**AUTHORIZATION, "status": status}, **headers)


def poll(server, patience=timedelta(minutes=2)):
    client = client_of(server)
    return server.run(
        client.poll(lambda: client.authorization(f"{BASE}/authz/1"), lambda found: found.status != "pending", patience)
    )


def test_polling_goes_at_the_pace_that_the_server_asks_for():
    http_date = "Thu, 01 Jan 2026 00:00:15 GMT"
    server = ScriptedServer(
        authorization("pending"),
        authorization("pending", Retry_After="7"),
        authorization("pending", Retry_After=http_date),
        authorization("pending", Retry_After="soon"),
        authorization("valid"),
    )
    assert poll(server).status == "valid"
    assert server.pauses == [SECOND, 7 * SECOND, 7 * SECOND, SECOND]


def test_polling_never_spins_when_the_server_says_zero_or_a_time_that_has_passed():
    server = ScriptedServer(
        authorization("pending", Retry_After="0"),
        authorization("pending", Retry_After="Thu, 01 Jan 2015 00:00:00 GMT"),
        authorization("valid"),
    )
    poll(server)
    assert server.pauses == [SECOND, SECOND]


def test_polling_ends_with_patience_whatever_the_server_asks_for():
    """cert-manager#5690: a Retry-After of a day."""
    server = ScriptedServer(*(authorization("pending", Retry_After="86400") for _ in range(2)))
    assert poll(server) is None
    assert server.pauses == [timedelta(minutes=2)]


def test_trust_and_verification_are_asked_of_every_request():
    server = ScriptedServer()
    client_of(server, trust="PEM", verify=False, user_agent="gravel/1")
    (post,) = server.posts
    assert (post.trust, post.verify) == ("PEM", False)
    assert ("User-Agent", "gravel/1") in post.headers
