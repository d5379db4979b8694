"""The agent in its cluster, with an issuer that answers what the test tells it to: the rows of the state machine."""

import base64
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from issuer_bridge.gloo.authority import read_authority, sign
from issuer_bridge.gloo.secrets import ISSUED_TYPE
from issuer_bridge.gloo.states import MOVES, State, failed, moved, restart_after, state_of
from issuer_bridge.pem import encode
from issuer_bridge.resources import GLOO_REQUEST, ISSUED_CERTIFICATE, POD, POD_BOUNCE_DIRECTIVE, SECRET, ApiError
from tests.issuer_bridge.bridge_rig import entropy_of
from tests.issuer_bridge.gloo.gloo_resources import CACERTS, IDENTITY, issued_certificate, pod, root_secret
from tests.issuer_bridge.gloo.two_clusters import START, TwoClusters, data_of

KEY = ("gloo-mesh", "istio")


def alone(seconds=1, **spec):
    """A rig whose issuer is not there, some time after an IssuedCertificate was written."""
    rig = TwoClusters()
    rig.crash("issuing")
    rig.remote.insert(ISSUED_CERTIFICATE, issued_certificate(**spec))
    rig.run(seconds=seconds)
    return rig


def answer(rig, state, seconds=1, **more):
    """Write the issuer's answer."""
    request = rig.request()
    status = {"observedGeneration": request["metadata"]["generation"], "state": state, **more}
    rig.remote.replace_status(GLOO_REQUEST, {**request, "status": status})
    rig.run(seconds=seconds)


def signed(rig):
    """What an issuer would answer."""
    result = sign(read_authority(root_secret()), csr_of(rig), 0, START, entropy_of(1))
    return {"signedCertificate": encode(result.chain), "signingRootCa": encode(result.root)}


def csr_of(rig):
    return x509.load_pem_x509_csr(base64.b64decode(rig.request()["spec"]["certificateSigningRequest"]))


def respecify(rig, **spec):
    certificate = rig.certificate()
    rig.remote.replace(ISSUED_CERTIFICATE, {**certificate, "spec": {**certificate["spec"], **spec}})
    rig.run(seconds=1)


@pytest.mark.seed("G03", "X14")
def test_the_agent_makes_a_key_and_a_certificate_request_and_shows_the_csr_in_the_status():
    """The source has a CertificateRequest; where the document has the CSR, it stands as well (X14)."""
    rig = alone()
    csr = rig.request()["spec"]["certificateSigningRequest"]
    assert rig.certificate()["status"]["certificateSigningRequest"] == csr
    key = load_pem_private_key(data_of(rig.remote.get(SECRET, *KEY))["private-key"], None)
    assert csr_of(rig).public_key() == key.public_key()
    assert rig.remote.get(SECRET, *KEY)["type"] == "certificates.mesh.gloo.solo.io/generated_private_key"


def test_a_secret_that_an_issuer_writes_as_the_document_has_it_moves_nothing():
    """It can have signed the CSR of the status, but not have the key: only the agent's Secret is of use (X14)."""
    rig = alone()
    answered = signed(rig)
    without_key = {"ca-cert.pem": answered["signedCertificate"], "root-cert.pem": answered["signingRootCa"]}
    metadata = dict(zip(("namespace", "name"), CACERTS, strict=True))
    rig.remote.insert(SECRET, {"metadata": metadata, "type": ISSUED_TYPE, "data": without_key})
    rig.run(minutes=1)
    assert rig.state() == "REQUESTED"
    answer(rig, "FINISHED", **answered)
    assert rig.state() == "FINISHED"
    assert data_of(rig.remote.get(SECRET, *CACERTS))["ca-key.pem"].startswith(b"-----BEGIN EC PRIVATE KEY-----")


@pytest.mark.seed("G06")
def test_hosts_are_names_and_addresses():
    rig = alone(hosts=["mesh.test", "10.0.0.1", "*.mesh.test", "FD00::1"])
    names = csr_of(rig).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["mesh.test", "*.mesh.test"]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["10.0.0.1", "fd00::1"]


@pytest.mark.seed("G07")
def test_a_host_may_be_the_identity_of_a_workload():
    names = csr_of(alone()).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [IDENTITY]


@pytest.mark.parametrize("host", ["https://mesh.test/", "spiffe://", "spiffe:///ns/x"])
def test_what_looks_like_an_identity_and_is_none_fails_with_a_sentence(host):
    rig = alone(hosts=[host])
    assert (rig.state(), rig.request()) == ("FAILED", None)
    assert rig.error().startswith(f"spec.hosts: {host} is no identity; write spiffe://TRUST-DOMAIN/")


@pytest.mark.parametrize(
    ("spec", "organization"),
    [({}, "Istio"), ({"certOptions": {"orgName": "Mesh"}}, "Mesh"), ({"org": None}, "gloo-mesh")],
)
@pytest.mark.seed("G09")
def test_org_is_the_organization_of_the_subject(spec, organization):
    assert csr_of(alone(**spec)).subject.rfc4514_string() == f"O={organization}"


@pytest.mark.seed("G11")
def test_the_certificate_is_put_into_the_issued_certificate_secret_of_the_agents_cluster():
    rig = alone(issuedCertificateSecret={"namespace": "shop", "name": "mesh-ca"})
    answer(rig, "FINISHED", **signed(rig))
    secret = rig.remote.get(SECRET, "shop", "mesh-ca")
    assert secret["type"] == "certificates.mesh.gloo.solo.io/issued_certificate"
    chain = x509.load_pem_x509_certificates(data_of(secret)["cert-chain.pem"])
    assert chain[0].public_key() == load_pem_private_key(data_of(secret)["ca-key.pem"], None).public_key()
    assert chain[0].issuer == chain[-1].subject


@pytest.mark.parametrize("spec", [{"issuedCertificateSecret": None}, {"agentCa": {"vault": {}}}])
@pytest.mark.seed("G11")
def test_without_a_target_secret_the_agent_leaves_it_alone(spec):
    rig = alone(**spec)
    assert (rig.state(), rig.remote.list(GLOO_REQUEST), rig.remote.list(SECRET)) == ("", [], [])


@pytest.mark.seed("G15")
def test_a_generation_that_was_not_observed_starts_again_from_pending():
    rig = alone()
    first = csr_of(rig)
    assert rig.certificate()["status"]["observedGeneration"] == 1
    rig.crash("agent")
    respecify(rig, org="Other")
    assert (rig.certificate()["status"]["observedGeneration"], rig.certificate()["metadata"]["generation"]) == (1, 2)
    rig.restart("agent")
    rig.run(seconds=1)
    assert (rig.certificate()["status"]["observedGeneration"], rig.state()) == (2, "REQUESTED")
    assert csr_of(rig).public_key() != first.public_key()


def test_an_answer_to_an_earlier_csr_is_none():
    rig = alone()
    stale = rig.request()["metadata"]["generation"]
    old = signed(rig)
    respecify(rig, org="Other")
    answer(rig, "FINISHED", **old, observedGeneration=stale)
    assert rig.state() == "REQUESTED"


@pytest.mark.seed("G16")
def test_error_is_empty_when_it_was_processed_and_says_why_when_it_was_not():
    rig = alone()
    assert rig.error() == ""
    answer(rig, "FAILED", error="no")
    assert rig.error() == "certificate request gloo-mesh/istio failed to be signed by Issuer: no"
    rig.run(minutes=1)
    assert (rig.state(), rig.error()) == ("REQUESTED", "")


@pytest.mark.seed("G17")
def test_pending_is_what_the_agent_has_not_picked_up():
    rig = TwoClusters()
    rig.crash("agent")
    rig.crash("issuing")
    rig.remote.insert(ISSUED_CERTIFICATE, issued_certificate())
    rig.run(minutes=1)
    assert (rig.state(), state_of(rig.certificate())) == ("", State.PENDING)  # proto writes no first value of an enum
    rig.restart("agent")
    rig.run(seconds=1)
    assert rig.state() == "REQUESTED"


@pytest.mark.parametrize("told", [None, "PENDING"])
@pytest.mark.seed("G18")
def test_requested_waits_for_the_issuer_however_long_with_the_same_key(told):
    """The last public source went on to ISSUED here, found no Secret, and began anew: a loop."""
    rig = alone()
    key = rig.remote.get(SECRET, *KEY)
    if told:
        answer(rig, told)
    rig.run(hours=100)
    assert (rig.state(), rig.remote.get(SECRET, *KEY)) == ("REQUESTED", key)


@pytest.mark.seed("G19")
def test_issued_restarts_pods_and_stays_until_their_replacements_are_ready():
    """No one brings a replacement here."""
    rig = alone(podsToBounce=[{"namespace": "istio-system", "labels": {"app": "istiod"}, "waitForReplicas": 1}])
    rig.remote.insert(POD, pod("istiod-0", app="istiod"))
    assert rig.bounced == []
    answer(rig, "FINISHED", seconds=600, **signed(rig))
    assert (rig.state(), rig.bounced) == ("ISSUED", ["istiod-0"])
    assert rig.certificate()["status"]["podsBounced"][0]["bouncedPods"] == ["istiod-0"]


@pytest.mark.seed("G20")
def test_finished_has_the_secret_in_its_place_and_the_key_in_no_other():
    rig = alone()
    answer(rig, "FINISHED", **signed(rig))
    assert rig.state() == "FINISHED"
    assert [(s["metadata"]["namespace"], s["metadata"]["name"]) for s in rig.remote.list(SECRET)] == [CACERTS]


@pytest.mark.seed("G20")
def test_finished_without_its_secret_starts_again_after_a_minute():
    rig = alone()
    answer(rig, "FINISHED", **signed(rig))
    rig.remote.remove(SECRET, *CACERTS)
    rig.run(seconds=50)
    assert rig.state() == "FAILED"
    assert rig.error() == "could not find issued cert secret (istio-system/cacerts), restarting workflow"
    rig.run(seconds=20)
    assert rig.state() == "REQUESTED"


@pytest.mark.seed("G21")
def test_failed_starts_again_with_a_new_key_1_2_and_4_minutes_later_though_the_agent_is_restarted():
    """The source starts again at once."""
    rig = alone()
    for minutes in (1, 2, 4):
        before = csr_of(rig).public_key()
        answer(rig, "FAILED", error="no")
        rig.crash("agent")
        rig.restart("agent")
        rig.run(seconds=60 * minutes - 5)
        assert rig.state() == "FAILED"
        rig.run(seconds=10)
        assert rig.state() == "REQUESTED"
        assert csr_of(rig).public_key() != before


@pytest.mark.seed("G21")
def test_failed_starts_again_at_once_when_its_spec_changes():
    rig = alone(hosts=[])
    assert (rig.state(), rig.error()) == ("FAILED", "spec.hosts: name one host at least")
    respecify(rig, hosts=["mesh.test"])
    assert rig.state() == "REQUESTED"
    assert "failures" not in rig.certificate()["status"]


def drop_key(rig):
    rig.remote.remove(SECRET, *KEY)


@pytest.mark.parametrize(
    ("spoil", "spec", "told", "error"),
    [
        (drop_key, {}, {}, "invalid private key found, no data provided"),
        (lambda rig: None, {}, {"signedCertificate": encode("x")}, "what the issuer signed is no certificate"),
        (lambda rig: None, {}, {"signingRootCa": ""}, "what the issuer signed is no certificate and its root"),
        (
            lambda rig: rig.remote.insert(SECRET, {"metadata": dict(zip(("namespace", "name"), CACERTS, strict=True))}),
            {},
            {},
            "the Secret istio-system/cacerts is of type Opaque, which cannot be changed; delete it, or",
        ),
        (
            lambda rig: None,
            {"podBounceDirective": {"namespace": "shop", "name": "x"}},
            {},
            "failed to find specified pod",
        ),
        (
            lambda rig: None,
            {"issuedCertificateSecret": {"namespace": "nowhere", "name": "x"}},
            {},
            'namespaces "nowhere" not found',
        ),
        (
            lambda rig: None,
            {"podsToBounce": [{"rootCertSync": {"secretRef": {"namespace": "shop", "name": "x"}}}]},
            {},
            "could not find the secret of podsToBounce[0].rootCertSync",
        ),
    ],
    ids=[
        "no key",
        "no certificate",
        "no root",
        "foreign target",
        "no directive",
        "no namespace",
        "no root to wait for",
    ],
)
def test_what_cannot_go_on_fails_with_a_sentence(spoil, spec, told, error):
    rig = alone(**spec)
    spoil(rig)
    answer(rig, "FINISHED", **{**signed(rig), **told})
    assert rig.state() == "FAILED"
    assert rig.error().startswith(error)
    assert ("Failed", rig.error()) in rig.events()


def test_a_request_that_is_gone_fails():
    rig = alone()
    rig.remote.remove(GLOO_REQUEST, *KEY)
    rig.run(seconds=1)
    assert rig.error() == "could not find certificate request gloo-mesh/istio"


def test_what_was_signed_for_another_key_fails():
    rig, other = alone(), alone(org="Other")
    respecify(other, org="Third")
    answer(rig, "FINISHED", **signed(other))
    assert rig.error() == "what the issuer signed is not for the private key of this cluster"


@pytest.mark.parametrize("kind", [SECRET, GLOO_REQUEST], ids=lambda kind: kind.kind)
def test_what_is_of_the_same_name_and_belongs_to_somebody_else_is_left_alone(kind):
    rig = TwoClusters()
    theirs = {"metadata": {"namespace": "gloo-mesh", "name": "istio"}, **({"spec": {}} if kind == GLOO_REQUEST else {})}
    rig.remote.insert(kind, theirs)
    rig.crash("issuing")
    rig.remote.insert(ISSUED_CERTIFICATE, issued_certificate())
    rig.run(seconds=1)
    assert rig.error() == f"the {kind.kind} gloo-mesh/istio belongs to somebody else; delete or rename it"


def test_keys_are_rsa_where_those_are_made_and_of_the_size_that_the_spec_says():
    rig = TwoClusters(rsa_keys=lambda size: rsa.generate_private_key(65537, size))
    rig.crash("issuing")
    rig.remote.insert(ISSUED_CERTIFICATE, issued_certificate(certOptions={"rsaKeySizeBytes": 2048}))
    rig.run(seconds=1)
    pem = data_of(rig.remote.get(SECRET, *KEY))["private-key"]
    assert (pem.splitlines()[0], load_pem_private_key(pem, None).key_size) == (b"-----BEGIN RSA PRIVATE KEY-----", 2048)


def test_a_directive_that_another_certificate_has_used_restarts_its_pods_again():
    rig = alone(podBounceDirective={"namespace": "shop", "name": "all"})
    metadata = {"namespace": "shop", "name": "all"}
    spec = {"podsToBounce": [{"namespace": "shop", "labels": {"team": "shop"}}]}
    rig.remote.insert(POD_BOUNCE_DIRECTIVE, {"metadata": metadata, "spec": spec})
    for name in ("shop-0", "shop-1"):
        rig.remote.insert(POD, pod(name, "shop", team="shop"))
        answer(rig, "FINISHED", **signed(rig))
        respecify(rig, org=name)
    assert rig.bounced == ["shop-0", "shop-1"]


def test_the_table_has_a_row_for_every_state_and_every_state_may_fail_and_hear_of_a_change():
    assert list(MOVES) == list(State)
    assert {state for state, row in MOVES.items() if row.get("fail") is not State.FAILED} == set()
    assert {state for state, row in MOVES.items() if "change" not in row} == {State.PENDING}


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("event", ["request", "issue", "finish"])
def test_what_the_table_does_not_have_does_not_happen(state, event):
    certificate = issued_certificate()
    certificate = {**certificate, "status": {"state": state.value, "observedGeneration": 1}}
    certificate["metadata"] = {**certificate["metadata"], "generation": 1}
    if event in MOVES[state]:
        assert moved(certificate, event)["state"] == MOVES[state][event]
    else:
        with pytest.raises(KeyError):
            moved(certificate, event)
    assert failed(certificate, "why", START)["state"] == "FAILED"


def test_an_unknown_state_is_refused_by_the_api():
    rig = alone()
    certificate = rig.certificate()
    with pytest.raises(ApiError, match="Unsupported value"):
        rig.remote.replace_status(ISSUED_CERTIFICATE, {**certificate, "status": {"state": "LOST"}})


def test_the_backoff_ends_at_an_hour():
    certificate = {**issued_certificate(), "status": {"failures": 40, "failedAt": "2026-01-01T00:00:00Z"}}
    assert restart_after(certificate, START) == timedelta(hours=1)
