"""Hierarchies of any length, with any keys, below any number of roots, made or loaded."""

from __future__ import annotations

import json
import random
import subprocess
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from acme_server.ca_keys import SEEDED, key_pem
from acme_server.ca_pem import from_pem, load_signer, to_pem
from acme_server.certificate_authority import Design, create, issue, pem, rotate
from acme_server.links import Links
from acme_server.protocol.identifier import Identifier
from acme_server.root_rotation import add_root, drop_root, prefer_root
from acme_server.settings import Settings
from acme_server.signers import create_signer
from tests.acme_server.rig import BASE, START, Client, leaf_of, registered

NOW = datetime(2026, 11, 22, 1, 2, 3, tzinfo=UTC)
NOT_BEFORE, NOT_AFTER = NOW - timedelta(minutes=1), NOW + timedelta(days=90)
NAMES = (Identifier("dns", "www.gravel.example"),)
LEAF_KEY = ec.generate_private_key(ec.SECP256R1()).public_key()
RSA = rsa.generate_private_key(65537, 2048)
KEY_TYPES = {**SEEDED, "RSA": lambda _: RSA}


def make(seed=1, **design):
    return create(random.Random(seed).randbytes, NOW, Design(**design), Links(BASE))


def leaf_below(ca):
    return issue(ca, LEAF_KEY, NAMES, 1 << 126, NOT_BEFORE, NOT_AFTER)


def verifies(tmp_path, root, chain, leaf):
    for name, certificates in (("root", [root]), ("chain", chain), ("leaf", [leaf])):
        (tmp_path / f"{name}.pem").write_text("".join(map(pem, certificates)))
    command = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-attime", str(int(NOW.timestamp()))]
    files = ["-CAfile", "root.pem", *(["-untrusted", "chain.pem"] if chain else []), "leaf.pem"]
    return subprocess.run([*command, *files], cwd=tmp_path, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("kind", KEY_TYPES)
def test_openssl_verifies_a_chain_of_any_kind_of_key(tmp_path, kind):
    ca = make(new_key=KEY_TYPES[kind])
    assert verifies(tmp_path, ca.root, ca.chain(), leaf_below(ca))


@pytest.mark.parametrize("kind", SEEDED)
def test_the_same_entropy_gives_the_same_hierarchy_of_any_seeded_kind(kind):
    one, other = (to_pem(make(new_key=SEEDED[kind], chain_length=2, alternate_roots=1)) for _ in range(2))
    assert one == other


@pytest.mark.parametrize("length", [0, 1, 2, 3])
def test_openssl_verifies_a_chain_of_any_length(tmp_path, length):
    ca = make(chain_length=length)
    assert len(ca.chain()) == length
    assert verifies(tmp_path, ca.root, ca.chain(), leaf_below(ca))


@pytest.mark.seed("B63")
@pytest.mark.parametrize("length", [1, 2])
def test_each_root_has_a_chain_and_no_chain_leads_to_another_root(tmp_path, length):
    ca = make(chain_length=length, alternate_roots=2)
    leaf = leaf_below(ca)
    reached = [
        [verifies(tmp_path, signer.certificate, ca.chain(number), leaf) for signer in ca.roots] for number in range(3)
    ]
    assert reached == [[row == column for column in range(3)] for row in range(3)]


def test_alternate_roots_need_an_intermediate():
    with pytest.raises(ValueError, match="need an intermediate"):
        Design(chain_length=0, alternate_roots=1)


@pytest.mark.seed("B63")
@pytest.mark.parametrize("length", [1, 2])
def test_a_rotated_intermediate_has_all_its_chains(tmp_path, length):
    ca = make(chain_length=length, alternate_roots=1)
    rotated = rotate(ca, random.Random(2).randbytes, NOW, Links(BASE))
    assert rotated.intermediate != ca.intermediate
    assert rotated.retired == (ca.issuer,)
    for number, signer in enumerate(rotated.roots):
        assert verifies(tmp_path, signer.certificate, rotated.chain(number), leaf_below(rotated))


@pytest.mark.seed("B63")
@pytest.mark.parametrize("length", [1, 2])
def test_a_root_is_rotated_and_each_chain_leads_to_its_root_at_every_step(tmp_path, length):
    steps = [make(chain_length=length)]
    steps.append(add_root(steps[-1], random.Random(2).randbytes, NOW, Links(BASE)))
    steps.append(prefer_root(steps[-1], 1, Links(BASE)))
    steps.append(drop_root(steps[-1], 1))
    old, new = steps[1].roots
    assert [step.roots for step in steps] == [(old,), (old, new), (new, old), (new,)]
    for step in steps:
        assert from_pem(to_pem(step), Links(BASE)) == step
        for number, signer in enumerate(step.roots):
            assert verifies(tmp_path, signer.certificate, step.chain(number), leaf_below(step))


def test_an_authority_comes_back_from_its_text():
    links = Links(BASE)
    ca = rotate(make(chain_length=2, alternate_roots=1), random.Random(2).randbytes, NOW, links)
    again = from_pem(json.loads(json.dumps(to_pem(ca))), links)
    assert again == ca
    assert pem(leaf_below(again)) == pem(leaf_below(ca))


def test_intermediates_are_made_below_a_root_that_was_loaded_and_within_its_validity(tmp_path):
    young = create_signer(random.Random(3).randbytes, NOW + timedelta(hours=20), "Corporate", timedelta(days=100))
    root = load_signer(pem(young.certificate), key_pem(young.key))
    ca = make(root=root)
    assert ca.root == root.certificate
    ends = ca.intermediate.not_valid_before_utc, ca.intermediate.not_valid_after_utc
    assert ends == (root.certificate.not_valid_before_utc, root.certificate.not_valid_after_utc)
    assert verifies(tmp_path, ca.root, ca.chain(), leaf_below(ca))


@pytest.mark.parametrize(("room", "length"), [(0, 1), (1, 2)])
def test_a_root_that_was_loaded_has_no_more_below_it_than_it_allows(tmp_path, room, length):
    root = create_signer(random.Random(3).randbytes, NOW, "Corporate", timedelta(days=100), below=room)
    ca = make(root=root, chain_length=room)
    assert verifies(tmp_path, ca.root, ca.chain(), leaf_below(ca))
    with pytest.raises(ValueError, match=f"chain length of {room} at most"):
        Design(root=root, chain_length=length)


@pytest.mark.parametrize("days", [-101, 101])
def test_nothing_is_made_below_a_root_that_is_not_valid_now(days):
    root = create_signer(random.Random(3).randbytes, NOW + timedelta(days=days), "Corporate", timedelta(days=100))
    with pytest.raises(ValueError, match="the root is valid from"):
        make(root=root)


ROOT = make().roots[0]
LEAF = leaf_below(make())
WRONG = {
    "is not a certificate": ("nonsense", key_pem(ROOT.key)),
    "is not a private key": (pem(ROOT.certificate), pem(ROOT.certificate)),
    "is encrypted": (
        pem(ROOT.certificate),
        ROOT.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")).decode(),
    ),
    "is not the key of": (pem(ROOT.certificate), key_pem(make(2).roots[0].key)),
    "of a kind that does not sign": (pem(ROOT.certificate), key_pem(ec.generate_private_key(ec.SECP256K1()))),
}


@pytest.mark.parametrize("sentence", WRONG)
def test_what_does_not_fit_is_said_in_a_sentence(sentence):
    with pytest.raises(ValueError, match=sentence):
        load_signer(*WRONG[sentence])


def test_a_leaf_is_no_authority():
    key = ec.derive_private_key(7, ec.SECP256R1())
    leaf = issue(make(), key.public_key(), NAMES, 1 << 126, NOW, NOW + timedelta(days=1))
    with pytest.raises(ValueError, match="do not say CA:TRUE"):
        load_signer(pem(leaf), key_pem(key))


def test_a_client_is_led_from_each_chain_to_the_others():
    client = registered(Settings(always_valid=True, authority=Design(alternate_roots=2)))
    first = client.issue("www.example.org").json["certificate"]
    urls = [first, f"{first}/alternate/1", f"{first}/alternate/2"]
    leaves = []
    for number, url in enumerate(urls):
        response = client.post(url)
        others = [value for value in response.headers("Link") if value.endswith('rel="alternate"')]
        assert others == [f'<{other}>;rel="alternate"' for other in urls if other != url]
        leaf, intermediate = x509.load_pem_x509_certificates(response.reply.body)
        intermediate.verify_directly_issued_by(client.server.world.authority.roots[number].certificate)
        leaves.append(leaf)
    assert leaves == [leaves[0]] * 3
    for wrong in ("0", "3", "01", "x"):
        assert client.post(f"{first}/alternate/{wrong}").outcome == (404, "malformed")


def test_another_account_does_not_get_an_alternate_chain():
    client = registered(Settings(always_valid=True, authority=Design(alternate_roots=1)))
    url = client.issue("www.example.org").json["certificate"] + "/alternate/1"
    other = Client(client.server, ec.derive_private_key(2000, ec.SECP256R1()))
    other.register()
    assert other.post(url).outcome == (403, "unauthorized")


def test_a_certificate_does_not_outlive_an_issuer_that_was_loaded():
    short = create_signer(random.Random(3).randbytes, START, "Corporate", timedelta(days=31))
    client = registered(Settings(always_valid=True, authority=Design(root=short)))
    leaf = leaf_of(client.post(client.issue("www.example.org").json["certificate"]).reply.body)
    assert leaf.not_valid_after_utc == short.certificate.not_valid_after_utc


def test_names_are_as_the_design_has_them():
    ca = make(root_name="Pebble Root CA", intermediate_name="Pebble Intermediate CA", alternate_roots=1)
    names = [each.certificate.subject.rfc4514_string() for each in (*ca.roots, *ca.intermediates)]
    assert [name.rpartition(" ")[0] for name in names] == ["CN=Pebble Root CA"] * 2 + ["CN=Pebble Intermediate CA"]
    assert len({name.rpartition(" ")[2] for name in names[:2]}) == 2


def test_an_authority_has_as_many_alternates_as_further_roots():
    assert [len(make(alternate_roots=count).chains_pem) for count in range(3)] == [1, 2, 3]
