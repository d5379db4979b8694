"""Vault issuers against a stand-in that speaks Vault's API, in virtual time: Ready, signing, and what is in the way."""

import base64
from datetime import timedelta

import pytest
from cryptography import x509

from acme_server.protocol.vantage import REFUSED, HttpAnswer
from issuer_bridge.resources import CLUSTER_ISSUER, ISSUER, SECRET
from tests.issuer_bridge.local_rig import SYSTEM, LocalRig, tls_secret
from tests.issuer_bridge.stand_ins.vault import VaultStandIn

READY = ("True", "VaultVerified", "Vault verified")
SERVER = "http://vault.test:8200"
TOKEN = {"tokenSecretRef": {"name": "vault", "key": "token"}}
APP_ROLE = {"appRole": {"path": "approle", "roleId": "role-1", "secretRef": {"name": "vault", "key": "secret"}}}
KUBERNETES = {
    "kubernetes": {"role": "issuer", "mountPath": "/v1/auth/kubernetes", "secretRef": {"name": "vault", "key": "jwt"}}
}
CREDENTIALS = {"token": b"s.root\n", "secret": b"secret-1", "jwt": b"jwt-1"}
REFERENCE = {"name": "vault", "kind": "ClusterIssuer"}


class VaultRig(LocalRig):
    """A bridge and a Vault; its issuer `vault` has credentials in a Secret."""

    def __init__(self, auth=TOKEN, *, secret=True, **vault):
        super().__init__(root=False)
        self.vault = VaultStandIn(self.driver.now)
        self.network.routes["vault.test:8200"] = self.vault
        if secret:
            self.create(SECRET, tls_secret("vault", SYSTEM, **CREDENTIALS))
        self.issuer("vault", {"vault": {"server": SERVER, "path": "pki/sign/web", "auth": auth, **vault}})
        self.run(seconds=2)

    def ask(self, *names, name="one", **spec):
        self.apply(name, *names, **{"issuerRef": REFERENCE, **spec})
        self.run(seconds=3)

    def certificates(self, field, name="one"):
        return x509.load_pem_x509_certificates(base64.b64decode(self.request(name)["status"][field]))


def said(path, code, error, method="POST"):
    return f"Error making API request.\n\nURL: {method} {SERVER}{path}\nCode: {code}. Errors:\n\n* {error}"


@pytest.mark.seed("B04", "K02")
@pytest.mark.parametrize("auth", [TOKEN, APP_ROLE, KUBERNETES], ids=["token", "AppRole", "Kubernetes"])
def test_a_role_of_a_vault_signs(auth):
    rig = VaultRig(auth)
    assert rig.issuer_ready("vault") == READY
    rig.ask("www.test", duration="48h")
    assert rig.ready("one") == ("True", "Issued", "Certificate fetched from issuer successfully")
    (leaf, intermediate), (root,) = rig.certificates("certificate"), rig.certificates("ca")
    leaf.verify_directly_issued_by(intermediate)
    intermediate.verify_directly_issued_by(root)
    assert leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(
        x509.DNSName
    ) == ["www.test"]
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc == timedelta(hours=48, seconds=30)
    assert rig.vault.asked[-1] == "POST /v1/pki/sign/web"


@pytest.mark.seed("K02")
def test_a_certificate_of_a_vault_is_renewed_and_the_role_says_how_long_it_lasts():
    rig = VaultRig(APP_ROLE)
    rig.add("www", issuerRef=REFERENCE, dnsNames=["www.test"])
    rig.run(seconds=10)
    first = rig.leaf()
    assert first.not_valid_after_utc - rig.driver.now() < timedelta(days=30)
    rig.run(days=21)
    assert (rig.status("revision"), rig.leaf().serial_number != first.serial_number) == (2, True)
    assert rig.chain("www-tls", entry="ca.crt") == [rig.vault.root[0]]


UNUSABLE = "Failed to verify Vault is initialized and unsealed: "
SPECS = [
    ({"server": ""}, "Vault server and path are required fields"),
    ({"path": ""}, "Vault server and path are required fields"),
    ({"auth": {}}, "Vault tokenSecretRef, appRole, clientCertificate, kubernetes, or aws is required"),
    ({"auth": TOKEN | APP_ROLE}, "Multiple auth methods cannot be set on the same Vault issuer"),
    ({"auth": {"tokenSecretRef": {"name": ""}}}, "Vault Token auth requires tokenSecretRef.name"),
    (
        {"auth": {"appRole": {"roleId": "", "secretRef": {"name": "x"}}}},
        "Vault AppRole auth requires both roleId and tokenSecretRef.name",
    ),
    ({"auth": {"appRole": {"roleId": "x", "secretRef": {"name": "x"}}}}, "Vault AppRole auth requires secretRef.key"),
    ({"auth": {"kubernetes": {"secretRef": {"name": "x"}}}}, "Vault Kubernetes auth requires a role to be set"),
    (
        {"auth": {"kubernetes": {"role": "x"}}},
        "Vault Kubernetes auth requires either secretRef.name or serviceAccountRef.name to be set",
    ),
    (
        {"auth": {"kubernetes": {"role": "x", "secretRef": {"name": "x"}, "serviceAccountRef": {"name": "x"}}}},
        "Vault Kubernetes auth cannot be used with both secretRef.name and serviceAccountRef.name",
    ),
    (
        {"caBundle": "Zm9v"},
        "Failed to initialize Vault client: failed to load vault CA bundle: it holds no certificate",
    ),
    (
        {"auth": {"tokenSecretRef": {"name": "vault", "key": "no"}}},
        "Failed to initialize Vault client: no data for \"no\" in secret 'kube-system/vault'",
    ),
    (
        {"auth": {"aws": {"role": "x"}}},
        "Failed to initialize Vault client: spec.vault.auth.aws does not work here",
    ),
    (
        {"auth": {"appRole": {"roleId": "no", "secretRef": {"name": "vault", "key": "secret"}}}},
        "Failed to initialize Vault client: error logging in to Vault server: "
        + said("/v1/auth/approle/login", 400, "invalid role or secret ID"),
    ),
    (
        {"auth": {"kubernetes": {**KUBERNETES["kubernetes"], "role": "no"}}},
        "Failed to initialize Vault client: while requesting a Vault token using the Kubernetes auth: "
        "error calling Vault server: " + said("/v1/auth/kubernetes/login", 403, "permission denied"),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "message"), SPECS)
def test_what_is_wrong_with_an_issuer_is_told_in_upstreams_words(spec, message):
    rig = VaultRig(**{"auth": TOKEN, **spec})
    assert rig.issuer_ready("vault") == ("False", "VaultError", message)


@pytest.mark.parametrize(
    ("health", "message"),
    [
        (501, UNUSABLE + "Vault is not initialized"),
        (503, UNUSABLE + "Vault is sealed"),
        (
            500,
            f"{UNUSABLE}error calling Vault /v1/sys/health: {said('/v1/sys/health', 500, '', 'GET')}".removesuffix(
                "* "
            ),
        ),
    ],
)
def test_a_vault_that_cannot_be_used_is_asked_again_until_it_can(health, message):
    rig = VaultRig()
    rig.vault.health = health
    rig.issuer("later", rig.store.get(CLUSTER_ISSUER, "", "vault")["spec"])
    rig.run(seconds=2)
    assert rig.issuer_ready("later") == ("False", "VaultError", message)
    rig.vault.health = 473
    rig.run(minutes=1)
    assert rig.issuer_ready("later") == READY


def test_an_issuer_is_ready_when_its_secret_comes_and_a_rotated_token_is_used_at_once():
    rig = VaultRig(secret=False)
    assert rig.issuer_ready("vault")[2] == 'Failed to initialize Vault client: secret "vault" not found'
    rig.create(SECRET, tls_secret("vault", SYSTEM, token=b"s.old"))
    rig.run(seconds=2)
    assert rig.issuer_ready("vault") == READY
    rig.ask("www.test")
    assert rig.ready("one")[:2] == ("False", "Failed")
    secret = rig.store.get(SECRET, SYSTEM, "vault")
    rig.store.replace(SECRET, {**secret, "data": tls_secret("vault", token=b"s.root")["data"]})
    rig.ask("www.test", name="two")
    assert rig.issued("two")


@pytest.mark.parametrize(
    ("names", "path", "error"),
    [
        (["www.example"], "web", (400, "common name www.example not allowed by this role")),
        (["www.test"], "mail", (400, "unknown role: mail")),
    ],
)
def test_what_vault_refuses_to_sign_has_failed_for_good(names, path, error):
    rig = VaultRig(path=f"pki/sign/{path}")
    rig.ask(*names)
    text = (
        f"Vault failed to sign certificate: failed to sign certificate by vault: {said(f'/v1/pki/sign/{path}', *error)}"
    )
    assert rig.ready("one") == ("False", "Failed", text)
    assert ("SigningError", text) in rig.events("CertificateRequest")
    asked = len(rig.vault.asked)
    rig.run(hours=1)
    assert len(rig.vault.asked) == asked


def test_a_token_is_for_the_path_of_its_policy_only():
    rig = VaultRig(APP_ROLE, path="pki/sign/mail")
    rig.ask("www.test")
    assert "Code: 403" in rig.ready("one")[2]


def test_a_vault_that_is_away_while_it_is_logged_in_to_is_waited_for():
    rig = VaultRig(APP_ROLE)
    rig.network.routes["vault.test:8200"] = lambda question: HttpAnswer(error=REFUSED)
    rig.ask("www.test")
    text = f'error logging in to Vault server: Post "{SERVER}/v1/auth/approle/login": connection refused'
    assert rig.ready("one") == ("False", "Pending", f"Failed to initialise vault client for signing: {text}")
    assert [reason for reason, _ in rig.events("CertificateRequest")].count("VaultInitError") == 1
    rig.network.routes["vault.test:8200"] = rig.vault
    rig.run(minutes=1)
    assert rig.issued("one")


def test_an_issuer_of_a_namespace_has_its_secret_there_and_a_namespace_of_vault_is_named():
    rig = VaultRig()
    rig.vault.namespace = "team-a"
    rig.create(SECRET, tls_secret("vault", "default", **CREDENTIALS))
    spec = {"server": SERVER, "path": "pki/sign/web", "auth": TOKEN, "namespace": "team-a"}
    rig.issuer("own", {"vault": spec}, "default")
    rig.run(seconds=2)
    assert rig.issuer_ready("own", "default") == READY
    rig.ask("www.test", issuerRef={"name": "own", "kind": ISSUER.kind})
    assert rig.issued("one")


def test_what_is_no_chain_is_not_handed_over():
    rig = VaultRig()
    rig.vault.issuer = (rig.vault.issuer[0], VaultStandIn(rig.driver.now).issuer[1])
    rig.ask("www.test")
    assert rig.ready("one")[2].startswith(
        "Vault failed to sign certificate: failed to parse certificate chain from vault: "
    )
