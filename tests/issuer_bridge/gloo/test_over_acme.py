"""An IssuedCertificate of one cluster that becomes an ACME Order in another: the whole bridge, in virtual time."""

import pytest
from cryptography import x509

from issuer_bridge.gloo.running import start
from issuer_bridge.gloo.signing import Options
from issuer_bridge.kube_api.store import EmbeddedStore
from issuer_bridge.resources import CERTIFICATE_REQUEST, GLOO_REQUEST, ISSUED_CERTIFICATE, SECRET
from tests.issuer_bridge.bridge_resources import csr_of
from tests.issuer_bridge.bridge_rig import Rig
from tests.issuer_bridge.gloo.gloo_resources import CACERTS, issued_certificate
from tests.issuer_bridge.gloo.two_clusters import NAMESPACES, data_of


def two(rig):
    """Return a second cluster whose certificates the bridge of the first gets."""
    remote = EmbeddedStore(rig.driver.now, rig.entropy, NAMESPACES)
    issuer = {"name": "gravel", "kind": "ClusterIssuer", "group": "cert-manager.io"}
    start(rig.driver, remote, rig.store, rig.entropy, lambda house, facts: None, Options("west", issuer))
    return remote


@pytest.mark.seed("G01", "G06")
def test_it_becomes_a_certificate_request_an_order_and_a_certificate_for_its_hosts():
    rig = Rig()
    rig.apply_issuer()
    remote = two(rig)
    hosts = ["a.http.test", "b.http.test"]
    remote.insert(ISSUED_CERTIFICATE, issued_certificate(hosts=hosts, signingCertificateSecret=None))
    rig.run(minutes=1)
    certificate = remote.get(ISSUED_CERTIFICATE, "gloo-mesh", "istio")
    assert (certificate["status"]["state"], len(rig.orders)) == ("FINISHED", 1)
    secret = data_of(remote.get(SECRET, *CACERTS))
    leaf = x509.load_pem_x509_certificate(secret["ca-cert.pem"])
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == hosts
    chain = x509.load_pem_x509_certificates(secret["cert-chain.pem"])
    assert chain[0] == leaf
    assert (remote.list(CERTIFICATE_REQUEST), rig.store.list(GLOO_REQUEST)) == ([], [])


def test_a_bridge_takes_the_other_certificate_request_for_none_of_its_own():
    rig = Rig()
    metadata = {"namespace": "default", "name": "one"}
    rig.create(GLOO_REQUEST, {"metadata": metadata, "spec": {"certificateSigningRequest": csr_of("one.http.test")}})
    rig.run(minutes=1)
    assert rig.facts("issuer_bridge", "RequestSeen") == []
    assert rig.store.get(GLOO_REQUEST, "default", "one").get("status") is None
