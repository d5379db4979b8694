"""A certificate's whole life over the wire: issued, renewed when the server says so, revoked."""

from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from acme_server.certificate_authority import pem
from acme_server.protocol.encoding import b64url
from acme_server.protocol.times import parse_rfc3339
from acme_server.renewal_info import certid_of
from tests.acme_server.rig import csr, key, leaf_of
from tests.gravel.acme_on_wire import WireClient

START = "2026-01-01T00:00:00Z"
SEEDED = {"seed": 7, "start": START, "frozen": True}


class Renewing(WireClient):
    """A client that asks when to renew, and says what it replaces."""

    async def window(self, leaf):
        """Return status, Retry-After and text of a certificate's renewal information; nobody signs for it."""
        async with self.session.get(f"{self.base}/dir") as answer:
            renewal_info = (await answer.json())["renewalInfo"]
        async with self.session.get(f"{renewal_info}/{certid_of(leaf)}") as answer:
            return answer.status, answer.headers.get("Retry-After"), await answer.text()

    async def is_due(self, leaf, now):
        """Say whether a certificate should be renewed: the window's end has come, as the unluckiest client draws it."""
        _, _, text = await self.window(leaf)
        return parse_rfc3339(json.loads(text)["suggestedWindow"]["end"]) <= now

    async def renew(self, leaf, *names):
        """Replace a certificate; return the new one's chain."""
        identifiers = [{"type": "dns", "value": name} for name in names]
        document = {"identifiers": identifiers, "replaces": certid_of(leaf)}
        status, headers, body = await self.post(f"{self.base}/new-order", document)
        assert status == 201, body
        order = json.loads(body)
        assert order["replaces"] == certid_of(leaf)
        await self.authorize(order)
        await self.post(order["finalize"], {"csr": b64url(csr(names))})
        return (await self.post((await self.get(headers["Location"]))["certificate"]))[2]

    async def revoke(self, leaf):
        return (await self.post(f"{self.base}/revoke-cert", {"certificate": b64url(leaf.public_bytes(Encoding.DER))}))[
            0
        ]


async def facts(management, kind):
    lines = (await management.get("/worlds/w/journal"))[1].splitlines()
    return [entry for entry in map(json.loads, lines) if entry["kind"] == kind]


async def test_a_certificate_is_renewed_when_its_window_comes_and_revoked_when_it_is_replaced(manage):
    management = await manage()
    await management.ask("/worlds", id="w", **SEEDED)
    client = Renewing(management, "w")
    old = leaf_of(await client.issue("a.test", "*.b.test"))
    clock = await management.ask("/worlds/w/clock", advance=0)
    assert not await client.is_due(old, parse_rfc3339(clock["now"]))

    clock = await management.ask("/worlds/w/clock", advance="61d")
    assert clock["now"] == "2026-03-03T00:00:00.000000Z"
    assert await client.is_due(old, parse_rfc3339(clock["now"]))
    client.nonce = None
    new = leaf_of(await client.renew(old, "a.test", "*.b.test"))
    assert (new.not_valid_before_utc - old.not_valid_before_utc).days == 61
    assert not await client.is_due(new, parse_rfc3339(clock["now"]))

    assert await client.revoke(old) == 200
    status, _, text = await client.window(old)
    end = parse_rfc3339(json.loads(text)["suggestedWindow"]["end"])
    assert (status, end < parse_rfc3339(clock["now"])) == (200, True)
    first, second = await facts(management, "CertificateIssued")
    orders = [entry["data"].get("replaces") for entry in await facts(management, "OrderCreated")]
    assert orders == [None, first["subject"]["certificate"]]
    assert second["subject"]["certificate"] != first["subject"]["certificate"]


@pytest.mark.parametrize(
    ("certificate", "response"), [("certificate", "ariResponse"), ("Certificate", "ARIResponse")], ids=str
)
async def test_renewal_information_is_set_as_at_pebble_and_belongs_to_the_world(manage, certificate, response):
    management = await manage()
    await management.ask("/worlds", id="w", **SEEDED)
    client = Renewing(management, "w")
    leaf = leaf_of(await client.issue("a.test"))
    usual = await client.window(leaf)
    taken = (await management.ask("/worlds/w/snapshot"))["snapshot"]
    now = '{"suggestedWindow": {"start": "2020-01-01T00:00:00Z", "end": "2020-01-02T00:00:00Z"}}'
    for text, shown in ((now, now), ("not JSON", "not JSON"), ("", usual[2])):
        assert await management.ask("/worlds/w/set-renewal-info/", **{certificate: pem(leaf), response: text}) == {}
        assert await client.window(leaf) == (200, "21600", shown)
    await management.ask("/worlds/w/set-renewal-info", **{certificate: pem(leaf), response: now})
    await management.ask("/worlds/w/restore", snapshot=taken)
    assert await client.window(leaf) == usual


async def test_renewal_information_of_a_certificate_from_elsewhere_cannot_be_set(manage):
    management = await manage()
    await management.ask("/worlds", id="w", **SEEDED)
    leaf = leaf_of(await Renewing(management, "w").issue("a.test"))
    status, text = await management.post("/set-renewal-info/", {"certificate": pem(leaf), "ariResponse": "{}"})
    assert (status, json.loads(text)) == (404, {"error": "the certificate was not issued here"})


async def test_a_world_says_when_to_ask_again_and_what_it_takes_over(manage):
    management = await manage()
    settings = {"renewal_info_retry_after": "1h", "authorization_reuse": 1, "order_reuse": True}
    await management.ask("/worlds", id="w", settings=settings, **SEEDED)
    client = Renewing(management, "w")
    leaf = leaf_of(await client.issue("a.test"))
    assert (await client.window(leaf))[:2] == (200, "3600")
    (url, order), (again, _) = [await client.order("a.test") for _ in range(2)]
    assert (order["status"], again) == ("ready", url)


async def test_everybody_renews_at_once_when_a_fault_says_so(manage):
    management = await manage()
    await management.ask("/worlds", id="w", **SEEDED)
    clients = [Renewing(management, "w", key(number)) for number in range(2)]
    leaves = [leaf_of(await client.issue("a.test")) for client in clients]
    await management.ask("/worlds/w/faults", id="storm", action={"kind": "renewal-window", "form": "now"})
    due = [await client.is_due(leaf, parse_rfc3339(START)) for client, leaf in zip(clients, leaves, strict=True)]
    assert due == [True, True]
    assert await management.delete("/worlds/w/faults/storm") == (204, "")
    assert not await clients[0].is_due(leaves[0], parse_rfc3339(START))
