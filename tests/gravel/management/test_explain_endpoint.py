"""`GET /explain/SUBJECT` of a running server, and the verb that asks it."""

from __future__ import annotations

import asyncio
import json
from functools import partial
from urllib.parse import quote

import click
import pytest
from click.testing import CliRunner

from gravel.cli import gravel
from tests.gravel.acme_on_wire import WireClient

START = "2026-01-01T00:00:00Z"


async def explained(management, subject, prefix=""):
    status, text = await management.get(f"{prefix}/explain/{quote(subject, safe='')}")
    return status, json.loads(text)


async def run(management, *arguments, **environment):
    """Run `gravel explain` beside the server; return the exit code, what it printed, and what it complained of."""
    addresses = management.running.addresses
    environment = {"ACME_MANAGEMENT": addresses.management, "ACME_TLS_CA": addresses.tls_ca, **environment}
    invoke = partial(CliRunner().invoke, gravel, ["explain", *arguments], env=environment, standalone_mode=False)
    result = await asyncio.to_thread(invoke)
    if isinstance(result.exception, click.ClickException):
        return result.exception.exit_code, result.stdout, result.exception.format_message()
    assert result.exception is None, result.exception
    return result.return_value, result.stdout, result.stderr


async def frozen_world(management):
    await management.ask("/worlds", id="w", seed=7, start=START, frozen=True)
    return WireClient(management, "w")


async def test_an_order_is_explained_by_name_and_by_url_in_its_own_world(manage):
    management = await manage()
    client = await frozen_world(management)
    await client.register()
    url, order = await client.order("a.test")
    for subject in ("a.test", url, f"order/{url.rpartition('/')[2]}", order["authorizations"][0]):
        status, told = await explained(management, subject, "/worlds/w")
        assert (status, told["verdict"]) == (200, "waiting")
        assert [finding["code"] for finding in told["findings"]] == ["challenge-not-responded"]
        assert told["timeline"][-1] == {"at": "2026-01-01T00:00:00.000000Z", "text": told["timeline"][-1]["text"]}
    assert (await explained(management, "a.test"))[0] == 404
    status, told = await explained(management, url)
    assert (status, told["error"]) == (404, f"{url} is in the world 'w'; ask there (--world w)")


async def test_what_is_issued_is_healthy(manage):
    management = await manage()
    client = await frozen_world(management)
    await client.issue("a.test")
    status, told = await explained(management, "a.test", "/worlds/w")
    assert (status, told["verdict"], told["findings"]) == (200, "healthy", [])


async def test_a_clock_that_stands_still_is_seen(manage):
    management = await manage()
    await management.ask("/worlds", id="w", frozen=True, settings={"issuance_delay": "1h"})
    client = WireClient(management, "w")
    with pytest.raises(AssertionError):
        await client.issue("a.test")
    _, told = await explained(management, "a.test", "/worlds/w")
    assert [finding["code"] for finding in told["findings"]] == ["clock-frozen", "issuance-under-way"]
    await management.ask("/worlds/w/clock", advance="next")
    _, told = await explained(management, "a.test", "/worlds/w")
    assert [finding["code"] for finding in told["findings"]] == ["certificate-not-fetched"]


async def test_the_verb_prints_what_the_endpoint_says(manage):
    management = await manage()
    client = await frozen_world(management)
    await client.register()
    url, order = await client.order("a.test")
    await client.post((await client.get(order["authorizations"][0]))["challenges"][1]["url"], {})
    await management.ask("/worlds/w/clock", advance=0)
    code, printed, _ = await run(management, "a.test", "--world", "w")
    assert code == 1, printed
    assert printed.startswith("a.test: failed\n\nWhat happened\n  2026-01-01T00:00:00.000Z  the account")
    assert (
        "\ntxt-missing (in the way): dns-01 of a.test failed: No TXT record found at _acme-challenge.a.test\n"
        in printed
    )
    assert "\n  whoever presents the challenge: write the TXT record" in printed
    code, printed, _ = await run(management, url, "--json")
    assert (code, json.loads(printed)) == (1, (await explained(management, url, "/worlds/w"))[1])


async def test_the_verb_tells_what_it_cannot_answer_in_one_line(manage):
    management = await manage()
    code, printed, said = await run(management, "nothing.test")
    assert (code, printed) == (2, "")
    assert said.startswith("nothing here is called 'nothing.test'; no client has got as far as a signed request here")
    code, _, said = await run(management, "a.test", ACME_MANAGEMENT="https://127.0.0.1:1")
    assert code == 2
    assert "\n" not in said


async def test_it_asks_the_server_that_is_named_without_its_ca(manage):
    management = await manage()
    client = WireClient(management)
    await client.issue("a.test")
    code, printed, said = await run(management, "a.test", "--management", management.running.addresses.management)
    assert (code, printed.partition("\n")[0]) == (0, "a.test: healthy"), said


async def test_beyond_loopback_it_shows_the_token(manage):
    management = await manage(management_token="t" * 24)
    client = WireClient(management)
    await client.register()
    await client.order("a.test")
    assert (await run(management, "a.test"))[0] == 2
    assert (await run(management, "a.test", "--management-token", "t" * 24))[0] == 0
    assert (await run(management, "a.test", GRAVEL_MANAGEMENT_TOKEN="t" * 24))[0] == 0
