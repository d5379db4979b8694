"""What an issuer needs next, and the keys that accounts have."""

import base64
import hashlib
import re

import attrs
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, x25519
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from issuer_bridge.acme_client.external_account import ExternalAccount
from issuer_bridge.cert_manager.account_keys import hash_of, new_key, read_key, secret_with
from issuer_bridge.cert_manager.accounts import Target, WorldAddress
from issuer_bridge.cert_manager.issuer_steps import (
    Adopt,
    CreateKey,
    Nothing,
    Refuse,
    Register,
    Secrets,
    resolve_server,
    secret_names,
)
from issuer_bridge.cert_manager.issuer_steps import decide as decide_with
from tests.issuer_bridge.bridge_resources import issuer
from tests.issuer_bridge.bridge_rig import entropy_of

WORLDS = {
    "default": WorldAddress("https://127.0.0.1:14000/dir", "ROOT"),
    "other": WorldAddress("https://127.0.0.1:14000/w/other/dir"),
}
KEY = ec.derive_private_key(7, ec.SECP256R1())
RSA_KEY = rsa.generate_private_key(65537, 2048)
TARGET = Target("https://127.0.0.1:14000/dir", "ROOT", verify=True, key_hash=hash_of(KEY), email="", generation=1)
BUNDLE = "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n"


URI = "https://127.0.0.1:14000/account/1"
KNOWN = {"uri": URI, "lastRegisteredEmail": "", "lastPrivateKeyHash": hash_of(KEY)}


def decide(resource, account, worlds, *known, **options):
    """Decide about an issuer whose account key is in a Secret, or in none."""
    held = {"account": account} if account else {}
    return decide_with(resource, Secrets("kube-system", held), worlds, *known, **options)


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
    why = "the ACME issuer config has 'disableAccountKeyGeneration' set to true, but the secret was not found"
    message = f'Failed to verify ACME account: {why}: secrets "account" not found in namespace "kube-system"'
    assert step == Refuse("ErrVerifyACMEAccount", message)


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
        RSA_KEY,
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


def adoptable(**known):
    """An issuer that was registered in an earlier run."""
    found = issuer()
    found["status"]["acme"] = {**KNOWN, **known}
    return found


def test_an_account_that_the_status_names_is_used_without_asking():
    assert decide(adoptable(), secret(), WORLDS) == Adopt(TARGET, KEY, URI)


@pytest.mark.parametrize(
    ("known", "options"),
    [
        ({"uri": ""}, {}),
        ({"uri": "https://127.0.0.1:14001/account/1"}, {}),
        ({"lastRegisteredEmail": "old@b.test"}, {}),
        ({"lastPrivateKeyHash": "other"}, {}),
        ({}, {"lost": True}),
        ({}, {"registered": attrs.evolve(TARGET, directory_url="https://127.0.0.1:14000/w/other/dir")}),
    ],
    ids=["no account", "other host", "other email", "other key", "lost by the server", "other world of the host"],
)
def test_an_account_that_may_be_another_is_registered(known, options):
    assert isinstance(decide(adoptable(**known), secret(), WORLDS, **options), Register)


def test_what_was_refused_for_good_is_not_tried_again_until_it_changes():
    assert decide(fresh(), secret(), WORLDS, refused=(TARGET, None)) == Nothing()
    assert isinstance(decide(changed(), secret(), WORLDS, refused=(TARGET, None)), Register)
    other = ExternalAccount("kid", b"key")
    assert isinstance(decide(fresh(), secret(), WORLDS, refused=(TARGET, other)), Register)


@pytest.mark.parametrize(
    "server",
    ["https://acme-v01.api.letsencrypt.org/directory", "https://acme-staging.api.letsencrypt.org/directory/"],
)
def test_a_directory_of_version_1_is_refused_with_that_of_version_2(server):
    step = decide(fresh(server=server), None, WORLDS)
    assert (step.reason, "-v02.api.letsencrypt.org/directory" in step.message) == ("InvalidConfig", True)


CLOUDFLARE = {"dns01": {"cloudflare": {"apiTokenSecretRef": {"name": "token", "key": "api"}}}}
TSIG = {"dns01": {"rfc2136": {"nameserver": "127.0.0.1", "tsigSecretSecretRef": {"name": "tsig", "key": "secret"}}}}
UNSIGNED = {"dns01": {"rfc2136": {"nameserver": "127.0.0.1", "tsigSecretSecretRef": {"name": ""}}}}
ROUTE53 = {
    "dns01": {
        "route53": {
            "secretAccessKeySecretRef": {"name": "aws", "key": "secret"},
            "accessKeyIDSecretRef": {"name": "aws", "key": "id"},
        }
    }
}
NO_TOKEN, NO_TSIG = [
    f'failed to get secret "{name}": secrets "{name}" not found in namespace "kube-system"'
    for name in ("token", "tsig")
]
HAS_TSIG, HAS_AWS = {"tsig": {"data": {"secret": "eA=="}}}, {"aws": {"data": {"secret": "eA==", "id": "eA=="}}}


@pytest.mark.parametrize(
    ("solvers", "held", "complaint"),
    [
        ([TSIG], HAS_TSIG, None),
        ([TSIG], {}, NO_TSIG),
        ([TSIG], {"tsig": {}}, 'the secret "tsig" does not have key "secret"'),
        ([UNSIGNED], {}, None),
        ([ROUTE53], HAS_AWS, None),
        ([ROUTE53], {"aws": {"data": {"id": "eA=="}}}, 'the secret "aws" does not have key "secret"'),
        (
            [CLOUDFLARE, TSIG, {"http01": {"ingress": {}}}, ROUTE53],
            HAS_AWS,
            f"{NO_TOKEN}; {NO_TSIG}",
        ),
    ],
)
def test_the_secrets_of_dns01_solvers_must_be_there(solvers, held, complaint):
    """TestValidateDNSSolvers of pkg/issuer/acme/setup_test.go."""
    secrets = Secrets("kube-system", {"account": secret(), **held})
    step = decide_with(fresh(solvers=solvers), secrets, WORLDS)
    assert step == Refuse("InvalidSolver", complaint, keep=True) if complaint else isinstance(step, Register)


def test_an_issuer_hears_of_every_secret_that_it_refers_to():
    binding = {"keyID": "kid", "keySecretRef": {"name": "eab", "key": "k"}}
    found = secret_names(fresh(solvers=[TSIG, CLOUDFLARE, UNSIGNED], externalAccountBinding=binding))
    assert found == ("account", "eab", "tsig", "token")


def test_only_upstream_refuses_keys_that_are_not_rsa():
    assert isinstance(decide(fresh(), secret(), WORLDS), Register)
    step = decide(fresh(), secret(), WORLDS, upstream=True)
    assert step == Refuse("ErrVerifyACMEAccount", 'ACME private key in "account" is not of type RSA')


@pytest.mark.parametrize(
    ("algorithm", "upstream", "used"),
    [
        (None, False, "HS256"),
        ("HS512", False, "HS512"),
        ("HS512", True, "HS256"),
    ],
)
def test_a_binding_is_made_by_the_algorithm_that_is_asked_for_but_upstream_knows_one(algorithm, upstream, used):
    binding = {"keyID": "kid", "keySecretRef": {"name": "eab", "key": "k"}, "keyAlgorithm": algorithm}
    held = {"account": secret(RSA_KEY), "eab": {"data": {"k": base64.b64encode(b"a2V5\n").decode()}}}
    bound = fresh(externalAccountBinding=binding)
    step = decide_with(bound, Secrets("kube-system", held), WORLDS, upstream=upstream)
    assert step.external == ExternalAccount("kid", b"key", used)


def test_a_key_of_rsa_follows_from_entropy_too():
    """The same numbers on every machine: a seed repeats account keys."""
    keys = [new_key(entropy_of(seed), rsa_key=True) for seed in (1, 1, 2)]
    hashes = [hash_of(key) for key in keys]
    assert (hashes[0] == hashes[1], hashes[0] == hashes[2], keys[0].key_size) == (True, False, 2048)
    made = secret_with(keys[0], {"name": "account", "key": "k"}, "kube-system", upstream=True)
    first, *body, _ = base64.b64decode(made["data"]["k"]).splitlines()
    assert first == b"-----BEGIN RSA PRIVATE KEY-----"
    assert hashes[0] == base64.b64encode(hashlib.sha256(base64.b64decode(b"".join(body))).digest()).decode()
    assert made["metadata"]["labels"] == {"app.kubernetes.io/managed-by": "cert-manager"}
    assert hash_of(read_key(made, {"key": "k"})) == hashes[0]


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
