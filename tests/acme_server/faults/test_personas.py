"""What clients see of each persona."""

from __future__ import annotations

import pytest

from acme_server.faults.personas import PERSONAS, read_rules
from tests.acme_server.rig import BASE, START, Client, key, make_server, registered


def turn_into(client, name):
    for rule in read_rules({"persona": name}):
        client.server.world.faults.arm(rule, START)


def stale(client):
    """Send a nonce that is not the server's."""
    return client.post(f"{BASE}/new-order", {}, nonce="c3RhbGU")


def test_vault_gives_no_nonce_where_it_is_needed_most():
    client = registered()
    turn_into(client, "vault")
    refused = stale(client)
    assert (refused.outcome, refused.header("Replay-Nonce")) == ((400, "badNonce"), None)
    assert client.get("/nonce", "HEAD").header("Replay-Nonce") is None


def test_dogtag_answers_a_stale_nonce_with_a_page_and_finalize_without_location():
    client = registered()
    turn_into(client, "dogtag")
    refused = stale(client)
    assert (refused.status, refused.header("Content-Type")) == (500, "text/html")
    assert refused.header("Replay-Nonce") is None
    finalized = client.issue("www.example.org")
    assert (finalized.status, finalized.header("Location")) == (200, None)


def test_step_ca_lists_orders_as_a_bare_array_and_calls_unauthorized_401():
    client = registered()
    order = client.order("www.example.org")
    turn_into(client, "step-ca")
    assert client.post(f"{client.kid}/orders").json == [order.header("Location")]
    other = Client(client.server, key(2))
    other.register()
    refused = other.post(order.header("Location"))
    assert (refused.status, refused.json["status"], refused.type) == (401, 401, "unauthorized")


def test_rate_limited_refuses_every_second_order():
    client = registered()
    turn_into(client, "rate-limited")
    replies = [client.order("www.example.org") for _ in range(4)]
    # A client that asks for nonces meets the load balancer too, but not so soon.
    assert [reply.status for reply in replies] == [201, 429, 201, 429]
    assert replies[1].header("Retry-After") == "2"


def test_hostile_sends_what_no_shell_file_system_or_terminal_should_get():
    client = registered()
    turn_into(client, "hostile")
    (authorization,) = client.authorizations(client.order("www.example.org"))
    tokens = [challenge["token"] for challenge in authorization["challenges"]]
    challenge = client.post(authorization["challenges"][0]["url"]).json
    assert all(token.startswith("../../$(touch hostile);") for token in [*tokens, challenge["token"]])
    assert stale(client).json["detail"].startswith("\x1b[2J$(touch hostile)\r\n")


@pytest.mark.parametrize("name", PERSONAS)
def test_nobody_is_bothered_before_a_persona_is_armed(name):
    assert make_server().world.faults.armed == {}
    assert {rule.id for rule in read_rules([{"persona": name}])} == {
        f"{name}-{number}" for number in range(1, len(PERSONAS[name]) + 1)
    }
