"""The authority as the management API tells of it, and the options that make it, on real sockets."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta

import attrs
import click
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from acme_server import tls
from acme_server.ca_keys import key_pem
from acme_server.ca_pem import signer_pem
from acme_server.certificate_authority import pem
from acme_server.execution import carry_out
from acme_server.registration_authority.revocation import withdraw
from acme_server.signers import create_signer
from acme_server.store import CERTIFICATE_BY_SERIAL
from gravel.authority_options import KEY_TYPES, design_of, profiles_of, tls_ca_of
from gravel.settings import Settings
from tests.acme_server.rig import START, Client, leaf_of

PARTS = ("roots", "intermediates", "root-keys", "intermediate-keys")


async def test_each_root_has_its_intermediate_and_its_keys(manage):
    management = await manage(alternate_roots=2)
    for number in range(3):
        root, intermediate, root_key, key = [(await management.get(f"/{part}/{number}"))[1] for part in PARTS]
        certificate = x509.load_pem_x509_certificate(intermediate.encode())
        issuer = x509.load_pem_x509_certificate(root.encode())
        certificate.verify_directly_issued_by(issuer)
        for holder, text in ((issuer, root_key), (certificate, key)):
            assert holder.public_key() == load_pem_private_key(text.encode(), None).public_key()
    for part in PARTS:
        assert await management.get(f"/{part}/3") == (404, json.dumps({"error": f"there is nothing at /{part}/3"}))


@pytest.mark.parametrize(("reason", "shown"), [(None, 0), (4, 4)])
async def test_a_status_is_found_by_serial_number(manage, reason, shown):
    management = await manage()
    world = management.running.parts.world
    status, text = await management.get("/cert-status-by-serial/abc")
    assert (status, json.loads(text)["error"]) == (404, "there is no certificate with the serial number abc")
    leaf = await issued(management)
    path = f"/cert-status-by-serial/{leaf.serial_number:X}"
    serial = f"{leaf.serial_number:x}"
    status, text = await management.get(path)
    assert (status, json.loads(text)) == (200, {"Certificate": pem(leaf), "Serial": serial, "Status": "Valid"})
    revoke(world, serial, reason)
    document = json.loads((await management.get(path))[1])
    assert document.pop("RevokedAt") == "2026-11-22 12:00:00.25 +0000 UTC"
    assert document == {"Certificate": pem(leaf), "Serial": serial, "Status": "Revoked", "Reason": shown}


async def issued(management):
    server = management.running.parts.server
    server.world.settings = attrs.evolve(server.world.settings, always_valid=True)
    client = Client(server)
    client.register()
    order = client.order("www.example.org")
    for authorization in client.authorizations(order):
        client.post(authorization["challenges"][0]["url"], {})
    return leaf_of(client.post(client.finalize(order, ["www.example.org"]).json["certificate"]).reply.body)


def revoke(world, serial, reason):
    (record,) = world.store.find(CERTIFICATE_BY_SERIAL, serial)
    carry_out(world, withdraw(record, reason, "account", START), START)


@pytest.mark.parametrize("kind", KEY_TYPES)
def test_every_kind_of_key_that_an_option_offers_is_made(kind):
    key = design_of(Settings(ca_key_type=kind), START).new_key(lambda count: b"\x07" * count)
    name, _, size = kind.partition("-")
    expected = {"P": ec.EllipticCurvePrivateKey, "RSA": rsa.RSAPrivateKey}.get(name)
    assert expected is None or (isinstance(key, expected) and key.key_size == int(size))


def test_rsa_and_a_seed_are_refused_in_a_sentence():
    with pytest.raises(click.UsageError, match="--ca-key-type RSA-2048 and --seed: an RSA key cannot be seeded"):
        design_of(Settings(ca_key_type="RSA-2048", seed=1), START)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"ca_cert": "root.pem"}, "--ca-cert and --ca-key are wanted together"),
        ({"ca_cert": "root.pem", "ca_key": "root.pem"}, "root.pem, root.pem: the CA certificate is not a certificate"),
        ({"chain_length": 0, "alternate_roots": 1}, "alternate roots need an intermediate"),
    ],
)
def test_a_wrong_option_is_answered_with_a_sentence(tmp_path, monkeypatch, options, sentence):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "root.pem").write_text("no PEM")
    with pytest.raises(click.UsageError, match=sentence):
        design_of(Settings(**options), START)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"tls_ca_key": "ca.pem"}, "--tls-ca-cert and --tls-ca-key are wanted together"),
        ({"tls_ca_cert": "ca.pem", "tls_ca_key": "ca.pem"}, "ca.pem, ca.pem: the CA certificate is not a certificate"),
    ],
)
def test_a_wrong_ca_of_the_servers_own_certificate_is_answered_with_a_sentence(
    tmp_path, monkeypatch, options, sentence
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ca.pem").write_text("no PEM")
    with pytest.raises(click.UsageError, match=sentence):
        tls_ca_of(Settings(**options))


@pytest.mark.parametrize("days", [-31, 31])
def test_a_root_that_is_not_valid_is_answered_with_a_sentence(tmp_path, days):
    root = create_signer(random.Random(1).randbytes, START + timedelta(days=days), "Corporate", timedelta(days=30))
    paths = {"ca_cert": pem(root.certificate), "ca_key": key_pem(root.key)}
    for name, text in paths.items():
        (tmp_path / name).write_text(text)
    options = Settings(**{name: str(tmp_path / name) for name in paths})
    with pytest.raises(click.UsageError, match=r"the root is valid from 20\S+ to 20\S+, and now it is 2026-11-22"):
        design_of(options, START)


async def test_a_root_of_ones_own_is_used(manage, tmp_path):
    first = await manage()
    paths = {"ca_cert": "/roots/0", "ca_key": "/root-keys/0"}
    for name, path in paths.items():
        (tmp_path / name).write_text((await first.get(path))[1])
    second = await manage(**{name: str(tmp_path / name) for name in paths})
    assert (await first.get("/roots/0"))[1] == (await second.get("/roots/0"))[1]
    assert (await first.get("/intermediates/0"))[1] != (await second.get("/intermediates/0"))[1]


async def test_the_servers_own_certificate_is_made_below_a_ca_that_is_given(manage, tmp_path):
    ca = tls.create_ca(random.Random(1).randbytes, datetime.now(UTC))
    (tmp_path / "ca.pem").write_text(signer_pem(ca))
    path = str(tmp_path / "ca.pem")
    management = await manage(tls_ca_cert=path, tls_ca_key=path)
    assert await management.get("/tls-ca") == (200, pem(ca.certificate))


async def test_a_world_has_an_authority_and_profiles_of_its_own(manage):
    management = await manage()
    settings = {
        "authority": {"key_type": "Ed25519", "chain_length": 2, "alternate_roots": 1},
        "profiles": {"hourly": "1h"},
    }
    status, _ = await management.post("/worlds", {"id": "own", "settings": settings})
    assert status == 201
    world = management.running.worlds.get("own").world
    assert (len(world.authority.roots), len(world.authority.chain())) == (2, 2)
    assert world.settings.profiles[-1].name == "hourly"


@pytest.mark.parametrize(
    ("authority", "sentence"),
    [
        ({"key_type": "DSA"}, "'key_type' is one of P-256, "),
        ({"key_type": "RSA-2048"}, "an RSA key cannot be seeded"),
        ({"chain_length": 0, "alternate_roots": 1}, "alternate roots need an intermediate"),
    ],
)
async def test_a_world_cannot_have_a_wrong_authority(manage, authority, sentence):
    body = {"seed": 1, "settings": {"authority": authority}}
    status, text = await (await manage()).post("/worlds", body)
    assert status == 400
    assert json.loads(text)["error"].startswith(sentence)


def test_profiles_are_added_to_those_that_there_are():
    names = [profile.name for profile in profiles_of(Settings(profile=(("hourly", timedelta(hours=1)),)))]
    assert names == ["default", "classic", "tlsclient", "shortlived", "hourly"]
