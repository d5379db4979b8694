"""Terms of service that change while accounts exist (RFC 8555 section 7.3.3)."""

from __future__ import annotations

import pytest

from acme_server.exchange import Request
from acme_server.registration_authority.terms import with_terms
from acme_server.settings import Settings
from tests.acme_server.rig import BASE, START, Client, key, make_server, registered

OLD, NEW = "https://acme.test/terms/1", "https://acme.test/terms/2?a&b"


def change_terms(client, terms=NEW):
    world = client.server.world
    world.reconfigure(*with_terms(world.settings, terms), START)


@pytest.fixture
def client():
    return registered(Settings(terms_of_service=OLD))


def test_new_terms_stand_in_the_directory_and_new_accounts_agree_to_them(client):
    change_terms(client)
    assert client.get("/dir").json["meta"]["termsOfService"] == NEW
    other = Client(client.server, key(2))
    assert other.register(termsOfServiceAgreed=False).outcome == (403, "userActionRequired")
    assert other.register().status == 201
    assert other.order("www.example.org").status == 201


@pytest.mark.parametrize("before", [OLD, None])
def test_an_account_that_has_not_agreed_is_sent_to_where_a_human_does(before):
    client = registered(Settings(terms_of_service=before))
    change_terms(client)
    identifier = {"type": "dns", "value": "www.example.org"}
    for refused in (client.order("www.example.org"), client.post(f"{BASE}/new-authz", {"identifier": identifier})):
        assert refused.outcome == (403, "userActionRequired")
        assert f'<{NEW}>;rel="terms-of-service"' in refused.headers("Link")
        assert refused.json["instance"] == client.kid.replace("/account/", "/terms/")


def test_agreeing_is_one_button_on_the_page(client):
    change_terms(client)
    path = client.order("www.example.org").json["instance"].removeprefix(BASE)
    page = client.get(path)
    assert (page.status, page.header("Content-Type")) == (200, "text/html; charset=utf-8")
    assert b'href="https://acme.test/terms/2?a&amp;b"' in page.reply.body
    assert b'<form method="post"><button>' in page.reply.body
    assert client.order("www.example.org").status == 403
    for _ in range(2):
        agreed = client.send(Request("POST", path, {"content-type": "application/x-www-form-urlencoded"}))
        assert (agreed.status, b"<form" in agreed.reply.body) == (200, False)
    assert client.order("www.example.org").status == 201
    assert [entry.data for entry in client.server.world.journal if entry.kind == "TermsAgreed"] == [{"terms": NEW}]


def test_neither_an_update_nor_another_registration_agrees(client):
    change_terms(client)
    client.post(client.kid, {"termsOfServiceAgreed": True})
    assert client.register(termsOfServiceAgreed=True).status == 200
    assert client.order("www.example.org").outcome == (403, "userActionRequired")


def test_what_was_begun_under_the_old_terms_goes_on_and_can_be_ended(client):
    order = client.order("www.example.org")
    change_terms(client)
    client.authorize(order)
    assert client.finalize(order, ["www.example.org"]).json["status"] == "valid"
    assert client.post(client.kid, {"status": "deactivated"}).status == 200


def test_without_terms_nobody_has_to_agree(client):
    change_terms(client, None)
    assert "termsOfService" not in client.get("/dir").json["meta"]
    assert client.order("www.example.org").status == 201
    assert b"no terms" in client.get(client.kid.removeprefix(BASE).replace("/account/", "/terms/")).reply.body


def test_the_page_is_there_for_accounts_only():
    client = Client(make_server())
    assert [client.get("/terms/x", method).outcome for method in ("GET", "POST")] == [(404, "malformed")] * 2
