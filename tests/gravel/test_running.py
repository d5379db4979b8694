"""A house on real sockets, in this event loop."""

from __future__ import annotations

import asyncio
import socket
import ssl
import stat
from datetime import timedelta
from pathlib import Path

import click
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from acme_server.settings import Settings as ServerSettings
from gravel.announced import Addresses
from gravel.commands.apply import apply_and_follow, read_manifests
from gravel.house import house_settings
from gravel.kube_client import KubeClient
from gravel.output import announce
from gravel.running import Running
from gravel.sockets import EVERYWHERE
from scheduler.versions import NEWEST
from solvers.timing import TIMINGS

EXAMPLES = Path(__file__).parents[2] / "examples"


def root_key(running: Running) -> bytes:
    key = running.parts.world.authority.root.public_key()
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


async def test_one_seed_is_one_authority(free_settings):
    keys = []
    for seed in (7, 7, 8, None):
        async with Running(free_settings(seed=seed), bridge=False) as running:
            keys.append(root_key(running))
    assert keys[0] == keys[1]
    assert len({*keys}) == 3


def files_of(running: Running) -> tuple[Path, dict[str, str]]:
    folder = Path(running.addresses.tls_ca).parent
    return folder, {path.name: path.read_text() for path in folder.iterdir()}


async def test_what_to_trust_is_in_a_private_folder_and_no_key_is(free_settings):
    async with Running(free_settings(), bridge=False) as running:
        folder, files = files_of(running)
        assert sorted(files) == ["issuing_roots.pem", "tls_ca.pem"]
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert "PRIVATE KEY" not in "".join(files.values())
        assert running.parts.world.authority.root_pem == files["issuing_roots.pem"]
    assert not folder.exists()


def certificate_names(running: Running) -> list[tuple[str, str]]:
    host, port = running.addresses.management.removeprefix("https://").rsplit(":", 1)
    trust = ssl.create_default_context(cafile=running.addresses.tls_ca)
    with (
        socket.create_connection((host, int(port))) as plain,
        trust.wrap_socket(plain, server_hostname=host) as wrapped,
    ):
        return list(wrapped.getpeercert()["subjectAltName"])


async def test_its_certificate_is_for_every_name_that_it_was_told(free_settings):
    settings = free_settings(tls_name=("extra.test", "192.0.2.1"), base_url="https://acme.test:1")
    async with Running(settings, bridge=False) as running:
        names = await asyncio.to_thread(certificate_names, running)
    assert {("DNS", "localhost"), ("DNS", "acme.test"), ("DNS", "extra.test")} == {it for it in names if it[0] == "DNS"}
    addresses = {value for kind, value in names if kind == "IP Address"}
    assert {"127.0.0.1", "0:0:0:0:0:0:0:1", "192.0.2.1"} == addresses


async def test_the_bridge_reaches_its_own_server_whatever_that_calls_itself(free_settings):
    settings = free_settings(base_url="https://acme.nowhere.test:1", http01_port=0)
    manifests = read_manifests([str(EXAMPLES / name) for name in ("10-clusterissuer.yaml", "20-http01.yaml")])
    async with Running(settings, bridge=True) as running:
        assert running.addresses.directory == "https://acme.nowhere.test:1/dir"
        async with KubeClient(running.addresses.kubernetes) as client:
            assert await apply_and_follow(client, manifests, 60, json=True) == 0


async def test_validation_asks_the_dns_and_dials_the_port_that_it_was_told(free_settings):
    settings = free_settings(dns="192.0.2.1:53", http01_port=81, http01_listen="127.0.0.1:0", tls_alpn_port=444)
    async with Running(settings, bridge=False) as running:
        server = running.parts.world.settings
        assert (server.dns, server.http01_port, server.tls_alpn_port) == ("192.0.2.1:53", 81, 444)
        assert running.addresses.http01.startswith("127.0.0.1:")


@pytest.mark.parametrize("challenge", ["http01", "tls_alpn"])
async def test_port_0_dials_the_responder(free_settings, challenge):
    settings = free_settings(**{f"{challenge}_port": 0, f"{challenge}_listen": "127.0.0.1:0"})
    async with Running(settings, bridge=False) as running:
        dialled = getattr(running.parts.world.settings, f"{challenge}_port")
        assert getattr(running.addresses, challenge) == f"127.0.0.1:{dialled}"


@pytest.mark.parametrize("challenge", ["http01", "tls_alpn"])
async def test_port_0_without_a_responder_is_a_mistake(free_settings, challenge):
    flag = f"--{challenge.replace('_', '-')}"
    with pytest.raises(click.UsageError, match=f"{flag}-port 0 dials the built-in responder, which {flag}-listen"):
        await Running(free_settings(**{f"{challenge}_port": 0}), bridge=False).__aenter__()


async def test_what_was_open_is_closed_when_a_later_port_is_taken(free_settings):
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.create_server(("127.0.0.1", 0)) as probe:
        busy, free = taken.getsockname()[1], probe.getsockname()[1]
        probe.close()
        settings = free_settings(acme_port=free, kubernetes_port=busy, http01_port=0)
        with pytest.raises(click.ClickException, match=f"port {busy} on 127.0.0.1 is taken"):
            await Running(settings, bridge=True).__aenter__()
        socket.create_server(("127.0.0.1", free)).close()


@pytest.mark.parametrize(
    ("flag", "purpose"),
    [
        ("--http01-listen", "http-01 responder"),
        ("--https01-listen", "https responder"),
        ("--tls-alpn-listen", "tls-alpn-01 responder"),
    ],
)
async def test_a_responder_whose_port_is_taken_says_which_option_moves_it(free_settings, flag, purpose):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings = free_settings(**{flag.strip("-").replace("-", "_"): f"127.0.0.1:{port}"})
        with pytest.raises(click.ClickException) as refused:
            await Running(settings, bridge=False).__aenter__()
    advice = f"stop what uses it or choose another with {flag}"
    assert refused.value.message == f"port {port} on 127.0.0.1 is taken ({purpose}); {advice}"


@pytest.mark.parametrize(
    ("host", "exposed"),
    [("127.0.0.1", False), ("localhost", False), ("::1", False), ("192.0.2.1", True), ("acme.test", True)],
)
def test_beyond_loopback_a_token_is_made_up(free_settings, host, exposed):
    one, other = (Running(free_settings(host=host), bridge=False) for _ in range(2))
    assert exposed == one.exposed == (one.token is not None)
    assert not exposed or (one.token != other.token and len(one.token) >= 32)
    assert Running(free_settings(host=host, management_token="given"), bridge=False).token == "given"


@pytest.mark.parametrize("host", EVERYWHERE)
def test_everywhere_is_no_name_that_clients_can_reach(free_settings, host):
    with pytest.raises(click.UsageError, match=f"--host {host} needs --base-url"):
        Running(free_settings(host=host), bridge=False)
    Running(free_settings(host=host, base_url="https://acme.test"), bridge=False)


@pytest.mark.parametrize("json", [True, False])
def test_beyond_loopback_a_warning_and_the_token_go_to_stderr(free_settings, capsys, json):
    running = Running(free_settings(host="192.0.2.1", json=json), bridge=False)
    running.addresses = Addresses(
        "https://192.0.2.1:1/dir", "https://192.0.2.1:2", "192.0.2.1:3", *[None] * 5, "a", "b", None, None
    )
    announce(running)
    out, err = capsys.readouterr()
    assert running.token not in out
    assert err.startswith("Warning: 192.0.2.1 can be reached from other machines")
    assert f"Authorization: Bearer {running.token}\n" in err


SCHEDULING = [
    ({}, 60, 10.0, True, TIMINGS["fast"]),
    ({"max_concurrent_challenges": 5, "retry_period": 0.5}, 5, 0.5, True, TIMINGS["fast"]),
    ({"no_approver": True, "timing": "cert-manager"}, 60, 10.0, False, TIMINGS["cert-manager"]),
]


@pytest.mark.parametrize(
    ("changes", "workers", "starts", "errors"),
    [
        ({}, None, None, None),
        ({"timing": "cert-manager"}, 5, 20, None),
        ({"timing": "cert-manager", "concurrent_workers": 50}, 50, 20, None),
        ({"concurrent_workers": 3, "compat": "cert-manager"}, 3, None, NEWEST),
    ],
)
def test_the_timing_of_cert_manager_is_its_pace_too(free_settings, changes, workers, starts, errors):
    bridge = house_settings(
        free_settings(**changes), ServerSettings(dns="127.0.0.1:1", http01_port=2), "https://a.test", "CA"
    ).bridge
    assert (workers, starts, errors) == (bridge.scheduler.workers, bridge.scheduler.starts_per_tick, bridge.errors)


@pytest.mark.parametrize(("changes", "concurrent", "period", "approver", "timing"), SCHEDULING)
def test_options_of_the_bridge_reach_it(free_settings, changes, concurrent, period, approver, timing):
    server = ServerSettings(dns="127.0.0.1:1", http01_port=2)
    settings = house_settings(free_settings(**changes), server, "https://a.test", "CA")
    scheduler = settings.bridge.scheduler
    assert (concurrent, timedelta(seconds=period)) == (scheduler.max_concurrent, scheduler.retry_period)
    assert (approver, timing) == (settings.bridge.approver, settings.timing)
    assert (settings.dns, settings.http01_port, settings.tls_ca) == ("127.0.0.1:1", 2, "CA")
