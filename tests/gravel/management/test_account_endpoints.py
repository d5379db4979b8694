"""Terms of service and external accounts over the management API, with real requests to the directory."""

from __future__ import annotations

import json

import pytest

from tests.acme_server.registration_authority.test_external_accounts import binding
from tests.acme_server.rig import key
from tests.gravel.acme_on_wire import WireClient

TERMS = "https://a.test/terms/2"
NAME = [{"type": "dns", "value": "a.test"}]


@pytest.mark.parametrize("prefix", ["", "/worlds/w"])
async def test_new_terms_are_agreed_to_where_the_problem_says(manage, prefix):
    management = await manage(terms_of_service="https://a.test/terms/1")
    await management.ask("/worlds", id="w")
    client = WireClient(management, prefix.rpartition("/")[2] or "default")
    await client.register()
    await management.ask(f"{prefix}/set-terms-of-service", url=TERMS)
    new_order = f"{client.base}/new-order", {"identifiers": NAME}
    status, headers, body = await client.post(*new_order)
    problem = json.loads(body)
    assert (status, problem["type"]) == (403, "urn:ietf:params:acme:error:userActionRequired")
    assert f'<{TERMS}>;rel="terms-of-service"' in headers.getall("Link")
    async with client.session.get(problem["instance"]) as page:
        assert (page.status, TERMS in await page.text()) == (200, True)
    async with client.session.post(problem["instance"], data={}) as page:
        assert (page.status, "have agreed" in await page.text()) == (200, True)
    assert (await client.post(*new_order))[0] == 201
    await management.ask(f"{prefix}/set-terms-of-service", url="")
    async with client.session.get(f"{client.base}/dir") as answer:
        assert "termsOfService" not in (await answer.json()).get("meta", {})


async def test_an_external_account_is_made_up_or_given_and_replaced(manage):
    management = await manage()
    await management.ask("/worlds", id="w", seed=7, settings={"external_account_required": True})
    made = await management.ask("/worlds/w/external-accounts")
    again = await management.ask("/worlds/w/external-accounts", kid=made["kid"], key="c2VjcmV0")
    assert (again["kid"], again["key"] != made["key"]) == (made["kid"], True)
    client = WireClient(management, "w", key(5))
    url = f"{client.base}/new-account"
    for mac_key, status in ((b"other", 403), (b"secret", 201)):
        bound = binding(client.signer, made["kid"], mac_key, url=url)
        assert (await client.post(url, {"externalAccountBinding": bound}))[0] == status
    journal = (await management.get("/worlds/w/journal"))[1]
    assert journal.count("ExternalAccountAdded") == 2
    assert "c2VjcmV0" not in journal + made["key"]


async def test_what_was_set_is_in_snapshots_and_gone_after_a_reset(manage):
    management = await manage()
    await management.ask("/worlds", id="w")
    await management.ask("/worlds/w/set-terms-of-service", url=TERMS)
    taken = await management.ask("/worlds/w/snapshot")

    def terms():
        return management.running.worlds.get("w").world.settings.terms_of_service

    await management.ask("/worlds/w/reset")
    assert terms() is None
    await management.ask("/worlds/w/restore", **taken)
    assert terms() == TERMS
