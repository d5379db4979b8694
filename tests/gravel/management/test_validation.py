"""Validation over real sockets as a test makes it go wrong: vantage points of their own DNS, CAA, and its record."""

from __future__ import annotations

import json

import pytest

from acme_server.protocol.key_authorization import KeyAuthorization
from acme_server.settings import VantagePoint
from tests.gravel.acme_on_wire import WireClient

THREE = {
    "nameservers": ["127.0.0.1", "127.0.0.2", "127.0.0.3"],
    "vantages": {"north": "ns2", "south": "ns3"},
}


async def validated(management, name="a.test"):
    """Order and answer; return what the management API shows of the order's first dns-01 challenge, and of the order."""
    client = WireClient(management, "w")
    await client.register()
    _, order = await client.order(name)
    await client.authorize(order)
    shown = json.loads((await management.get("/worlds/w/orders"))[1])["orders"][-1]
    challenges = shown["authorizations"][0]["challenges"]
    return next(each for each in challenges if each["type"] == "dns-01"), shown


def failing(server):
    return {"match": {"endpoint": "dns", "server": f"{server}:*", "type": "TXT"}, "action": "servfail"}


@pytest.mark.parametrize(
    ("servers", "status"),
    [([], "ready"), (["127.0.0.2"], "invalid"), (["127.0.0.1"], "invalid")],
)
async def test_one_vantage_point_fails_when_its_own_nameserver_does(manage, servers, status):
    management = await manage()
    await management.ask("/worlds", id="w", settings={**THREE, "quorum": 2})
    for server in servers:
        await management.ask("/worlds/w/faults", **failing(server))
    challenge, order = await validated(management)
    assert order["status"] == status
    asked = [(each.get("vantage"), each["rcode"]) for each in challenge["validationRecord"]]
    rcode = dict.fromkeys(servers, "SERVFAIL")
    seen = [
        (None, rcode.get("127.0.0.1", "NOERROR")),
        ("north", rcode.get("127.0.0.2", "NOERROR")),
        ("south", "NOERROR"),
    ]
    assert asked == (seen[:1] if "127.0.0.1" in servers else seen)
    secondary = bool(challenge["error"]) and challenge["error"]["detail"].startswith("During secondary validation: ")
    assert secondary is (servers == ["127.0.0.2"])


async def test_by_default_one_of_two_may_fail(manage):
    management = await manage()
    await management.ask("/worlds", id="w", settings=THREE)
    await management.ask("/worlds/w/faults", **failing("127.0.0.3"))
    assert (await validated(management))[1]["status"] == "ready"


async def test_the_vantage_points_of_the_default_world_are_in_every_world_with_its_own_dns(manage):
    management = await manage(vantage=(VantagePoint("north", "ns1"),), vantages=3, quorum=2)
    await management.ask("/worlds", id="w")
    challenge, order = await validated(management)
    assert order["status"] == "ready"
    assert [each.get("vantage") for each in challenge["validationRecord"]] == [None, "north", "vantage-3"]


async def test_a_validation_asks_as_few_questions_as_before_when_nothing_is_set(manage):
    management = await manage()
    await management.ask("/worlds", id="w")
    await validated(management)
    asked = json.loads((await management.get("/worlds/w/dns-queries"))[1])["queries"]
    assert [(each["name"].rstrip("."), each["rtype"]) for each in asked] == [("_acme-challenge.a.test", "TXT")]


# CAA records of a.test -> the order's status
POLICIES = [
    ([{"tag": "issue", "value": "ca.test"}], "ready"),
    ([{"tag": "issue", "value": "other.test"}], "invalid"),
    ([{"tag": "issue", "value": "ca.test; validationmethods=dns-01"}], "ready"),
    ([{"tag": "issue", "value": "ca.test; validationmethods=http-01"}], "invalid"),
    ([{"tag": "unheard", "value": "of", "flags": 128}], "invalid"),
    ([{"tag": "unheard", "value": "of"}], "ready"),
]


@pytest.mark.parametrize(("policies", "status"), POLICIES)
async def test_caa_records_of_the_built_in_dns_decide(manage, policies, status):
    management = await manage(caa_identity=("ca.test",))
    await management.ask("/worlds", id="w")
    await management.ask("/worlds/w/set-caa", host="a.test", policies=policies)
    challenge, order = await validated(management, "www.a.test")
    assert order["status"] == status
    questions = [each["question"] for each in challenge["validationRecord"]]
    assert questions == ["TXT _acme-challenge.www.a.test", "CAA www.a.test", "CAA a.test"]
    if status == "invalid":
        assert challenge["error"]["type"] == "urn:ietf:params:acme:error:caa"


async def test_the_record_tells_moments_in_the_worlds_time(manage):
    management = await manage()
    await management.ask("/worlds", id="w", seed=7, start="2026-01-01T00:00:00Z", frozen=True)
    challenge, _ = await validated(management)
    (entry,) = challenge["validationRecord"]
    assert (entry["at"], entry["milliseconds"]) == ("2026-01-01T00:00:00.000000Z", 0)


async def test_an_address_is_validated_by_what_is_posted_for_it(manage):
    management = await manage(tls_alpn_port=0, tls_alpn_listen="127.0.0.1:0")
    client = WireClient(management)
    await client.register()
    address = {"type": "ip", "value": "127.0.0.1"}
    _, headers, body = await client.post(f"{client.base}/new-order", {"identifiers": [address]})
    authorization = await client.get(json.loads(body)["authorizations"][0])
    (challenge,) = [each for each in authorization["challenges"] if each["type"] == "tls-alpn-01"]
    key = KeyAuthorization(challenge["token"], client.signer.thumbprint).http_body
    await management.ask("/add-tlsalpn01", host="127.0.0.1", content=key)
    await client.post(challenge["url"], {})
    await management.ask("/clock", advance=0)
    assert (await client.get(headers["Location"]))["status"] == "ready"
    (hello,) = await management.ask("/tlsalpn01-request-history", host="1.0.0.127.in-addr.arpa")
    assert hello["ServerName"] == "1.0.0.127.in-addr.arpa"


async def test_a_validation_waits_in_the_worlds_time(manage):
    management = await manage()
    settings = {"validation_delay": "90s"}
    await management.ask("/worlds", id="w", seed=7, start="2026-01-01T00:00:00Z", frozen=True, settings=settings)
    challenge, order = await validated(management)
    assert (challenge["status"], order["status"], challenge["validationRecord"]) == ("processing", "pending", [])
    await management.ask("/worlds/w/clock", advance="90s")
    (order,) = json.loads((await management.get("/worlds/w/orders"))[1])["orders"]
    assert order["status"] == "ready"
