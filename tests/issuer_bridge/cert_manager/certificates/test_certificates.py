"""Certificates on their way to Secrets, and on: real server, real solvers, real store, virtual time."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from issuer_bridge.resources import CERTIFICATE, CERTIFICATE_REQUEST, SECRET
from tests.issuer_bridge.cert_manager.certificates.certificate_rig import ECDSA, CertificateRig

UP_TO_DATE = "Certificate is up to date and has not expired"


@pytest.mark.seed("K07", "K08", "K09", "K10", "K14")
def test_a_certificate_gets_a_secret_with_a_matching_pair():
    rig = CertificateRig()
    rig.issue()
    assert rig.condition("Ready")["message"] == UP_TO_DATE
    assert (rig.status("revision"), rig.status("nextPrivateKeySecretName")) == (1, None)
    assert rig.condition("Issuing") == {}
    secret = rig.secret()
    assert secret["type"] == "kubernetes.io/tls"
    assert sorted(secret["data"]) == ["tls.crt", "tls.key"]  # ACME tells no CA
    assert rig.has_pair()
    assert rig.data("tls.crt").count(b"BEGIN CERTIFICATE") == 2
    assert rig.secrets == ["www-tls"]
    assert rig.reasons() == ["Generated", "Issuing", "Requested"]
    told = dict(rig.events("Certificate"))
    assert told["Requested"] == 'Created new CertificateRequest resource "www-1"'


@pytest.mark.seed("K07")
def test_its_request_is_named_annotated_and_owned_as_upstream_has_it():
    rig = CertificateRig()
    annotations = {"team": "a", "kubectl.kubernetes.io/last-applied-configuration": "{}"}
    spec = {"duration": "2160h", "usages": ["server auth"], "isCA": False}
    rig.add(labels={"app": "x"}, annotations=annotations, **spec)
    rig.run(minutes=2)
    (request,) = rig.store.list(CERTIFICATE_REQUEST)
    metadata, annotations = request["metadata"], dict(request["metadata"]["annotations"])
    assert (metadata["name"], metadata["labels"]) == ("www-1", {"app": "x"})
    key_secret = annotations.pop("cert-manager.io/private-key-secret-name")
    assert key_secret.startswith("www-")
    assert annotations == {
        "team": "a",
        "cert-manager.io/certificate-name": "www",
        "cert-manager.io/certificate-revision": "1",
    }
    (owner,) = metadata["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["controller"]) == ("Certificate", "www", True)
    assert {name: request["spec"][name] for name in ("duration", "usages", "issuerRef")} == {
        "duration": "2160h",
        "usages": ["server auth"],
        "issuerRef": {"name": "gravel", "kind": "ClusterIssuer"},
    }


def test_while_it_is_issued_the_next_key_has_a_secret_of_its_own():
    rig = CertificateRig(approver=False)
    rig.add()
    rig.run(minutes=2)
    name = rig.status("nextPrivateKeySecretName")
    secret = rig.secret(name)
    assert secret["metadata"]["labels"] == {
        "cert-manager.io/next-private-key": "true",
        "controller.cert-manager.io/fao": "true",
    }
    assert secret["metadata"]["ownerReferences"][0]["name"] == "www"
    assert (secret["type"], sorted(secret["data"])) == ("Opaque", ["tls.key"])
    assert rig.state() == ("False", "DoesNotExist")
    assert rig.state(type_="Issuing") == ("True", "DoesNotExist")
    assert rig.condition("Issuing")["message"] == "Issuing certificate as Secret does not exist"


# The rows of cert-manager's conformance suite (test/e2e/suite/conformance/certificates) that ACME can meet.
CONFORMANCE = {
    "a single DNS name": {"dnsNames": ["a.http.test"]},
    "two DNS names": {"dnsNames": ["a.http.test", "b.http.test"]},
    "an IP address": {"ipAddresses": ["127.0.0.1"]},
    "a DNS name and an IP address": {"dnsNames": ["a.http.test"], "ipAddresses": ["127.0.0.1"]},
    "a common name that is copied from the DNS names": {"commonName": "a.http.test", "dnsNames": ["a.http.test"]},
    "a wildcard": {"dnsNames": ["*.dns.test"]},
    "a wildcard and its apex": {"dnsNames": ["*.dns.test", "dns.test"]},
    "a label of 63 characters": {"dnsNames": [f"{'a' * 63}.http.test"]},
    "a name longer than a common name may be": {"dnsNames": [".".join(["a" * 40] * 3) + ".http.test"]},
    "usages of its own": {"dnsNames": ["a.http.test"], "usages": ["digital signature", "server auth"]},
    "a duration": {"dnsNames": ["a.http.test"], "duration": "1000h"},
}


@pytest.mark.seed("K13", "K14")
@pytest.mark.parametrize("spec", CONFORMANCE.values(), ids=CONFORMANCE)
def test_the_issuer_passes_a_row_of_the_conformance_suite(spec):
    rig = CertificateRig()
    rig.issue(**spec)
    assert rig.sans() == sorted([*spec.get("dnsNames", ()), *spec.get("ipAddresses", ())])
    assert rig.has_pair()


KEYS = {
    "RSA by default": ({}, rsa.RSAPrivateKey, 2048, b"RSA PRIVATE KEY"),
    "RSA 3072": ({"algorithm": "RSA", "size": 3072}, rsa.RSAPrivateKey, 3072, b"RSA PRIVATE KEY"),
    "RSA 4096 in PKCS8": (
        {"algorithm": "RSA", "size": 4096, "encoding": "PKCS8"},
        rsa.RSAPrivateKey,
        4096,
        b"BEGIN PRIVATE KEY",
    ),
    "ECDSA 256": (ECDSA, ec.EllipticCurvePrivateKey, 256, b"EC PRIVATE KEY"),
    "ECDSA 384": ({"algorithm": "ECDSA", "size": 384}, ec.EllipticCurvePrivateKey, 384, b"EC PRIVATE KEY"),
    "ECDSA 521": ({"algorithm": "ECDSA", "size": 521}, ec.EllipticCurvePrivateKey, 521, b"EC PRIVATE KEY"),
    "Ed25519": ({"algorithm": "Ed25519"}, ed25519.Ed25519PrivateKey, None, b"BEGIN PRIVATE KEY"),
    "ECDSA 256 in PKCS8": ({**ECDSA, "encoding": "PKCS8"}, ec.EllipticCurvePrivateKey, 256, b"BEGIN PRIVATE KEY"),
}


@pytest.mark.parametrize(("wanted", "kind", "size", "label"), KEYS.values(), ids=KEYS)
def test_a_key_is_of_the_kind_that_the_spec_wants(wanted, kind, size, label):
    rig = CertificateRig()
    rig.issue(privateKey=wanted)
    assert isinstance(rig.key(), kind)
    assert getattr(rig.key(), "key_size", None) == size
    assert label in rig.data("tls.key")
    assert rig.has_pair()


@pytest.mark.parametrize(("policy", "same"), [(None, False), ("Always", False), ("Never", True)])
def test_a_renewal_makes_a_new_key_unless_the_policy_is_never(policy, same):
    rig = CertificateRig()
    rig.issue(privateKey={**ECDSA, **({"rotationPolicy": policy} if policy else {})})
    key, serial = rig.data("tls.key"), rig.leaf().serial_number
    rig.renew()
    rig.run(minutes=2)
    assert rig.status("revision") == 2
    assert rig.leaf().serial_number != serial
    assert (rig.data("tls.key") == key) is same
    assert ("Reused" in rig.reasons()) is same


@pytest.mark.seed("B68")
def test_a_secret_that_was_deleted_comes_back_with_a_new_key_and_revision():
    rig = CertificateRig()
    rig.issue()
    key = rig.data("tls.key")
    rig.store.remove(SECRET, "default", "www-tls")
    rig.run(minutes=2)
    assert (rig.status("revision"), rig.state()) == (2, ("True", "Ready"))
    assert rig.data("tls.key") != key


def test_a_key_outlives_the_deletion_of_the_certificate_data_when_the_policy_is_never():
    rig = CertificateRig()
    rig.issue(privateKey={**ECDSA, "rotationPolicy": "Never"})
    key, secret = rig.data("tls.key"), rig.secret()
    rig.store.replace(SECRET, {**secret, "data": {**secret["data"], "tls.crt": ""}})
    rig.run(minutes=2)
    assert (rig.status("revision"), rig.data("tls.key")) == (2, key)


@pytest.mark.seed("K06")
def test_a_dns_name_is_added_by_issuing_anew():
    rig = CertificateRig()
    rig.issue()
    rig.change(dnsNames=["www.http.test", "more.http.test"])
    rig.run(minutes=2)
    told = [message for reason, message in rig.events("Certificate") if reason == "Issuing"]
    assert "Fields on existing CertificateRequest resource not up to date: [spec.dnsNames]" in told
    assert rig.sans() == ["more.http.test", "www.http.test"]
    assert (rig.status("revision"), rig.requests) == (2, ["www-2"])


def test_as_many_requests_are_kept_as_the_history_limit_says():
    rig = CertificateRig()
    rig.issue(revisionHistoryLimit=2)
    for _ in range(3):
        rig.renew()
        rig.run(minutes=2)
    assert (rig.status("revision"), rig.requests) == (4, ["www-3", "www-4"])


def test_of_two_certificates_for_one_secret_the_older_has_it():
    rig = CertificateRig()
    rig.add("first", secretName="shared")
    rig.run(seconds=5)
    rig.add("second", secretName="shared")
    rig.run(minutes=10)
    assert rig.state("first") == ("True", "Ready")
    assert rig.state("second") == ("False", "IncorrectCertificate")
    assert rig.requests == ["first-1"]
    rig.store.remove(CERTIFICATE, "default", "first")
    rig.run(minutes=5)
    assert rig.state("second") == ("True", "Ready")
    assert rig.sans("shared") == ["second.http.test"]


@pytest.mark.parametrize("owned", [False, True])
def test_a_secret_goes_with_its_certificate_only_when_the_operator_is_told_so(owned):
    rig = CertificateRig(certificate_owner_reference=owned)
    rig.issue()
    rig.store.remove(CERTIFICATE, "default", "www")
    rig.run(minutes=1)
    assert (rig.secret() is None) is owned
    assert rig.requests == []


def test_what_the_template_and_the_formats_want_comes_into_the_secret_without_issuing_anew():
    rig = CertificateRig()
    rig.issue()
    serial = rig.leaf().serial_number
    rig.change(
        secretTemplate={"labels": {"team": "a"}, "annotations": {"note": "b"}},
        additionalOutputFormats=[{"type": "DER"}, {"type": "CombinedPEM"}],
    )
    rig.run(minutes=1)
    metadata = rig.secret()["metadata"]
    assert (metadata["labels"]["team"], metadata["annotations"]["note"]) == ("a", "b")
    assert sorted(rig.secret()["data"]) == ["key.der", "tls-combined.pem", "tls.crt", "tls.key"]
    assert rig.leaf().serial_number == serial
    rig.change(additionalOutputFormats=None)
    rig.run(minutes=1)
    assert sorted(rig.secret()["data"]) == ["tls.crt", "tls.key"]


def test_what_others_put_into_the_secret_stays():
    rig = CertificateRig()
    secret = {"metadata": {"name": "www-tls", "namespace": "default", "labels": {"mine": "1"}}, "type": "Opaque"}
    rig.store.insert(SECRET, {**secret, "data": {"note": base64.b64encode(b"hello").decode()}})
    rig.issue()
    assert rig.data("note") == b"hello"
    assert rig.secret()["metadata"]["labels"]["mine"] == "1"
    assert rig.secret()["type"] == "Opaque"


def test_a_certificate_that_makes_no_request_is_told_why():
    rig = CertificateRig()
    rig.add(dnsNames=["ü.test"])
    rig.run(minutes=1)
    assert rig.requests == []
    told = dict(rig.events("Certificate"))["InvalidCertificateSpec"]
    assert "should be passed as an A-label string" in told


def test_a_key_never_comes_into_the_journal_or_an_event():
    rig = CertificateRig()
    rig.issue()
    body = base64.b64encode(rig.data("tls.key")).decode()[60:100]
    raw = rig.data("tls.key").decode().split("\n")[1]
    everything = f"{[*rig.world.journal]}{rig.store.list(CERTIFICATE)}{rig.events('Certificate')}"
    assert body not in everything
    assert raw not in everything


def test_the_journal_tells_of_each_step():
    rig = CertificateRig()
    rig.issue()
    found = rig.facts("issuer_bridge", "IssuanceTriggered", "RequestCreated", "SecretWritten")
    assert [(entry.kind, entry.subject["certificate"]) for entry in found] == [
        (kind, "default/www") for kind in ("IssuanceTriggered", "RequestCreated", "SecretWritten")
    ]
    assert found[-1].data == {"revision": 1, "serial": f"{rig.leaf().serial_number:x}", "secret": "www-tls"}


def test_a_seed_repeats_keys_and_certificates():
    runs = []
    for _ in range(2):
        rig = CertificateRig(seed=7)
        rig.issue("ec")
        rig.issue("ed", privateKey=ECDSA | {"size": 384})
        runs.append([rig.data(entry, f"{name}-tls") for name in ("ec", "ed") for entry in ("tls.key", "tls.crt")])
    assert runs[0] == runs[1]


def test_without_a_maker_of_rsa_keys_a_certificate_is_told_to_take_another():
    rig = CertificateRig(rsa_keys=None)
    rig.add(privateKey={})
    rig.run(minutes=1)
    assert "take ECDSA or Ed25519" in dict(rig.events("Certificate"))["InvalidCertificateSpec"]


def test_a_restart_finds_what_it_made():
    rig = CertificateRig(approver=False)
    rig.add()
    rig.run(minutes=1)
    before = (rig.requests, rig.secrets)
    rig.crash()
    rig.start()
    rig.run(minutes=1)
    assert (rig.requests, rig.secrets) == before
