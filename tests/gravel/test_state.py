"""`--state DIR`: what is there again after a restart, and what a folder that cannot be used says."""

from __future__ import annotations

import json
import ssl
import stat
from contextlib import asynccontextmanager

import aiohttp
import click
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from acme_server.authorizations import Authorization
from acme_server.certificates import Certificate
from acme_server.execution import perform
from acme_server.orders import Order
from acme_server.protocol.encoding import b64url
from acme_server.protocol.status import AuthorizationStatus, OrderStatus
from gravel.running import Running
from gravel.state import FILE
from issuer_bridge.resources import SECRET
from tests.acme_server.rig import csr
from tests.gravel.acme_on_wire import WireClient
from tests.gravel.conftest import Management


@pytest.fixture
def house(free_settings, tmp_path):
    """Open a house on the same folder each time."""

    @asynccontextmanager
    async def opened(bridge=False, **changes):
        ports = {"http01_port": 0} if bridge else {}
        settings = free_settings(state=str(tmp_path / "state"), **ports, **changes)
        async with Running(settings, bridge=bridge) as running:
            trust = ssl.create_default_context(cafile=running.addresses.tls_ca)
            async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trust)) as session:
                yield Management(running, session)

    return opened


def moved(management, client):
    """Return the client of an earlier run, who finds the server at another port."""
    again = WireClient(management)
    again.signer.kid = client.signer.kid.replace(client.base, again.base)
    return again


def world_of(management):
    return management.running.parts.world


async def test_accounts_certificates_and_the_journal_are_there_again(house):
    async with house() as management:
        client = WireClient(management)
        await client.issue("a.test")
        before = world_of(management)
        (certificate,) = before.store.all(Certificate)
    async with house() as management:
        world = world_of(management)
        assert (certificate,) == world.store.all(Certificate)
        assert list(before.journal) == list(world.journal)
        client = moved(management, client)
        _, _, chain = await client.post(world.links.certificate(certificate.id))
        assert certificate.chain.encode() == chain
        der = x509.load_pem_x509_certificate(chain).public_bytes(Encoding.DER)
        assert (await client.post(f"{client.base}/revoke-cert", {"certificate": b64url(der)}))[0] == 200
    async with house() as management:
        assert world_of(management).store.all(Certificate)[0].revoked is not None


async def test_the_bridges_resources_are_there_again_with_higher_versions(house):
    secret = {"metadata": {"name": "key", "namespace": "default"}, "stringData": {"tls.key": "k"}}
    async with house(bridge=True, no_controllers=True) as management:
        kept = management.running.resources.insert(SECRET, secret)
        version = management.running.resources.resource_version
    async with house(bridge=True, no_controllers=True) as management:
        resources = management.running.resources
        assert kept == resources.get(SECRET, "default", "key")
        assert version < resources.resource_version


async def test_both_authorities_are_the_same_again(house):
    seen = []
    for _ in range(2):
        async with house() as management:
            authority = world_of(management).authority
            seen.append((authority.root_pem, authority.intermediate_pem, await management.get("/tls-ca")))
    assert seen[0] == seen[1]


async def test_only_the_owner_reads_the_folder(house, tmp_path):
    async with house():
        assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700
        assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "state").glob(f"{FILE}*")} == {0o600}


async def test_a_seed_draws_nothing_twice_however_often_it_starts(house):
    drawn = []
    for _ in range(3):
        async with house(seed=7) as management:
            drawn.append(world_of(management).new_id())
    assert len({*drawn}) == 3


async def test_a_validation_that_was_under_way_begins_again(house, monkeypatch):
    async with house() as management:
        client = WireClient(management)
        await client.register()
        _, order = await client.order("a.test")
        authorization = await client.get(order["authorizations"][0])
        monkeypatch.setattr(management.running.parts.server, "_validate", lambda validation: None)
        await client.post(authorization["challenges"][0]["url"], {})
    async with house() as management:
        await management.ask("/clock", advance=0)
        # Nothing answers for the name in this run either; a validation that was lost would leave it pending.
        assert world_of(management).store.all(Authorization)[0].status is AuthorizationStatus.INVALID


async def test_an_order_that_was_processing_gets_its_certificate_once(house, monkeypatch):
    async with house() as management:
        client = WireClient(management)
        await client.register()
        _, order = await client.order("a.test")
        await client.authorize(order)
        monkeypatch.setattr("acme_server.execution.perform", lambda *_: None)
        await client.post(order["finalize"], {"csr": b64url(csr(["a.test"]))})
        assert world_of(management).store.all(Order)[0].stage is OrderStatus.PROCESSING
        monkeypatch.setattr("acme_server.execution.perform", perform)
    for _ in range(2):
        async with house() as management:
            (order,), (certificate,) = (world_of(management).store.all(kind) for kind in (Order, Certificate))
            assert (OrderStatus.VALID, certificate.id) == (order.stage, order.certificate_id)


async def test_addresses_say_where_the_state_is(house, tmp_path):
    async with house() as management:
        shown = management.running.addresses.to_json()
    assert shown["state"] == str(tmp_path / "state")
    assert shown["tls_ca"] == str(tmp_path / "state" / "tls_ca.pem")


async def test_a_folder_in_use_is_one_sentence(house):
    async with house():
        with pytest.raises(click.ClickException, match="in use by another gravel"):
            async with house():
                pass


async def test_a_folder_that_is_a_file_is_one_sentence(house, tmp_path):
    (tmp_path / "state").write_text("")
    with pytest.raises(click.ClickException, match="cannot be used: file exists"):
        async with house():
            pass


async def test_a_damaged_resource_is_one_sentence(house):
    async with house(bridge=True) as management:
        management.running.resources.insert(SECRET, {"metadata": {"name": "key", "namespace": "default"}})
        management.running.parts.world.store.file.execute("UPDATE resources SET body = '{}'")
    with pytest.raises(click.ClickException, match=r"state\.db is damaged \(its resources\)"):
        async with house(bridge=True):
            pass


@pytest.mark.parametrize("text", ["", "{}", json.dumps({"root": "x", "intermediate": "y"})])
async def test_a_damaged_key_is_one_sentence(house, tmp_path, text):
    async with house() as management:
        world_of(management).store._file.execute("UPDATE meta SET value = ? WHERE name = 'authority'", (text,))
    with pytest.raises(click.ClickException, match=r"state\.db is damaged \(its keys or settings\)"):
        async with house():
            pass
