"""What an issuer needs next, and what registering makes of it."""

import base64
import re

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, x25519
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from issuer_bridge.cert_manager.account_keys import hash_of, new_key, read_key, secret_with
from issuer_bridge.cert_manager.accounts import Target, WorldAddress
from issuer_bridge.cert_manager.issuers import CreateKey, Nothing, Refuse, Register, decide, resolve_server
from tests.issuer_bridge.bridge_resources import issuer

WORLDS = {
    "default": WorldAddress("https://127.0.0.1:14000/dir", "ROOT"),
    "other": WorldAddress("https://127.0.0.1:14000/w/other/dir"),
}
KEY = ec.derive_private_key(7, ec.SECP256R1())
TARGET = Target("https://127.0.0.1:14000/dir", "ROOT", verify=True, key_hash=hash_of(KEY), email="", generation=1)
BUNDLE = "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n"


def secret(key=KEY, name="tls.key", encryption=None, data=None):
    if data is None:
        data = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())
    return {"metadata": {"name": "account"}, "data": {name: base64.b64encode(data).decode()}}


def fresh(**acme):
    return issuer(ready=None, **acme)


def changed():
    """An issuer whose spec was written again."""
    found = issuer()
    found["metadata"]["generation"] = 2
    return found


def test_an_issuer_of_another_type_is_not_ours():
    assert decide({**fresh(), "spec": {"ca": {}}}, None, WORLDS) == Nothing()


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        ("gravel://default", ("https://127.0.0.1:14000/dir", "ROOT")),
        ("gravel://other", ("https://127.0.0.1:14000/w/other/dir", None)),
        ("https://acme.example/directory", ("https://acme.example/directory", None)),
        ("http://localhost:4000/dir", ("http://localhost:4000/dir", None)),
    ],
)
def test_a_server_is_a_url_or_a_world(server, expected):
    assert expected == resolve_server(server, WORLDS)


@pytest.mark.parametrize(
    ("server", "complaint"),
    [
        ("gravel://nowhere", "names a world that does not run here; these do: gravel://default, gravel://other"),
        ("ftp://acme.example", "is neither an http(s) URL nor gravel://WORLD"),
        ("acme.example", "is neither"),
        ("https://", "is neither"),
        ("", "is neither"),
        ("https://[::1", "is not a URL"),
    ],
)
def test_a_server_that_cannot_be_is_refused_with_what_can(server, complaint):
    step = decide(fresh(server=server), secret(), WORLDS)
    assert isinstance(step, Refuse)
    assert step.reason == "InvalidURL"
    assert complaint in step.message


@pytest.mark.parametrize(
    "bundle", ["not base64", base64.b64encode(b"hello").decode(), base64.b64encode(b"\xff").decode()]
)
def test_a_bundle_must_hold_certificates(bundle):
    step = decide(fresh(caBundle=bundle), secret(), WORLDS)
    assert step == Refuse("InvalidConfig", "spec.acme.caBundle is not the base64 of PEM certificates")


def test_a_missing_key_is_made():
    assert decide(fresh(), None, WORLDS) == CreateKey()


def test_a_missing_key_is_not_made_when_that_is_turned_off():
    step = decide(fresh(disableAccountKeyGeneration=True), None, WORLDS)
    assert step == Refuse("ErrVerifyACMEAccount", "Failed to verify ACME account: its Secret is missing")


@pytest.mark.parametrize(
    ("bad", "complaint"),
    [
        (secret(name="other.key"), "it has no 'tls.key'"),
        (secret(data=b"hello"), "its 'tls.key' is not an unencrypted private key in PEM"),
        (secret(encryption=BestAvailableEncryption(b"x")), "its 'tls.key' is not an unencrypted private key in PEM"),
        (
            secret(x25519.X25519PrivateKey.from_private_bytes(bytes(32))),
            "is not an RSA, P-256, P-384, P-521 or Ed25519",
        ),
        (secret(ec.derive_private_key(7, ec.SECP256K1())), "is not an RSA, P-256, P-384, P-521 or Ed25519"),
    ],
)
def test_a_secret_without_a_usable_key_is_refused(bad, complaint):
    step = decide(fresh(), bad, WORLDS)
    assert isinstance(step, Refuse)
    assert step.reason == "ErrVerifyACMEAccount"
    assert complaint in step.message


@pytest.mark.parametrize(
    "key",
    [
        KEY,
        ec.derive_private_key(7, ec.SECP521R1()),
        ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32)),
        rsa.generate_private_key(65537, 2048),
    ],
)
def test_keys_of_every_kind_that_acme_can_use_are_read(key):
    step = decide(fresh(), secret(key), WORLDS)
    assert isinstance(step, Register)
    assert step.target.key_hash == hash_of(key)


def test_another_key_of_the_secret_may_be_named():
    step = decide(fresh(privateKeySecretRef={"name": "account", "key": "k"}), secret(name="k"), WORLDS)
    assert isinstance(step, Register)


def test_registering_aims_at_what_the_spec_says():
    bundle = base64.b64encode(BUNDLE.encode()).decode()
    step = decide(fresh(caBundle=bundle, skipTLSVerify=True, email="A@b.test"), secret(), WORLDS)
    assert step.target == Target("https://127.0.0.1:14000/dir", BUNDLE, False, hash_of(KEY), "A@b.test", 1)


def test_a_registered_issuer_that_says_so_needs_nothing():
    assert decide(issuer(), secret(), WORLDS, TARGET) == Nothing()


@pytest.mark.parametrize(
    ("resource", "key", "registered"),
    [
        (issuer(), KEY, None),
        (issuer(email="new@b.test"), KEY, TARGET),
        (issuer(skipTLSVerify=True), KEY, TARGET),
        (issuer(), ec.derive_private_key(8, ec.SECP256R1()), TARGET),
        (changed(), KEY, TARGET),
        (issuer(ready="False"), KEY, TARGET),
    ],
    ids=["restarted", "other email", "other TLS", "other key", "other generation", "not ready"],
)
def test_what_changed_is_registered_again(resource, key, registered):
    assert isinstance(decide(resource, secret(key), WORLDS, registered), Register)


def test_what_was_refused_for_good_is_not_tried_again_until_it_changes():
    assert decide(fresh(), secret(), WORLDS, refused=TARGET) == Nothing()
    assert isinstance(decide(changed(), secret(), WORLDS, refused=TARGET), Register)


def test_a_new_key_follows_from_entropy_and_can_be_read_back():
    made = secret_with(new_key(lambda size: bytes([5]) * size), {"name": "account"}, "kube-system")
    again = secret_with(new_key(lambda size: bytes([5]) * size), {"name": "account"}, "kube-system")
    other = secret_with(new_key(lambda size: bytes([6]) * size), {"name": "account"}, "kube-system")
    assert made == again != other
    assert (
        made["metadata"]["name"],
        made["metadata"]["namespace"],
        made["metadata"]["labels"],
    ) == ("account", "kube-system", {"app.kubernetes.io/managed-by": "gravel"})
    assert read_key(made, {"name": "account"}).curve.name == "secp256r1"


@pytest.mark.parametrize("filler", [0, 255])
def test_any_entropy_makes_a_key(filler):
    assert new_key(lambda size: bytes([filler]) * size).key_size == 256


def test_a_register_step_does_not_show_the_key():
    assert not re.search("key=", repr(Register(TARGET, KEY)))
