"""Where self-checks look, and an rfc2136 issuer: `gravel up` on real sockets, with the options of cert-manager."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path

import attrs
import pytest

from acme_server.settings import Settings as ServerSettings
from gravel.commands.apply import apply_and_follow, read_manifests
from gravel.house import SelfChecks, house_settings
from gravel.kube_client import KubeClient
from gravel.running import Running
from issuer_bridge.conditions import READY, condition
from issuer_bridge.manifests import Manifest
from issuer_bridge.resources import CHALLENGE, CLUSTER_ISSUER, Kind, Resource
from issuer_bridge.resources import SECRET as SECRET_KIND
from solvers.dns.keys import read_key
from solvers.dns.server import serve_dns
from solvers.dns.zone import Zone

EXAMPLES = Path(__file__).parents[2] / "examples"
SECRET = "c2VjcmV0IHNlY3JldA=="
KEY = read_key(f"hmac-sha512:cert-manager:{SECRET}")
TSIG = {
    "tsigKeyName": "cert-manager",
    "tsigAlgorithm": "HMACSHA512",
    "tsigSecretSecretRef": {"name": "tsig", "key": "secret"},
}
HERE = [
    ({}, SelfChecks()),
    ({"acme_http01_solver_nameservers": ("192.0.2.1:53",)}, SelfChecks(http01_nameservers=("192.0.2.1:53",))),
    ({"dns01_recursive_nameservers": ("a:1", "b:2")}, SelfChecks(dns01_nameservers=("a:1", "b:2"))),
    ({"dns01_recursive_nameservers_only": True}, SelfChecks(recursive_only=True)),
    ({"dns01_authoritative_port": 53}, SelfChecks(authoritative_port=53)),
]


@pytest.mark.parametrize(("changes", "expected"), HERE)
def test_options_of_self_checks_reach_the_house(free_settings, changes, expected):
    server = ServerSettings(dns="127.0.0.1:1")
    settings = house_settings(free_settings(**changes), server, "https://a.test", "CA")
    assert settings.self_checks == expected


def manifests(dns: str, *, secret: bool = True, **dns01):
    """The wildcard example with its issuer, whose dns01 is an rfc2136 solver."""
    issuer, request = (
        read_manifests([str(EXAMPLES / name)])[0] for name in ("10-clusterissuer.yaml", "22-wildcard.yaml")
    )
    solvers = [{"dns01": {"rfc2136": {"nameserver": dns, **dns01}}}]
    spec = {"acme": {**issuer.resource["spec"]["acme"], "solvers": solvers}}
    kept = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "tsig", "namespace": "cert-manager"},
        "data": {"secret": base64.b64encode(SECRET.encode()).decode()},
    }
    beside = [Manifest("tsig", SECRET_KIND, kept)] if secret else []
    return [*beside, attrs.evolve(issuer, resource={**issuer.resource, "spec": spec}), request]


async def follow(running: Running, documents, seconds: float = 60) -> int:
    async with KubeClient(running.addresses.kubernetes) as client:
        return await apply_and_follow(client, documents, seconds, json=True)


def first_reason(running: Running) -> asyncio.Future[str]:
    """What is said first: by a Challenge that has a reason, or an issuer that is not ready."""
    told: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def heard(_event: str, kind: Kind, resource: Resource) -> None:
        if kind is CHALLENGE:
            reason = (resource.get("status") or {}).get("reason")
        else:
            ready = condition(resource, READY)
            reason = ready["message"] if kind is CLUSTER_ISSUER and ready.get("status") == "False" else None
        if reason and not told.done():
            told.set_result(reason)

    running.resources.watch(heard)
    return told


@pytest.mark.parametrize("protocol", ["UDP", "TCP"])
async def test_a_wildcard_and_its_apex_are_issued_by_signed_updates(free_settings, protocol):
    settings = free_settings(http01_port=0, dns_update_key=(KEY,))
    async with Running(settings, bridge=True) as running:
        assert await follow(running, manifests(running.addresses.dns, protocol=protocol, **TSIG)) == 0
        updates = [asked for asked in running.parts.zone.history if asked.opcode == "UPDATE"]
        assert {(asked.rtype, asked.rcode, asked.transport) for asked in updates} == {
            ("TXT", "NOERROR", protocol.lower())
        }
        assert len(updates) == 4
        assert running.parts.zone.own("_acme-challenge.apps.example.test") == {}


@pytest.mark.parametrize(
    ("changes", "secret", "reason"),
    [
        ({}, True, "DNS update failed. Server replied: REFUSED"),
        ({"dns_update_key": (read_key("hmac-sha512:cert-manager:b3RoZXI="),)}, True, "NOTAUTH (BADSIG)"),
        ({"dns_update_key": (KEY,)}, False, 'secrets "tsig" not found in namespace "cert-manager"'),
    ],
    ids=["nobody may", "another secret", "no secret"],
)
async def test_a_challenge_or_its_issuer_says_why_an_update_is_not_made(free_settings, changes, secret, reason):
    async with Running(free_settings(http01_port=0, **changes), bridge=True) as running:
        told = first_reason(running)
        following = asyncio.create_task(follow(running, manifests(running.addresses.dns, secret=secret, **TSIG)))
        assert (await asyncio.wait_for(told, 60)).endswith(reason)
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def test_the_zone_s_own_nameserver_is_asked_by_default_and_recursive_ones_alone_on_request(free_settings):
    documents = read_manifests([str(EXAMPLES / name) for name in ("10-clusterissuer.yaml", "22-wildcard.yaml")])
    for changes, asked_for in (({}, True), ({"dns01_recursive_nameservers_only": True}, False)):
        async with Running(free_settings(http01_port=0, **changes), bridge=True) as running:
            assert await follow(running, documents) == 0
            names = {asked.name for asked in running.parts.zone.history}
            assert ("ns.example.test" in names) is asked_for


async def test_names_with_another_address_inside_are_looked_up_where_the_option_says(free_settings):
    """cert-manager#903 and #1292: the resolver that validation asks is not the one that self-checks can use."""
    inside = Zone()
    server = await serve_dns(inside, "127.0.0.1", 0)
    settings = free_settings(http01_port=0, acme_http01_solver_nameservers=(server.address,))
    documents = read_manifests([str(EXAMPLES / name) for name in ("10-clusterissuer.yaml", "20-http01.yaml")])
    async with Running(settings, bridge=True) as running:
        assert await follow(running, documents) == 0
        asked = [(each.name, each.rtype) for each in inside.history]
        assert asked == [("www.example.test", "A")]
    await server.close()
