"""The issuer: a root or an intermediate of its cluster that signs, or cert-manager, and what neither will do."""

import base64
import subprocess
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from issuer_bridge.gloo.authority import make_root
from issuer_bridge.gloo.meshes import Mesh, objects_of
from issuer_bridge.gloo.signing import Options
from issuer_bridge.resources import (
    CERTIFICATE_REQUEST,
    GLOO_REQUEST,
    ISSUED_CERTIFICATE,
    POD_BOUNCE_DIRECTIVE,
    SECRET,
)
from tests.issuer_bridge.bridge_resources import csr_of as csr_naming
from tests.issuer_bridge.bridge_rig import entropy_of
from tests.issuer_bridge.gloo.gloo_resources import (
    CACERTS,
    IDENTITY,
    ca,
    issued_certificate,
    pem,
)
from tests.issuer_bridge.gloo.two_clusters import START, TwoClusters, data_of

INTERMEDIATE = ca("intermediate", ca())
BELOW_A_ROOT = {
    "ca-cert.pem": pem(INTERMEDIATE[0]),
    "ca-key.pem": pem(INTERMEDIATE[1]),
    "cert-chain.pem": pem(INTERMEDIATE[0]) + pem(ca()[0]),
    "root-cert.pem": pem(ca()[0]),
}
RELAYING = Options(issuer={"name": "acme", "kind": "ClusterIssuer"}, namespace="shop", roots=pem(ca()[0]).decode())


def issued(data=None, **spec):
    """A rig a minute after an IssuedCertificate was written, and what is in its Secret."""
    rig = TwoClusters()
    rig.add_root(data=data)
    rig.remote.insert(ISSUED_CERTIFICATE, issued_certificate(**spec))
    rig.run(seconds=2)
    assert rig.error() == ""
    return rig, data_of(rig.remote.get(SECRET, *CACERTS))


@pytest.mark.parametrize("data", [None, BELOW_A_ROOT], ids=["root", "intermediate"])
@pytest.mark.client("openssl")
@pytest.mark.seed("G10")
def test_the_signing_secret_of_the_issuers_cluster_signs_an_intermediate_that_openssl_verifies(tmp_path, data):
    _, secret = issued(data)
    for name in ("root-cert.pem", "cert-chain.pem", "ca-cert.pem"):
        (tmp_path / name).write_bytes(secret[name])
    at = str(int(START.timestamp()))
    files = [str(tmp_path / name) for name in ("root-cert.pem", "cert-chain.pem", "ca-cert.pem")]
    command = ["openssl", "verify", "-x509_strict", "-attime", at, "-CAfile", files[0], "-untrusted", *files[1:]]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout == f"{files[2]}: OK\n", done.stderr
    certificate = x509.load_pem_x509_certificate(secret["ca-cert.pem"])
    assert certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert len(x509.load_pem_x509_certificates(secret["cert-chain.pem"])) == (3 if data else 2)


@pytest.mark.parametrize(
    ("options", "days"),
    [({}, 365), ({"ttlDays": 30}, 30), ({"ttlDays": 100_000}, 3285)],
    ids=["a year", "30", "as the CA"],
)
def test_it_lasts_as_long_as_the_spec_says_a_year_or_as_the_ca(options, days):
    _, secret = issued(certOptions=options)
    certificate = x509.load_pem_x509_certificate(secret["ca-cert.pem"])
    assert certificate.not_valid_after_utc - certificate.not_valid_before_utc == timedelta(days=days)


def test_an_address_may_be_written_in_any_form():
    rig, _ = issued(hosts=["FD00:0::1", "10.0.0.1"])
    assert rig.state() == "FINISHED"


def test_the_newer_field_of_the_signing_secret_wins():
    rig = TwoClusters()
    rig.add_root("newer")
    newer = {"signingCertificateSecret": {"namespace": "gloo-mesh", "name": "newer"}}
    rig.remote.insert(ISSUED_CERTIFICATE, issued_certificate(glooMeshCa=newer))
    rig.run(seconds=2)
    assert rig.state() == "FINISHED"


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ("none", "could not find the signing Secret gloo-mesh/root-ca"),
        ({"root-cert.pem": b"x"}, "the Secret gloo-mesh/root-ca is no CA: it needs root-cert.pem and key.pem"),
        ({"root-cert.pem": b"x", "key.pem": b"y"}, "the Secret gloo-mesh/root-ca is no CA: Unable to load PEM file"),
        ({"root-cert.pem": pem(ca()[0]), "key.pem": b"y"}, "no CA: it is not an unencrypted private key in PEM"),
        ({"root-cert.pem": pem(ca()[0]), "key.pem": pem(ca("other")[1])}, "its key is not that of its certificate"),
        (("leaf", {"is_ca": False}), "its certificate is not that of a CA"),
        (("narrow", {"path_length": 0}), "its certificate may sign no other CA (its path length is 0)"),
        (("old", {"days": 1}), "the signing certificate has expired at 2025-01-02 00:00"),
        (
            {**BELOW_A_ROOT, "cert-chain.pem": b"", "root-cert.pem": pem(ca("other")[0])},
            "the certificate of CN=root is missing in root-cert.pem",
        ),
    ],
    ids=["none", "no key", "no PEM", "no such key", "other key", "leaf", "path length", "expired", "no root"],
)
def test_a_secret_that_cannot_sign_fails_with_a_sentence(data, error):
    rig = TwoClusters()
    if isinstance(data, tuple):
        name, options = data
        certificate, key = ca(name, **options)
        data = {"root-cert.pem": pem(certificate), "key.pem": pem(key)}
    if data != "none":
        rig.add_root(data=data)
    rig.remote.insert(ISSUED_CERTIFICATE, issued_certificate())
    rig.run(seconds=2)
    assert (rig.state(), rig.request()["status"]["state"]) == ("FAILED", "FAILED")
    assert error in rig.error()


def test_a_signing_secret_that_comes_later_is_used_at_the_next_try():
    rig = TwoClusters()
    rig.remote.insert(ISSUED_CERTIFICATE, issued_certificate())
    rig.run(seconds=30)
    rig.add_root()
    rig.run(minutes=1)
    assert rig.state() == "FINISHED"


def tampered(csr):
    """A rig whose CertificateRequest holds another CSR than the agent's."""
    rig = TwoClusters()
    rig.add_root()
    rig.crash("issuing")
    rig.remote.insert(ISSUED_CERTIFICATE, issued_certificate())
    rig.run(seconds=1)
    request = rig.request()
    rig.remote.replace(GLOO_REQUEST, {**request, "spec": {"certificateSigningRequest": csr}})
    rig.restart("issuing")
    rig.run(seconds=1)
    return rig


def broken():
    """A CSR whose signature is that of another."""
    text = base64.b64decode(csr_naming("a.test")).decode()
    der = x509.load_pem_x509_csr(text.encode()).public_bytes(Encoding.DER)
    body = base64.b64encode(der.replace(b"a.test", b"b.test")).decode()
    return base64.b64encode(
        f"-----BEGIN CERTIFICATE REQUEST-----\n{body}\n-----END CERTIFICATE REQUEST-----\n".encode()
    ).decode()


@pytest.mark.parametrize(
    ("csr", "error"),
    [
        (csr_naming("evil.test"), f"the CSR asks for evil.test, the issued certificate has {IDENTITY}"),
        (csr_naming(common_name="x"), "spec.certificateSigningRequest: it is no PEM of a CSR with names"),
        (base64.b64encode(b"x").decode(), "spec.certificateSigningRequest: it is no PEM of a CSR with names"),
        ("", "spec.certificateSigningRequest: it is no PEM of a CSR with names"),
        (broken(), "spec.certificateSigningRequest: its signature does not verify with the key inside"),
    ],
    ids=["other names", "no names", "no PEM", "empty", "signature"],
)
def test_a_csr_that_is_not_the_agents_is_not_signed(csr, error):
    rig = tampered(csr)
    status = rig.request()["status"]
    assert (status["state"], status.get("signedCertificate")) == ("FAILED", None)
    assert status["error"].startswith(error)


def test_a_request_without_its_issued_certificate_fails_as_upstream_says():
    rig = TwoClusters()
    request = {
        "metadata": {"namespace": "shop", "name": "x"},
        "spec": {"certificateSigningRequest": csr_naming("x.test")},
    }
    rig.remote.insert(GLOO_REQUEST, request)
    rig.run(seconds=1)
    status = rig.remote.get(GLOO_REQUEST, "shop", "x")["status"]
    assert status["error"] == "failed to find issued certificate matching certificate request"


def agentless():
    """A rig whose agent has died after it asked."""
    rig = TwoClusters()
    rig.add_root()
    rig.crash("issuing")
    rig.remote.insert(ISSUED_CERTIFICATE, issued_certificate())
    rig.run(seconds=1)
    rig.crash("agent")
    return rig


def test_a_request_that_is_answered_is_not_signed_again():
    rig = agentless()
    answers = []
    for _ in range(2):
        rig.restart("issuing")
        rig.run(seconds=1)
        rig.crash("issuing")
        answers.append(rig.request()["status"])
    assert (rig.state(), answers[0]) == ("REQUESTED", answers[1])


def test_a_csr_that_the_agent_does_not_wait_for_yet_is_not_signed():
    """It died between the request and its status, and will make another key."""
    rig = agentless()
    rig.remote.replace_status(ISSUED_CERTIFICATE, {**rig.certificate(), "status": {}})
    rig.restart("issuing")
    rig.run(minutes=1)
    assert "status" not in rig.request()
    rig.restart("agent")
    rig.run(seconds=1)
    assert rig.state() == "FINISHED"


def test_a_root_can_be_made_and_signs():
    rig = TwoClusters()
    rig.management.insert(SECRET, make_root("gloo-mesh", "root-ca", "my-mesh", START, entropy_of(5)))
    rig.remote.insert(ISSUED_CERTIFICATE, issued_certificate())
    rig.run(seconds=2)
    root = x509.load_pem_x509_certificate(data_of(rig.remote.get(SECRET, *CACERTS))["root-cert.pem"])
    assert (rig.state(), root.subject.rfc4514_string()) == ("FINISHED", "O=my-mesh")
    root.verify_directly_issued_by(root)


@pytest.mark.seed("G08")
def test_the_trust_domain_of_the_mesh_takes_the_place_of_cluster_local():
    certificate = objects_of(Mesh("istio", ("gloo-mesh", "root-ca"), trust_domain="mesh.example"))[-1][1]
    hosts = certificate["spec"]["hosts"]
    assert hosts == ["spiffe://mesh.example/ns/istio-system/sa/istiod-service-account"]
    _, secret = issued(hosts=hosts)
    names = x509.load_pem_x509_certificate(secret["ca-cert.pem"]).extensions
    found = names.get_extension_for_class(x509.SubjectAlternativeName).value
    assert found.get_values_for_type(x509.UniformResourceIdentifier) == hosts


def test_a_mesh_whose_pods_are_not_to_be_restarted_has_no_directive():
    kinds = [kind for kind, _ in objects_of(Mesh("istio", ("gloo-mesh", "root-ca"), auto_restart=False))]
    assert (kinds, POD_BOUNCE_DIRECTIVE in kinds) == ([ISSUED_CERTIFICATE], False)


def relayed(**spec):
    """A rig whose issuer relays, some time after an IssuedCertificate that names no signing Secret was written."""
    rig = TwoClusters(options=RELAYING)
    certificate = issued_certificate(**{"signingCertificateSecret": None, "hosts": ["a.test", "10.0.0.1"], **spec})
    rig.remote.insert(ISSUED_CERTIFICATE, certificate)
    rig.run(seconds=1)
    return rig


def settle(rig, **status):
    (request,) = rig.management.list(CERTIFICATE_REQUEST)
    rig.management.replace_status(CERTIFICATE_REQUEST, {**request, "status": status})
    rig.run(seconds=1)


def condition(type_, status, reason):
    return {"type": type_, "status": status, "reason": reason, "message": f"because of {reason}"}


@pytest.mark.seed("G10")
def test_without_a_signing_secret_a_request_of_cert_manager_is_made_in_the_issuers_cluster():
    rig = relayed(certOptions={"ttlDays": 30})
    (request,) = rig.management.list(CERTIFICATE_REQUEST)
    assert request["spec"]["issuerRef"] == RELAYING.issuer
    assert request["spec"]["request"] == rig.request()["spec"]["certificateSigningRequest"]
    assert request["spec"]["duration"] == "720h"
    assert request["metadata"]["annotations"] == {"certificates.mesh.gloo.solo.io/request": "remote/gloo-mesh/istio"}
    assert rig.state() == "REQUESTED"
    settle(rig, conditions=[condition("Ready", "False", "Pending")])
    assert rig.state() == "REQUESTED"


@pytest.mark.parametrize(
    ("conditions", "error"),
    [
        ([condition("Denied", "True", "Policy")], "because of Policy"),
        ([condition("InvalidRequest", "True", "Usages")], "because of Usages"),
        ([condition("Ready", "False", "Failed")], "because of Failed"),
    ],
)
def test_what_cert_manager_refuses_fails_and_is_asked_anew_for_another_csr(conditions, error):
    rig = relayed()
    settle(rig, conditions=conditions)
    assert rig.error() == f"certificate request gloo-mesh/istio failed to be signed by Issuer: {error}"
    rig.run(minutes=1)
    assert (rig.state(), len(rig.management.list(CERTIFICATE_REQUEST))) == ("REQUESTED", 2)


@pytest.mark.seed("G07")
def test_an_identity_is_not_relayed_because_acme_has_no_identifier_for_it():
    rig = relayed(hosts=[IDENTITY])
    assert rig.error().endswith(
        f"an ACME CA signs no identities ({IDENTITY}); name a signingCertificateSecret that does"
    )
    assert rig.management.list(CERTIFICATE_REQUEST) == []


def test_without_a_signing_secret_and_without_an_issuer_the_request_is_left_to_another():
    rig = TwoClusters()
    rig.remote.insert(ISSUED_CERTIFICATE, issued_certificate(signingCertificateSecret=None))
    rig.run(minutes=10)
    assert (rig.state(), rig.request().get("status")) == ("REQUESTED", None)
