"""Accounts on the wire (RFC 8555 section 7.3)."""

from __future__ import annotations

import pytest

from acme_server.settings import Settings
from tests.acme_server.rig import BASE, Client, make_server, registered

TERMS = "https://acme.test/terms"


def kinds(client):
    return [entry.kind for entry in client.server.world.journal]


def test_a_new_account_has_a_url_and_an_object_without_what_the_rfc_keeps_out():
    client = Client(make_server())
    created = client.register(
        contact=["mailto:a@example.org"], orders="https://evil.test", onlyReturnExisting=False, unknown=1
    )
    assert created.status == 201
    assert created.header("Location").startswith(f"{BASE}/account/")
    assert created.json == {
        "status": "valid",
        "contact": ["mailto:a@example.org"],
        "termsOfServiceAgreed": True,
        "orders": created.header("Location") + "/orders",
    }


def test_an_existing_key_gets_its_account_back_unchanged():
    client = Client(make_server())
    created = client.register(contact=["mailto:a@example.org"])
    again = client.register(contact=["mailto:b@example.org"])
    assert (200, created.header("Location"), created.json) == (again.status, again.header("Location"), again.json)


def test_fifty_registrations_of_one_key_make_one_account():
    client = Client(make_server())
    responses = [client.register() for _ in range(50)]
    assert [response.status for response in responses] == [201] + [200] * 49
    assert len({response.header("Location") for response in responses}) == 1
    assert kinds(client) == ["AccountCreated"]


def test_only_return_existing_never_creates():
    client = Client(make_server())
    response = client.register(onlyReturnExisting=True)
    assert response.outcome == (400, "accountDoesNotExist")
    assert kinds(client) == ["RequestRefused"]
    location = client.register().header("Location")
    found = client.register(onlyReturnExisting=True)
    assert (200, location) == (found.status, found.header("Location"))


@pytest.mark.parametrize("name", ["onlyReturnExisting", "termsOfServiceAgreed"])
@pytest.mark.parametrize("value", ["true", 1, None, []])
def test_a_flag_is_true_or_false(name, value):
    assert Client(make_server()).register(**{name: value}).outcome == (400, "malformed")


CONTACTS = [
    (["mailto:a@example.org?subject=x"], "invalidContact"),
    (["mailto:a@example.org,b@example.org"], "invalidContact"),
    (["mailto:"], "invalidContact"),
    (["mailto:nobody"], "invalidContact"),
    (["mailto:a@b@example.org"], "invalidContact"),
    (["mailto:a b@example.org"], "invalidContact"),
    (["mailto:a@example.org\r\nX: y"], "invalidContact"),
    (["mailto:a@exämple.org"], "invalidContact"),
    (["a@example.org"], "invalidContact"),
    ([""], "invalidContact"),
    (["mailto:a@example.org"] * 11, "invalidContact"),
    (["tel:+123"], "unsupportedContact"),
    (["https://example.org"], "unsupportedContact"),
    (["mailto:a@example.org", "tel:+123"], "unsupportedContact"),
    ("mailto:a@example.org", "malformed"),
    ([7], "malformed"),
    ([None], "malformed"),
    ({"a": 1}, "malformed"),
]


@pytest.mark.parametrize(("contact", "kind"), CONTACTS)
def test_contacts_that_cannot_be_used_are_refused_everywhere(contact, kind):
    client = Client(make_server())
    assert client.register(contact=contact).outcome == (400, kind)
    client.register()
    assert client.post(client.kid, {"contact": contact}).outcome == (400, kind)
    assert client.post(client.kid).json["contact"] == []


@pytest.mark.parametrize(
    "contact", [["mailto:a@example.org"], ["MAILTO:a+b@sub.example.org", "mailto:c@localhost"], []]
)
def test_contacts_that_can_be_used_are_kept_as_they_are(contact):
    client = registered()
    assert contact == client.post(client.kid, {"contact": contact}).json["contact"]
    assert contact == client.post(client.kid).json["contact"]


def test_ten_thousand_contacts_do_not_fit_into_a_request():
    assert registered().register(contact=["mailto:a@example.org"] * 10_000).outcome == (413, "malformed")


def test_terms_must_be_agreed_to_where_there_are_some():
    client = Client(make_server(Settings(terms_of_service=TERMS)))
    refused = client.register(termsOfServiceAgreed=False)
    assert refused.outcome == (403, "userActionRequired")
    assert f'<{TERMS}>;rel="terms-of-service"' in refused.headers("Link")
    assert client.register().status == 201
    assert client.get("/dir").json["meta"]["termsOfService"] == TERMS


def test_an_update_ignores_what_a_client_may_not_change():
    client = registered()
    before = client.post(client.kid).json
    changes = {"orders": "x", "termsOfServiceAgreed": False, "status": "revoked", "unknown": 1}
    assert before == client.post(client.kid, changes).json
    assert kinds(client) == ["AccountCreated"]


def test_an_empty_update_is_no_change_and_an_empty_payload_is_a_read():
    client = registered()
    assert client.post(client.kid, {}).json == client.post(client.kid).json


def test_a_deactivated_account_gets_401_for_everything():
    client = registered(Settings(always_valid=True))
    order = client.issue("www.example.org")
    urls = {
        client.kid: [None, {}, {"status": "deactivated"}],
        f"{client.kid}/orders": [None],
        f"{BASE}/new-order": [{"identifiers": [{"type": "dns", "value": "a.example.org"}]}],
        order.header("Location"): [None],
        order.json["finalize"]: [{"csr": "AA"}],
        order.json["authorizations"][0]: [None, {"status": "deactivated"}],
        order.json["certificate"]: [None],
        f"{BASE}/revoke-cert": [{"certificate": "AA"}],
        f"{BASE}/dir": [None],
        f"{BASE}/nonce": [None],
    }
    deactivated = client.post(client.kid, {"status": "deactivated"})
    assert (deactivated.status, deactivated.json["status"]) == (200, "deactivated")
    for url, payloads in urls.items():
        for payload in payloads:
            assert client.post(url, payload).outcome == (401, "unauthorized"), url
    assert client.register().outcome == (401, "unauthorized")
    assert client.register(onlyReturnExisting=True).outcome == (401, "unauthorized")


def test_contacts_and_deactivation_can_come_together():
    client = registered()
    last = client.post(client.kid, {"status": "deactivated", "contact": ["mailto:a@example.org"]}).json
    assert (last["status"], last["contact"]) == ("deactivated", ["mailto:a@example.org"])
    assert kinds(client) == ["AccountCreated", "AccountUpdated", "AccountDeactivated"]
