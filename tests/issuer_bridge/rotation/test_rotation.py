"""Whole rotations in virtual time; every live certificate is verified at every trust store at every minute."""

import base64
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from issuer_bridge.resources import CERTIFICATE_REQUEST, CONFIG_MAP, NAMESPACE, SECRET
from issuer_bridge.rotation.trust_stores import LABEL
from issuer_bridge.shims.istio_csr import IstioOptions
from tests.issuer_bridge.local_rig import SYSTEM
from tests.issuer_bridge.rotation.rotation_rig import RotationRig

SOON = {"renew_within": "30m"}
ALL = ["Stable", "DistributingNewCA", "SigningWithNewCA", "RetiringOldCA", "Stable"]


def trusted(bundle):
    return bundle.count("BEGIN CERTIFICATE")


def settled(rig):
    """Whether nobody trusts the other CA any more."""
    return [trusted(bundle) for _, bundle in rig.bundles()] == [1] * len(list(rig.bundles()))


@pytest.mark.seed("B64", "B65")
def test_a_rotation_goes_through_its_phases_and_breaks_nothing():
    rig = RotationRig(delays=(0, 7, 13), annotations=SOON)
    rig.rotate()
    rig.live(5)
    assert rig.told[:2] == ("True", "DistributingNewCA")
    assert rig.told[2] == (
        "Waiting: 2 of 6 have not been acknowledged: ConfigMap default/roots-1, ConfigMap default/roots-2"
    )
    assert rig.signers() == ["old"]
    rig.live(115)
    assert (rig.phases, rig.broken) == (ALL, [])
    assert (rig.signers(), rig.ca["spec"]["ca"]["secretName"]) == (["new"], "root-2")
    assert settled(rig)
    assert rig.told == ("False", "Stable", "The CA in Secret root-2 signs")
    assert sorted(
        message.split(":")[0] for reason, message in rig.events("ClusterIssuer") if reason == "CARotation"
    ) == sorted(ALL[1:])
    moves = rig.facts("issuer_bridge", "RotationMoved")
    assert [(each.subject, each.data["phase"]) for each in moves] == [
        ({"issuer": "mesh-ca"}, phase) for phase in ALL[1:]
    ]


@pytest.mark.seed("B64")
def test_the_naive_swap_breaks_and_shows_which_certificate_where():
    rig = RotationRig(workloads=2, delays=(0,))
    rig.sign_with("root-2")
    rig.live(5)
    assert rig.broken == []  # until something is renewed
    rig.renew("w0")
    rig.live(1)
    assert [(holder, store) for _, holder, store in rig.broken] == [
        ("Secret w0-tls", "ConfigMap roots-0"),
        ("Secret w0-tls", "Secret w1-tls"),
        ("Secret w1-tls", "Secret w0-tls"),
    ]


@pytest.mark.parametrize("minutes", [3, 15, 37], ids=["distributing", "signing", "retiring"])
def test_an_abort_leads_back_from_every_phase(minutes, request):
    rig = RotationRig(delays=(0, 12), annotations={"renew_within": "20m"})
    rig.rotate()
    rig.live(minutes)
    phase = {"distributing": "DistributingNewCA", "signing": "SigningWithNewCA", "retiring": "RetiringOldCA"}
    assert rig.told[1] == phase[request.node.callspec.id]
    rig.rotate(None)
    rig.live(120)
    assert (rig.told[:2], rig.broken) == (("False", "Stable"), [])
    assert (rig.signers(), rig.ca["spec"]["ca"]["secretName"], settled(rig)) == (["old"], "root", True)


@pytest.mark.seed("B66")
def test_without_a_window_the_old_certificates_are_waited_out():
    rig = RotationRig(delays=(0,))
    rig.rotate()
    rig.live(70)
    assert (rig.told[1], rig.signers()) == ("SigningWithNewCA", ["old"])
    assert rig.told[2].startswith("Waiting: 3 live certificates are of the old CA, the last until 2026-01-01T02:00:0")
    rig.live(15)  # renewed after 80 minutes, two thirds of two hours
    assert (rig.phases, rig.broken) == (ALL, [])
    assert [reason for reason, message in rig.events("Certificate") if "another CA" in message] == []


def test_forced_renewals_are_spread_over_the_window():
    rig = RotationRig(workloads=24, delays=(), lifetime="24h", annotations={"renew_within": "2h"})
    rig.rotate()
    rig.live(130)
    begun = [leaf.not_valid_before_utc for _, leaf, _ in rig.leaves()]
    halves = [sum(each - min(begun) < timedelta(hours=1) for each in begun), len(begun)]
    assert (rig.phases, rig.broken) == (ALL, [])
    assert 6 <= halves[0] <= 18
    assert timedelta(minutes=90) < max(begun) - min(begun) <= timedelta(hours=2)


def test_certificates_that_nobody_sees_are_given_their_time():
    rig = RotationRig(workloads=0, annotations={"unseen_for": "1h"})
    rig.rotate()
    rig.live(30)
    assert rig.told[1:] == (
        "SigningWithNewCA",
        "Waiting: certificates that nobody sees may be of the old CA until 2026-01-01T01:01:46Z",
    )
    rig.live(35)
    assert rig.phases == ALL


def test_a_store_that_cannot_be_written_is_waited_for_by_name():
    rig = RotationRig(delays=(0, 0), annotations=SOON)
    rig.store.shut = ("roots-1",)
    rig.rotate()
    rig.live(60)
    assert rig.told[1:] == (
        "DistributingNewCA",
        "Waiting: 1 of 5 trust stores do not hold both CAs yet: ConfigMap default/roots-1",
    )
    rig.store.shut = ()
    rig.live(60)
    assert (rig.phases, rig.broken) == (ALL, [])


def test_a_secret_that_is_still_to_be_written_from_an_older_request_is_waited_for():
    """Its request holds the old CA alone, and would bring that after everybody had been looked at."""
    rig = RotationRig(delays=(0,), annotations=SOON)
    rig.store.shut = ("w0-tls",)
    rig.renew("w0")
    rig.live(1)
    rig.rotate()
    rig.live(20)
    assert rig.told[2] == (
        "Waiting: 2 of 5 trust stores do not hold both CAs yet: Secret default/w0-tls, CertificateRequest default/w0-2"
    )
    rig.store.shut = ()
    rig.live(90)
    assert (rig.phases, rig.broken) == (ALL, [])


def test_what_others_put_into_a_store_stays():
    rig = RotationRig(delays=(0,), annotations=SOON)
    store = rig.store.get(CONFIG_MAP, "default", "roots-0")
    other = rig.chain("w0-tls")[0].public_bytes(encoding=Encoding.PEM)
    rig.store.replace(CONFIG_MAP, {**store, "data": {"ca.crt": store["data"]["ca.crt"] + other.decode(), "more": "x"}})
    rig.rotate()
    rig.live(60)
    data = rig.store.get(CONFIG_MAP, "default", "roots-0")["data"]
    assert (rig.phases, other.decode() in data["ca.crt"], trusted(data["ca.crt"]), data["more"]) == (ALL, True, 2, "x")


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        ("none", 'It cannot go on: Error getting keypair for CA issuer: secret "none" not found'),
        ("w0", "It cannot go on: Error getting keypair for CA issuer: certificate is not a CA"),
    ],
)
def test_a_rotation_to_what_is_no_ca_does_not_begin_and_says_why(wanted, text):
    rig = RotationRig(workloads=1)
    rig.add_in(SYSTEM, "w0", secretName="w0", dnsNames=["w0.test"])
    rig.run(seconds=5)
    rig.rotate(wanted)
    rig.live(2)
    assert (rig.told, rig.ca["spec"]["ca"]["secretName"]) == (("False", "Stable", text), "root")
    rig.rotate("root-2")
    rig.live(1)
    assert rig.told[1] == "DistributingNewCA" or rig.told[1] == "SigningWithNewCA"


def test_a_ca_that_changes_under_way_stops_the_rotation_where_it_is():
    rig = RotationRig(annotations=SOON)
    rig.rotate()
    rig.live(2)
    rig.driver.spawn(rig.store.delete(SECRET, SYSTEM, "root-2"), lambda _: None)
    rig.live(60)
    assert rig.told[1:] == (
        "SigningWithNewCA",
        "Waiting: the CA that signs is not the one of the beginning any more",
    )


def test_who_writes_another_signer_under_way_is_corrected():
    rig = RotationRig(annotations=SOON)
    rig.rotate()
    rig.live(3)
    rig.sign_with("root")
    rig.live(1)
    assert rig.ca["spec"]["ca"]["secretName"] == "root-2"
    rig.live(60)
    assert (rig.phases, rig.broken) == (ALL, [])


@pytest.mark.seed("B64")
def test_the_roots_of_a_mesh_come_through_the_configmaps_of_all_its_namespaces():
    reference = {"name": "mesh-ca", "kind": "ClusterIssuer", "group": "cert-manager.io"}
    listed = {"trust_stores": "ConfigMap */istio-ca-root-cert", "unseen_for": "1h", **SOON}
    rig = RotationRig(delays=(), annotations=listed, istio=IstioOptions((SYSTEM, "root"), reference, None))
    secret = rig.store.get(SECRET, SYSTEM, "root")
    labels = {**secret["metadata"]["labels"], LABEL: "ClusterIssuer.mesh-ca"}
    rig.store.replace(SECRET, {**secret, "metadata": {**secret["metadata"], "labels": labels}})
    for name in ("shop", "payments"):
        rig.create(NAMESPACE, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    rig.run(seconds=1)

    def roots():
        return [each["data"]["root-cert.pem"] for each in rig.store.list(CONFIG_MAP) if "root-cert.pem" in each["data"]]

    assert len(roots()) > 2
    rig.rotate()
    rig.live(20)
    assert (rig.told[1], {trusted(bundle) for bundle in roots()}) == ("SigningWithNewCA", {2})
    rig.live(60)
    ca = base64.b64decode(rig.store.get(SECRET, SYSTEM, "root-2")["data"]["ca.crt"]).decode()
    assert (rig.phases, set(roots())) == (ALL, {ca})


def test_requests_of_nobodys_certificate_count_as_live_until_they_expire():
    rig = RotationRig(workloads=0, annotations=SOON)
    rig.apply("alone", "alone.test", issuerRef={"name": "mesh-ca", "kind": "ClusterIssuer"}, duration="1h")
    rig.run(seconds=5)
    assert rig.store.get(CERTIFICATE_REQUEST, "default", "alone")["status"]["certificate"]
    rig.rotate()
    rig.live(30)
    assert rig.told[2].endswith("CertificateRequest default/alone")
    rig.live(35)
    assert rig.phases == ALL
