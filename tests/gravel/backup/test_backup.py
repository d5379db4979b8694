"""`gravel backup` and `gravel restore`: a house that was restored issues nothing anew, loses nothing, orders nothing twice."""

import asyncio
import base64
import os
import shutil
import ssl
import stat
from contextlib import asynccontextmanager

import aiohttp
import pytest
from cryptography import x509

from gravel import cli
from gravel.backup.images import image_in, write_image
from gravel.free_port import free_port
from gravel.running import Running
from gravel.state import FILE, opened
from issuer_bridge.conditions import READY, condition
from issuer_bridge.references import controller_of
from issuer_bridge.resources import CERTIFICATE, CERTIFICATE_REQUEST, CLUSTER_ISSUER, ORDER, SECRET
from tests.gravel.conftest import Management
from tests.issuer_bridge.bridge_resources import csr_of, issuer
from tests.issuer_bridge.cert_manager.certificates.certificate_rig import certificate

REFERENCE = {"name": "gravel", "kind": "ClusterIssuer"}


class House(Management):
    """A house with its bridge, and what a test asks of it."""

    @property
    def resources(self):
        return self.running.resources

    def request(self, name):
        """Ask for a certificate."""
        spec = {"request": csr_of(f"{name}.http.test"), "issuerRef": REFERENCE}
        self.resources.insert(CERTIFICATE_REQUEST, {"metadata": {"name": name, "namespace": "default"}, "spec": spec})

    def said(self, kind, name):
        found = self.resources.get(kind, "default", name)
        return found and condition(found, READY).get("reason")

    async def until(self, kind, name, reason):
        """Wait until a resource says so of Ready."""
        while self.said(kind, name) != reason:  # noqa: ASYNC110 - it is looked at from outside
            await asyncio.sleep(0.02)

    def facts(self, kind):
        journal = self.running.parts.world.journal
        return [entry for entry in journal if (entry.house, entry.kind) == ("acme_server", kind)]

    def serial(self, name):
        chain = base64.b64decode(self.resources.get(CERTIFICATE_REQUEST, "default", name)["status"]["certificate"])
        return x509.load_pem_x509_certificate(chain).serial_number

    @property
    def ordered_by(self):
        """The requests that have an Order, one for each."""
        return sorted(controller_of(order)["name"] for order in self.resources.list(ORDER))

    async def cli(self, *arguments):
        """Run a verb against this house."""
        return await asyncio.to_thread(cli.run, [*arguments, "--management", self.running.addresses.management])


@pytest.fixture
def house(free_settings):
    """Open a house on a folder, at the same ports each time."""
    ports = {"acme_port": free_port(), "http01_port": free_port()}

    @asynccontextmanager
    async def open_on(folder, **changes):
        settings = free_settings(state=str(folder), seed=7, **ports, **changes)
        async with Running(settings, bridge=True) as running:
            trust = ssl.create_default_context(cafile=running.addresses.tls_ca)
            async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trust)) as session:
                yield House(running, session)

    return open_on


async def furnish(one):
    """An issuer, a Certificate, a request that is issued, and one whose order stays in processing."""
    one.resources.insert(CLUSTER_ISSUER, {"metadata": {"name": "gravel"}, "spec": issuer()["spec"]})
    www = certificate("www")
    one.resources.insert(CERTIFICATE, {**www, "metadata": {"name": "www", "namespace": "default"}})
    await one.ask("/faults", action="processing", match={"identifier": "way.*"})
    for name in ("done", "way"):
        one.request(name)
    await one.until(CERTIFICATE_REQUEST, "done", "Issued")
    await one.until(CERTIFICATE, "www", "Ready")
    while not any(fact.data["identifiers"] == ["way.http.test"] for fact in one.facts("OrderFinalized")):  # noqa: ASYNC110
        await asyncio.sleep(0.02)


@pytest.mark.seed("B61", "B62")
async def test_a_house_that_is_restored_an_hour_later_goes_on_and_orders_nothing_twice(house, tmp_path):
    backup, key = str(tmp_path / "house.backup"), ("--key", str(tmp_path / "key"))
    async with house(tmp_path / "first") as first:
        await furnish(first)
        secret, serial = first.resources.get(SECRET, "default", "www-tls"), first.serial("done")
        version = first.resources.resource_version
        authority = first.running.parts.world.authority.roots_pem
        assert await first.cli("backup", backup, *key) == 0
        first.request("later")
        await first.until(CERTIFICATE_REQUEST, "later", "Issued")
        lost = first.serial("later")
    assert stat.S_IMODE((await asyncio.to_thread(os.stat, backup)).st_mode) == 0o600
    assert await asyncio.to_thread(cli.run, ["restore", backup, *key, "--state", str(tmp_path / "second")]) == 0
    async with house(tmp_path / "second") as second:
        await second.until(CERTIFICATE_REQUEST, "way", "Issued")
        await second.ask("/clock", advance="1h")
        assert (secret, serial) == (second.resources.get(SECRET, "default", "www-tls"), second.serial("done"))
        assert authority == second.running.parts.world.authority.roots_pem
        assert len(second.facts("CertificateIssued")) == len(second.facts("OrderCreated")) == 3
        assert (second.ordered_by, second.said(CERTIFICATE, "www")) == (["done", "way", "www-1"], "Ready")
        assert version < second.resources.resource_version
        second.request("later")
        await second.until(CERTIFICATE_REQUEST, "later", "Issued")
        assert second.ordered_by.count("later") == 1
        assert lost != second.serial("later")


async def test_the_folder_of_a_house_that_rests_is_backed_up_too(house, tmp_path, capsys):
    state, backup = tmp_path / "state", str(tmp_path / "house.backup")
    key = ("--key", str(tmp_path / "key"))
    arguments = ["backup", backup, *key, "--state", str(state)]
    assert await asyncio.to_thread(cli.run, arguments) == 1
    assert capsys.readouterr().err == f"gravel: there is no state in {state}\n"
    async with house(state, no_controllers=True) as one:
        one.request("a")
        assert await asyncio.to_thread(cli.run, arguments) == 1
        assert f"{FILE} is in use; leave --state out to ask the gravel that runs there" in capsys.readouterr().err
    assert await asyncio.to_thread(cli.run, arguments) == 0
    assert f"Made the key {key[1]}; without it nobody can restore" in capsys.readouterr().err
    assert await asyncio.to_thread(cli.run, arguments) == 1
    assert "is there already; choose another name, or delete it" in capsys.readouterr().err
    assert await asyncio.to_thread(cli.run, ["restore", backup, *key, "--state", str(tmp_path / "again")]) == 0
    async with house(state, no_controllers=True) as one:
        drawn = one.running.parts.world.new_id()
    async with house(tmp_path / "again", no_controllers=True) as again:
        assert drawn != again.running.parts.world.new_id()
        assert again.resources.get(CERTIFICATE_REQUEST, "default", "a") is not None


@pytest.mark.seed("B62")
async def test_what_cannot_be_restored_leaves_nothing(house, tmp_path, capsys):
    backup, folder = tmp_path / "house.backup", tmp_path / "state"
    own, other = (("--key", str(tmp_path / name)) for name in ("own", "other"))
    async with house(folder, no_controllers=True) as one:
        assert await one.cli("backup", str(backup), *own) == 0
        assert await one.cli("backup", str(tmp_path / "another"), *other) == 0
        capsys.readouterr()
    whole, target = backup.read_bytes(), tmp_path / "restored"

    def refused(data, *arguments, state=target):
        backup.write_bytes(data)
        assert cli.run(["restore", str(backup), "--state", str(state), *arguments]) == 1
        error = capsys.readouterr().err
        assert (error.count("\n"), target.exists()) == (1, False)
        return error

    assert "is not the one that the backup was made with" in refused(whole, *other)
    assert "nobody cannot be read: no such file or directory" in refused(whole, "--key", str(tmp_path / "nobody"))
    assert "false unwrap refused: it ended with 1" in refused(whole, "--kms-command", "false")
    assert "is damaged, or was made with another key" in refused(whole[:-1], *own)
    assert "is damaged, or was made with another key" in refused(whole[:-9] + b"x" + whole[-8:], *own)
    assert "is no backup of gravel" in refused(b"SQLite format 3", *own)
    assert "there is a state in" in refused(whole, *own, state=folder)


async def test_a_house_that_keeps_nothing_has_nothing_to_back_up(manage, tmp_path, capsys):
    management = await manage()
    arguments = ["backup", str(tmp_path / "b"), "--key", str(tmp_path / "k")]
    arguments += ["--management", management.running.addresses.management]
    assert await asyncio.to_thread(cli.run, arguments) == 1
    assert capsys.readouterr().err == "gravel: nothing is kept here; start gravel with --state DIR\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("keys", [(), ("--key", "a", "--kms-command", "b")])
def test_a_backup_wants_one_key(keys, tmp_path, capsys):
    assert cli.run(["backup", str(tmp_path / "b"), *keys]) == 2
    assert "give --key FILE or --kms-command COMMAND" in capsys.readouterr().err


def test_what_was_committed_before_a_kill_is_backed_up(tmp_path):
    """A house that was killed leaves its last commits beside the file."""
    state, killed = tmp_path / "state", tmp_path / "killed"
    with opened(state, "normal") as running:
        running.store.write_rows([("part", "name", '"committed"')])
        shutil.copytree(state, killed)
    write_image(image_in(killed), tmp_path / "again")
    with opened(tmp_path / "again", "normal") as again:
        assert again.store.rows("part") == (("name", '"committed"'),)
