"""Which trust stores an issuer has, and which are none of its own."""

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from issuer_bridge.resources import CLUSTER_ISSUER, CONFIG_MAP, ISSUER, NAMESPACE
from issuer_bridge.rotation.trust_stores import (
    ACKNOWLEDGED,
    LABEL,
    LISTED,
    TrustStore,
    as_wanted,
    hash_of,
    is_as_wanted,
    trust_stores,
)
from tests.issuer_bridge.local_rig import SYSTEM, LocalRig, typed_issuer


@pytest.fixture
def rig():
    """Issuers called `ca` of both kinds, and ConfigMaps of three namespaces: labelled, and not."""
    rig = LocalRig()
    rig.issuer("ca", {"ca": {"secretName": "root"}}, "default")
    rig.create(NAMESPACE, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "other"}})
    for namespace in ("default", "kube-system", "other"):
        for name, label in (
            ("one", "Issuer.ca"),
            ("two", "ClusterIssuer.mesh-ca"),
            ("three", "Issuer.another"),
            ("four", ""),
        ):
            metadata = {"name": name, "namespace": namespace, "labels": {LABEL: label} if label else {}}
            rig.create(CONFIG_MAP, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {}})
    rig.run(seconds=1)
    return rig


def stores(rig, kind, namespace, name, listed=""):
    issuer = rig.store.get(kind, namespace, name)
    annotated = {**issuer, "metadata": {**issuer["metadata"], "annotations": {LISTED: listed}}}
    return [(str(store), store.ours) for store in trust_stores(annotated, rig.store)]


def test_the_stores_of_an_issuer_are_those_of_its_namespace(rig):
    assert stores(rig, ISSUER, "default", "ca") == [("ConfigMap default/one", True)]
    assert stores(rig, ISSUER, "default", "ca", "ConfigMap */four") == [
        ("ConfigMap default/one", True),
        ("ConfigMap default/four", False),
    ]


def test_those_of_a_cluster_issuer_are_anywhere(rig):
    rig.add_in("other", "www")
    rig.run(seconds=5)
    assert stores(rig, CLUSTER_ISSUER, "", "mesh-ca", "ConfigMap other/four, ConfigMap other/two") == [
        ("ConfigMap default/two", True),
        ("ConfigMap kube-system/two", True),
        ("ConfigMap other/two", True),
        ("Secret other/www-tls", True),
        ("ConfigMap other/four", False),
    ]


@pytest.mark.parametrize("listed", ["ConfigMap", "ConfigMap roots", "Pod default/x", "ConfigMap /x", "Secret x/"])
def test_a_list_that_cannot_be_read_is_refused(rig, listed):
    with pytest.raises(ValueError, match=r"in the annotation gravel.test/trust-stores is not"):
        stores(rig, CLUSTER_ISSUER, "", "mesh-ca", listed)


def test_a_bundle_that_is_nonsense_becomes_what_is_trusted(rig):
    pem = rig.chain("root", SYSTEM)[0].public_bytes(Encoding.PEM).decode()
    assert not is_as_wanted("nonsense", [pem], [])
    assert as_wanted("nonsense", [pem], []) == pem
    assert as_wanted(f"# the root\n{pem}{pem}", [pem], []) == pem + pem
    assert as_wanted(pem, [], [pem]) == ""


def test_what_was_acknowledged_of_an_older_bundle_counts_for_no_other():
    """Its reader may have loaded another one in between, and not said so yet."""
    data, annotations = {"root-cert.pem": "a", "more": "x"}, {ACKNOWLEDGED: hash_of("ab")}
    store = TrustStore(CONFIG_MAP, {"metadata": {"annotations": annotations}, "data": data})
    assert not store.is_acknowledged
    filled = TrustStore(CONFIG_MAP, store.filled("ab"))
    assert filled.resource["data"] == {"root-cert.pem": "ab", "more": "x"}
    assert not filled.is_acknowledged
    assert TrustStore(CONFIG_MAP, {"metadata": {}, "data": data}).is_acknowledged  # nobody tells


def test_an_issuer_of_a_namespace_rotates_with_its_own_secrets():
    rig = LocalRig()
    for name in ("a", "b"):
        reference = {"name": "bootstrap", "kind": "ClusterIssuer"}
        rig.add_in("default", name, secretName=name, isCA=True, commonName=name, issuerRef=reference)
    rig.issuer("ca", {"ca": {"secretName": "a"}}, "default")
    rig.issuer("ca", {"ca": {"secretName": "root"}})
    rig.run(seconds=5)
    rig.add("www", issuerRef={"name": "ca", "kind": "Issuer"})
    rig.add("other", issuerRef={"name": "ca", "kind": "ClusterIssuer"})
    rig.run(seconds=5)
    before = rig.secret("other-tls")
    found = rig.store.get(ISSUER, "default", "ca")
    annotations = {"gravel.test/rotate-to": "b", "gravel.test/renew-within": "0s"}
    rig.store.replace(ISSUER, {**found, "metadata": {**found["metadata"], "annotations": annotations}})
    rig.run(minutes=5)
    assert rig.store.get(ISSUER, "default", "ca")["spec"] == typed_issuer("ca", {"ca": {"secretName": "b"}})["spec"]
    assert rig.leaf("www-tls").issuer == rig.chain("b")[0].subject
    assert rig.secret("other-tls") == before
