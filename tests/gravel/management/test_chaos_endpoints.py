"""/chaos: experiments are listed, begun, felt and ended, over the management API and by `gravel chaos`."""

from __future__ import annotations

import asyncio
import json
from functools import partial

import pytest

from gravel import cli
from gravel.chaos.experiments import EXPERIMENTS
from gravel.metrics.exposition import text_of
from tests.gravel.acme_on_wire import WireClient
from tests.gravel.metrics import samples


async def listed(management, name):
    """How an experiment stands."""
    _, text = await management.get("/chaos")
    return next(one for one in json.loads(text)["experiments"] if one["name"] == name)


def gravel(management, capsys, *arguments):
    """Run `gravel chaos`; return its exit code, what it printed and what it complained of."""
    code = cli.run(["chaos", "--management", management.running.addresses.management, *arguments])
    return (code, *capsys.readouterr())


async def test_every_experiment_is_listed_with_what_is_promised(manage):
    management = await manage()
    _, text = await management.get("/chaos")
    found = json.loads(text)["experiments"]
    assert [one["name"] for one in found] == list(EXPERIMENTS)
    assert {one["name"] for one in found if one["has_target"]} == {
        "revoked-ca",
        "corrupt-signing-key",
        "signer-unavailable",
        "deleted-secrets",
    }
    assert found[0]["recovery"] == 3900
    assert not any(one["on"] or one["hits"] for one in found)


@pytest.mark.seed("B67")
async def test_an_experiment_is_felt_until_it_ends_and_is_counted_by_its_name(manage):
    management = await manage()
    await management.ask("/clock", freeze=True)
    begun = await management.ask("/chaos", **{"name": "revoked-ca", "for": "5m"})
    assert (begun["on"], begun["hits"]) == (True, 0)
    with pytest.raises(AssertionError, match="the CA's certificate is revoked"):
        await WireClient(management).issue("a.test")
    assert (await listed(management, "revoked-ca"))["hits"] == 1
    metrics = samples.read(text_of(await management.running.metrics.of_all()).decode())
    for name in ("gravel_chaos_faults_total", "gravel_chaos_armed"):
        assert metrics[f'{name}{{experiment="revoked-ca",world="default"}}'] == 1
    await management.ask("/clock", advance="5m")
    assert not (await listed(management, "revoked-ca"))["on"]
    assert await WireClient(management).issue("b.test")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"name": "revokedca"}, "the experiment 'revokedca' is not known; the nearest is 'revoked-ca'"),
        (
            {"name": "lying-dns", "target": "a"},
            "'lying-dns' has no target; revoked-ca, corrupt-signing-key, signer-unavailable, deleted-secrets have",
        ),
        ({"name": "revoked-ca", "for": "0s"}, "'for' is wanted: more than no time"),
        ({"name": "revoked-ca", "for": 1e11}, "when: 'until' is "),
        ({"name": "revoked-ca", "for": "soon"}, "'for' is wanted: a number of seconds"),
        ({"name": "revoked-ca", "until": 1}, "'until' is not known here"),
        ({}, "'name' is wanted"),
    ],
)
async def test_what_cannot_be_begun_is_refused_in_a_sentence(manage, body, said):
    management = await manage()
    status, text = await management.post("/chaos", body)
    assert (status, said in text) == (400, True), text
    assert management.running.parts.world.faults.armed == {}


async def test_the_end_of_chaos_leaves_other_faults_armed(manage):
    management = await manage()
    await management.ask("/faults", action="badNonce", id="mine")
    for name in EXPERIMENTS:
        await management.ask("/chaos", name=name)
    assert (await management.delete("/chaos/lying-dns"))[0] == 204
    status, text = await management.delete("/chaos/lying-dns")
    assert (status, json.loads(text)) == (404, {"error": "'lying-dns' was not begun"})
    assert (await management.delete("/chaos"))[0] == 204
    assert list(management.running.parts.world.faults.armed) == ["mine"]


async def test_the_command_begins_lists_and_ends(manage, capsys):
    management = await manage()
    run = partial(asyncio.to_thread, gravel, management, capsys)
    code, printed, _ = await run("signer-unavailable", "--for", "90s", "--target", "acme", "--json")
    assert (code, json.loads(printed)["on"]) == (0, True)
    (armed,) = management.running.parts.world.faults.armed.values()
    assert (armed.rule.match.server, armed.rule.when.until) == ("acme", 90.0)
    code, printed, _ = await run("--list")
    assert (code, printed.count("until ")) == (0, 1)
    assert (await run("signer-unavailable", "--end"))[0] == 0
    assert management.running.parts.world.faults.armed == {}
    assert await run("--end", "revoked-ca") == (1, "", "gravel: 'revoked-ca' was not begun\n")


@pytest.mark.parametrize("arguments", [(), ("--for", "5m"), ("--list", "revoked-ca"), ("--end", "--for", "5m")])
def test_the_command_wants_one_thing(arguments, capsys):
    assert cli.run(["chaos", *arguments]) == 2
    assert "name one experiment, or give --end or --list" in capsys.readouterr().err
