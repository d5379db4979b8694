"""Issuers set up against the real server: upstream's scenarios (pkg/issuer/acme/setup_test.go) as one table.

Left out are the two whose cause is a failed read: we read from a copy of our own.
"""

import base64

import attrs
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from acme_server.protocol.journal import Fact
from acme_server.protocol.vantage import HttpAnswer
from issuer_bridge.kube_api.json_values import copy_json
from issuer_bridge.resources import CLUSTER_ISSUER, SECRET
from tests.issuer_bridge.bridge_rig import Rig, kind_of
from tests.issuer_bridge.scripted_server import answer, problem

REGISTERED = ("True", "ACMEAccountRegistered", "The ACME account was registered with the ACME server")
FAILED = "Failed to register ACME account: "
EC_KEY = ec.derive_private_key(7, ec.SECP256R1())
RSA_KEY = rsa.generate_private_key(65537, 2048)
MAC_KEY = b"a key of 32 octets, more or less"
EAB = {"keyID": "kid-1", "keySecretRef": {"name": "eab", "key": "key"}}
WANTED = "an account needs an externalAccountBinding here (RFC 8555 section 7.3.4)"
TSIG = {"tsigKeyName": "x", "tsigSecretSecretRef": {"name": "tsig", "key": "k"}}
SIGNED = {"dns01": {"rfc2136": {"nameserver": "127.0.0.1", **TSIG}}}
REFUSED = HttpAnswer(error="connection refused")
AT_FIRST = ["dir", "nonce", "new-account"]


def pem(key):
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())


def keep(rig, name, **data):
    encoded = {key.replace("_", "."): base64.b64encode(value).decode() for key, value in data.items()}
    metadata = {"name": name, "namespace": "kube-system"}
    rig.create(SECRET, {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": encoded})


def mac_text(key=MAC_KEY):
    return base64.urlsafe_b64encode(key).rstrip(b"=")


def answering(rig, kind, *answers):
    """Give these answers to the first questions of a kind."""
    left = list(answers)

    def tamper(question):
        if kind_of(question) != kind or not left:
            return None
        rig.asked.append((rig.driver.now(), kind))
        return left.pop(0)

    rig.tamper = tamper


def require_external_account(rig):
    settings = attrs.evolve(rig.world.settings, external_account_required=True, external_accounts={"kid-1": MAC_KEY})
    rig.world.reconfigure(settings, Fact("Reconfigured", {}, {}), rig.driver.now())


def found(rig):
    return rig.store.get(CLUSTER_ISSUER, "", "gravel")


def ready(rig):
    (condition,) = found(rig)["status"]["conditions"]
    return condition["status"], condition["reason"], condition["message"]


def asked(rig):
    return [kind for _, kind in rig.asked]


def change(rig, **acme):
    issuer = copy_json(found(rig))
    issuer["spec"]["acme"].update(acme)
    rig.driver.spawn(rig.store.update(CLUSTER_ISSUER, issuer), lambda _: None)


def write_acme_status(rig, **acme):
    issuer = copy_json(found(rig))
    issuer["status"]["acme"].update(acme)
    rig.driver.spawn(rig.store.update_status(CLUSTER_ISSUER, issuer), lambda _: None)


@attrs.frozen
class Case:
    """acme: of the spec; secrets: by name; faults: answers to newAccount; asks: what the server is asked in a second."""

    name: str
    reason: str
    message: str
    acme: dict = attrs.field(factory=dict)
    secrets: dict = attrs.field(factory=dict)
    faults: tuple = ()
    asks: tuple = ()
    upstream: bool = False
    event: tuple | None = None


CASES = (
    Case(
        "an URL of Let's Encrypt v1",
        "InvalidConfig",
        "Your ACME server URL is set to a v1 endpoint (https://acme-v01.api.letsencrypt.org/directory). You should "
        'update the spec.acme.server field to "https://acme-v02.api.letsencrypt.org/directory"',
        {"server": "https://acme-v01.api.letsencrypt.org/directory"},
    ),
    Case(
        "an URL of Let's Encrypt staging v1 with a slash",
        "InvalidConfig",
        "Your ACME server URL is set to a v1 endpoint (https://acme-staging.api.letsencrypt.org/directory/). You "
        'should update the spec.acme.server field to "https://acme-staging-v02.api.letsencrypt.org/directory"',
        {"server": "https://acme-staging.api.letsencrypt.org/directory/"},
    ),
    Case(
        "no key and generation turned off",
        "ErrVerifyACMEAccount",
        "Failed to verify ACME account: the ACME issuer config has 'disableAccountKeyGeneration' set to true, but "
        'the secret was not found: secrets "account" not found in namespace "kube-system"',
        {"disableAccountKeyGeneration": True},
    ),
    Case(
        "a key that is none",
        "ErrVerifyACMEAccount",
        "Account private key is invalid: Secret 'account': its 'tls.key' is not an unencrypted private key in PEM",
        secrets={"account": {"tls_key": b"test"}},
    ),
    Case(
        "a key that is not RSA",
        "ErrVerifyACMEAccount",
        'ACME private key in "account" is not of type RSA',
        secrets={"account": {"tls_key": pem(EC_KEY)}},
        upstream=True,
    ),
    Case(
        "a URL that leads nowhere",
        "InvalidURL",
        "spec.acme.server 'gravel://nowhere' names a world that does not run here; these do: gravel://default",
        {"server": "gravel://nowhere"},
    ),
    Case(
        "a solver's Secret that is not there",
        "InvalidSolver",
        'failed to get secret "tsig": secrets "tsig" not found in namespace "kube-system"',
        {"solvers": [SIGNED]},
    ),
    Case(
        "no Secret for the binding",
        "ErrRegisterACMEAccount",
        f'{FAILED}secrets "eab" not found in namespace "kube-system"',
        {"externalAccountBinding": EAB},
    ),
    Case(
        "a Secret without the binding's key",
        "ErrRegisterACMEAccount",
        f'{FAILED}failed to find external account binding key data in Secret "eab" at index "key"',
        {"externalAccountBinding": EAB},
        {"eab": {"other": mac_text()}},
    ),
    Case(
        "a binding's key that is padded",
        "ErrRegisterACMEAccount",
        f"{FAILED}failed to decode external account binding key data: it carries '=' padding, which RFC 8555 "
        "section 6.1 forbids",
        {"externalAccountBinding": EAB},
        {"eab": {"key": b"dGVzdAo="}},
    ),
    Case(
        "no answer",
        "ErrRegisterACMEAccount",
        f"{FAILED}POST https://acme.test:14000/new-account: connection refused",
        faults=(REFUSED,),
        asks=(*AT_FIRST, *AT_FIRST),
        event=("ErrInitIssuer", "Error initializing issuer: "),
    ),
    Case(
        "a 4xx",
        "ErrRegisterACMEAccount",
        f"{FAILED}450 urn:ietf:params:acme:error:unsupportedContact: unsupportedContact it is",
        faults=(problem("unsupportedContact", 450),),
        asks=AT_FIRST,
    ),
    Case(
        "a 5xx",
        "ErrRegisterACMEAccount",
        f"{FAILED}500 urn:ietf:params:acme:error:serverInternal: serverInternal it is",
        faults=(problem("serverInternal", 500),),
        asks=(*AT_FIRST, *AT_FIRST),
        event=("ErrInitIssuer", "Error initializing issuer: "),
    ),
    Case(
        "a rate limit, of which upstream does not know that it passes",
        "ErrRegisterACMEAccount",
        f"{FAILED}429 urn:ietf:params:acme:error:rateLimited: rateLimited it is",
        faults=(problem("rateLimited", 429),),
        asks=AT_FIRST,
        upstream=True,
    ),
    Case(
        "a rate limit",
        "ErrRegisterACMEAccount",
        f"{FAILED}429 urn:ietf:params:acme:error:rateLimited: rateLimited it is",
        faults=(problem("rateLimited", 429),),
        asks=(*AT_FIRST, *AT_FIRST),
        event=("ErrInitIssuer", "Error initializing issuer: "),
    ),
    Case(
        "an account that exists and is not shown",
        "ErrRegisterACMEAccount",
        f"{FAILED}POST https://acme.test:14000/new-account: the answer is text/html, not application/json",
        faults=(HttpAnswer(200, (("Location", "/account/1"), ("Content-Type", "text/html")), b"<html>"),),
        asks=(*AT_FIRST, *AT_FIRST),
        event=("ErrInitIssuer", "Error initializing issuer: "),
    ),
    Case(
        "an account that is deactivated",
        "ErrRegisterACMEAccount",
        f"{FAILED}the server says that it is deactivated; delete the Secret to begin with a new key",
        faults=(answer(200, {"status": "deactivated"}, Location="https://acme.test:14000/account/1"),),
        asks=AT_FIRST,
    ),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_why_an_issuer_is_not_ready(case):
    rig = Rig(upstream_accounts=case.upstream)
    if case.upstream and not case.secrets:
        keep(rig, "account", tls_key=pem(RSA_KEY))
    for name, data in case.secrets.items():
        keep(rig, name, **data)
    answering(rig, "new-account", *case.faults)
    rig.apply_issuer(**case.acme)
    rig.run(seconds=1)
    assert ready(rig) == ("False", case.reason, case.message)
    assert found(rig)["status"]["conditions"][0]["observedGeneration"] == 1
    assert "acme" not in found(rig)["status"]
    reason, prefix = case.event or (case.reason, "")
    assert rig.events("ClusterIssuer") == [(reason, prefix + case.message)]
    rig.run(seconds=9)
    assert asked(rig) == list(case.asks)
    retried = len(case.asks) > len(AT_FIRST)
    assert ready(rig) == (REGISTERED if retried else ("False", case.reason, case.message))


def test_a_key_that_cannot_be_kept_is_an_error_that_is_retried():
    rig = Rig()
    rig.apply_issuer(privateKeySecretRef={"name": "Not A Name"})
    rig.run(seconds=1)
    status, reason, message = ready(rig)
    assert (status, reason, message.startswith(FAILED)) == ("False", "ErrRegisterACMEAccount", True)
    assert rig.events("ClusterIssuer") == [("ErrInitIssuer", f"Error initializing issuer: {message}")]


@pytest.mark.parametrize(("upstream", "label", "key_type"), [(False, "gravel", "P-256"), (True, "cert-manager", "RSA")])
def test_a_key_is_made_where_there_is_none(upstream, label, key_type):
    rig = Rig(upstream_accounts=upstream)
    rig.apply_issuer()
    rig.run(seconds=1)
    assert ready(rig) == REGISTERED
    secret = rig.store.get(SECRET, "kube-system", "account")
    assert secret["metadata"]["labels"] == {"app.kubernetes.io/managed-by": label}
    (account,) = rig.facts("acme_server", "AccountCreated")
    assert account.data["key_type"] == key_type
    assert found(rig)["status"]["acme"]["uri"].endswith(account.subject["account"])


@pytest.mark.parametrize("email", ["", "a@b.test"])
@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
def test_an_account_is_bound_to_an_external_one(algorithm, email):
    rig = Rig()
    require_external_account(rig)
    keep(rig, "eab", key=mac_text() + b"\n")
    rig.apply_issuer(externalAccountBinding={**EAB, "keyAlgorithm": algorithm}, email=email)
    rig.apply("one", "one.http.test")
    rig.run(minutes=1)
    assert (ready(rig), rig.issued("one")) == (REGISTERED, True)


def test_an_issuer_without_the_binding_that_its_server_wants_is_refused_until_its_secret_is_there():
    rig = Rig()
    require_external_account(rig)
    rig.apply_issuer()
    rig.run(seconds=1)
    assert ready(rig)[1:] == (
        "ErrRegisterACMEAccount",
        f"{FAILED}403 urn:ietf:params:acme:error:externalAccountRequired: {WANTED}",
    )
    change(rig, externalAccountBinding=EAB)
    rig.run(seconds=1)
    assert ready(rig)[2] == f'{FAILED}secrets "eab" not found in namespace "kube-system"'
    keep(rig, "eab", key=mac_text(b"wrong"))
    rig.run(seconds=1)
    assert "is not the MAC under the key" in ready(rig)[2]
    rig.driver.spawn(rig.store.delete(SECRET, "kube-system", "eab"), lambda _: None)
    keep(rig, "eab", key=mac_text())
    rig.run(seconds=1)
    assert ready(rig) == REGISTERED


def registered(**acme):
    """A rig whose issuer is registered, and what was asked is forgotten."""
    rig = Rig()
    rig.apply_issuer(email="a@b.test", **acme)
    rig.run(seconds=1)
    assert ready(rig) == REGISTERED
    rig.asked.clear()
    return rig


def test_what_is_registered_is_not_asked_about_again_after_a_restart():
    rig = registered()
    rig.crash()
    rig.start()
    rig.apply("one", "one.http.test")
    rig.run(minutes=1)
    assert (rig.issued("one"), "new-account" in asked(rig)) == (True, False)


def test_a_change_that_is_not_of_the_account_is_seen_without_asking():
    rig = registered()
    change(rig, preferredChain="somebody")
    rig.run(seconds=1)
    assert asked(rig) == []
    assert found(rig)["status"]["conditions"][0]["observedGeneration"] == 2


def test_an_account_that_the_server_lost_while_nobody_looked_is_registered_when_it_is_missed():
    """Upstream never notices: the status names an account at the same host."""
    rig = registered()
    rig.crash()
    rig.new_server()
    rig.start()
    rig.apply("one", "one.http.test")
    rig.run(minutes=1)
    assert rig.issued("one")
    assert asked(rig).count("new-account") == 1


def test_an_account_url_that_is_none_is_refused():
    rig = registered()
    rig.crash()
    write_acme_status(rig, uri="https://[::1")
    rig.run(seconds=1)
    rig.start()
    rig.run(seconds=1)
    message = "Failed to parse existing ACME account URI 'https://[::1': Invalid IPv6 URL"
    assert ready(rig) == ("False", "InvalidURL", message)
    assert rig.events("ClusterIssuer") == [("InvalidURL", message)]


def test_an_account_of_another_host_is_forgotten():
    rig = registered()
    change(rig, server="https://elsewhere.test/dir")
    rig.run(seconds=1)
    assert (ready(rig)[1], found(rig)["status"]["acme"]["uri"]) == ("ErrRegisterACMEAccount", "")


def test_an_email_that_changed_is_told_to_the_server():
    rig = registered()
    change(rig, email="C@d.test")
    rig.run(seconds=1)
    assert asked(rig) == ["dir", "nonce", "new-account", "account"]
    (updated,) = rig.facts("acme_server", "AccountUpdated")
    assert updated.data["contact"] == ["mailto:c@d.test"]
    assert found(rig)["status"]["acme"]["lastRegisteredEmail"] == "C@d.test"


def test_an_email_that_is_taken_away_is_taken_away_at_the_server():
    rig = registered()
    change(rig, email="")
    rig.run(seconds=1)
    (updated,) = rig.facts("acme_server", "AccountUpdated")
    assert (updated.data["contact"], found(rig)["status"]["acme"]["lastRegisteredEmail"]) == ([], "")


@pytest.mark.parametrize(("status", "further"), [(201, []), (200, ["nonce", "account"])], ids=["new", "old"])
def test_only_an_account_that_was_there_before_is_told_the_email_when_the_server_shows_none(status, further):
    rig = Rig()
    answering(rig, "new-account", answer(status, {"status": "valid"}, Location="https://acme.test:14000/account/1"))
    rig.apply_issuer(email="a@b.test")
    rig.run(seconds=1)
    assert asked(rig) == [*AT_FIRST, *further]


@pytest.mark.parametrize(
    ("fault", "text", "retried"),
    [
        (REFUSED, "connection refused", True),
        (problem("invalidContact", 450), "450 urn:ietf:params:acme:error:invalidContact: invalidContact it is", False),
        (problem("serverInternal", 500), "500 urn:ietf:params:acme:error:serverInternal: serverInternal it is", True),
    ],
    ids=["no answer", "4xx", "5xx"],
)
def test_an_email_that_the_server_does_not_take(fault, text, retried):
    rig = registered()
    answering(rig, "account", fault)
    change(rig, email="c@d.test")
    rig.run(seconds=1)
    status, reason, message = ready(rig)
    assert (status, reason) == ("False", "ErrUpdateACMEAccount")
    assert message.startswith("Failed to update ACME account:")
    assert message.endswith(text)
    expected = [("ErrInitIssuer", f"Error initializing issuer: {message}")] * retried
    assert sorted(rig.events("ClusterIssuer")) == [*expected, ("ErrUpdateACMEAccount", message)]
    rig.run(seconds=9)
    assert (ready(rig) == REGISTERED) is retried


def test_a_solvers_secret_that_goes_leaves_the_account_to_what_is_under_way():
    rig = Rig()
    keep(rig, "tsig", k=b"c2VjcmV0")
    rig.apply_issuer(solvers=[SIGNED])
    rig.run(seconds=1)
    issuer = found(rig)
    rig.driver.spawn(rig.store.delete(SECRET, "kube-system", "tsig"), lambda _: None)
    rig.run(seconds=1)
    assert ready(rig)[1] == "InvalidSolver"
    assert rig.operator._accounts.client(issuer) is not None
    keep(rig, "tsig", k=b"c2VjcmV0")
    rig.run(seconds=1)
    assert ready(rig) == REGISTERED
