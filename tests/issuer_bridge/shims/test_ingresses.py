"""Ingresses and their Certificates: the rows of upstream's `certificate-shim/sync_test.go`, on a real store."""

import pytest

from issuer_bridge.resources import CERTIFICATE, EVENT, INGRESS, SECRET
from issuer_bridge.shims.ingress_certificates import ShimOptions
from tests.issuer_bridge.bridge_rig import Rig
from tests.issuer_bridge.cert_manager.certificates.certificate_rig import CertificateRig, certificate

CM, ACME = "cert-manager.io/", "acme.cert-manager.io/http01-"
CLUSTER, ISSUER, NAME = f"{CM}cluster-issuer", f"{CM}issuer", "example-com-tls"
BLOCK = {"hosts": ["example.com", "www.example.com"], "secretName": NAME}
CREATED = ("CreateCertificate", f'Successfully created Certificate "{NAME}"')
UPDATED = ("UpdateCertificate", f'Successfully updated Certificate "{NAME}"')


def ingress(annotations=None, *blocks, name="web", **metadata):
    annotations = {ISSUER: "ca"} if annotations is None else annotations
    metadata = {"name": name, "namespace": "default", "annotations": annotations, **metadata}
    spec = {"tls": list(blocks or (BLOCK,))}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": metadata, "spec": spec}


def rig_with(resource, **options):
    rig = Rig(shim=ShimOptions(**options))
    apply(rig, resource)
    return rig


def apply(rig, resource):
    """Create an Ingress, or replace it."""
    existing = rig.store.get(INGRESS, "default", resource["metadata"]["name"])
    if existing is None:
        rig.create(INGRESS, resource)
    else:
        rig.store.replace(INGRESS, {**resource, "metadata": {**existing["metadata"], **resource["metadata"]}})
    rig.run(seconds=1)


def found(rig, name=NAME):
    return rig.store.get(CERTIFICATE, "default", name)


def events(rig):
    return sorted(rig.events("Ingress"))


def spec_of(**fields):
    """What an Ingress with one block of TLS asks for."""
    reference = {"name": "ca", "kind": "Issuer", "group": "cert-manager.io"}
    usages = ["digital signature", "key encipherment"]
    names = {"dnsNames": BLOCK["hosts"], "secretName": NAME}
    return {**names, "issuerRef": reference, "usages": usages, **fields}


@pytest.mark.seed("B39", "X7")
@pytest.mark.parametrize(
    ("annotations", "spec"),
    [
        ({ISSUER: "ca"}, spec_of()),
        (
            {CLUSTER: "ca", f"{CM}common-name": "my-cn"},
            spec_of(commonName="my-cn", issuerRef={"name": "ca", "kind": "ClusterIssuer", "group": "cert-manager.io"}),
        ),
        (
            {ISSUER: "ca", f"{CM}issuer-kind": "Gravel", f"{CM}issuer-group": "gravel.test"},
            spec_of(issuerRef={"name": "ca", "kind": "Gravel", "group": "gravel.test"}),
        ),
        (
            {ISSUER: "ca", f"{CM}duration": "720h", f"{CM}renew-before": "168h", f"{CM}revision-history-limit": "3"},
            spec_of(duration="720h0m0s", renewBefore="168h0m0s", revisionHistoryLimit=3),
        ),
        (
            {ISSUER: "ca", f"{CM}alt-names": "more.test", f"{CM}ip-sans": "10.0.0.1"},
            spec_of(dnsNames=[*BLOCK["hosts"], "more.test"], ipAddresses=["10.0.0.1"]),
        ),
        ({ISSUER: "ca", f"{CM}usages": "server auth"}, spec_of(usages=["server auth"])),
    ],
)
def test_a_block_of_tls_gets_a_certificate(annotations, spec):
    rig = rig_with(ingress(annotations))
    certificate = found(rig)
    assert spec == certificate["spec"]
    assert events(rig) == [CREATED]
    (owner,) = certificate["metadata"]["ownerReferences"]
    assert (owner["apiVersion"], owner["kind"], owner["name"]) == ("networking.k8s.io/v1", "Ingress", "web")
    assert owner["controller"]


def test_addresses_among_the_hosts_are_addresses_and_repeated_hosts_are_one():
    hosts = ["example.com", "10.0.0.1", "example.com", "2a02::1"]
    rig = rig_with(ingress(None, {**BLOCK, "hosts": hosts}))
    assert spec_of(dnsNames=["example.com"], ipAddresses=["10.0.0.1", "2a02::1"]) == found(rig)["spec"]


@pytest.mark.parametrize(
    ("annotations", "carried"),
    [
        (
            {f"{ACME}edit-in-place": "true"},
            {f"{ACME}override-ingress-name": "web", f"{CM}issue-temporary-certificate": "true"},
        ),
        ({f"{ACME}edit-in-place": "false"}, {}),
        ({f"{ACME}ingress-class": "traefik"}, {f"{ACME}override-ingress-class": "traefik"}),
        ({f"{ACME}ingress-class": ""}, {}),
        ({f"{ACME}ingress-ingressclassname": "nginx"}, {f"{ACME}override-ingress-ingressclassname": "nginx"}),
        ({"extra": "copied", "other": "not"}, {"extra": "copied"}),
    ],
)
def test_annotations_for_the_solver_and_chosen_ones_are_carried_on(annotations, carried):
    rig = rig_with(ingress({ISSUER: "ca", **annotations}), extra_annotations=("extra",))
    assert carried == found(rig)["metadata"].get("annotations", {})


def test_labels_are_carried_on_but_that_of_an_applyset():
    rig = rig_with(ingress(labels={"team": "a", "applyset.kubernetes.io/part-of": "set"}))
    assert found(rig)["metadata"]["labels"] == {"team": "a"}


DEFAULT = {"default_issuer_name": "std", "default_issuer_kind": "ClusterIssuer"}


@pytest.mark.parametrize(
    ("annotations", "options", "reference"),
    [
        ({}, DEFAULT, None),
        ({"kubernetes.io/tls-acme": "false"}, DEFAULT, None),
        ({"kubernetes.io/tls-acme": "true"}, DEFAULT, ("std", "ClusterIssuer")),
        ({"mine": "t"}, {**DEFAULT, "auto_annotations": ("mine",)}, ("std", "ClusterIssuer")),
        ({"kubernetes.io/tls-acme": "true", ISSUER: "own"}, DEFAULT, ("own", "Issuer")),
    ],
)
def test_a_default_issuer_serves_those_that_ask_by_an_annotation(annotations, options, reference):
    rig = rig_with(ingress(annotations), **options)
    certificate = found(rig)
    chosen = certificate and (certificate["spec"]["issuerRef"]["name"], certificate["spec"]["issuerRef"]["kind"])
    assert (chosen, len(events(rig))) == (reference, 1 if reference else 0)


BAD = "Could not determine issuer for ingress due to bad annotations: "


@pytest.mark.seed("X7")
@pytest.mark.parametrize(
    ("annotations", "text"),
    [
        ({"kubernetes.io/tls-acme": "true"}, f"{BAD}failed to determine issuer name to be used for ingress resource"),
        ({ISSUER: "a", CLUSTER: "b"}, f'{BAD}both "{ISSUER}" and "{CLUSTER}" may not be set'),
        ({CLUSTER: "b", f"{CM}issuer-group": "g"}, f'{BAD}both "{CLUSTER}" and "{CM}issuer-group" may not be set'),
        ({CLUSTER: "b", f"{CM}issuer-kind": "k"}, f'{BAD}both "{CLUSTER}" and "{CM}issuer-kind" may not be set'),
        ({ISSUER: "a", f"{CM}duration": "x"}, f'invalid ingress annotation "{CM}duration": time: invalid duration "x"'),
    ],
)
def test_bad_annotations_are_told_in_an_event_and_nothing_is_created(annotations, text):
    rig = rig_with(ingress(annotations))
    assert (events(rig), rig.store.list(CERTIFICATE)) == ([("BadConfig", text)], [])
    assert [event["type"] for event in rig.store.list(EVENT)] == ["Warning"]


@pytest.mark.parametrize(
    ("block", "text"),
    [
        ({"secretName": "x"}, "spec.tls[0].hosts: Required value"),
        ({"hosts": ["a.test"]}, "spec.tls[0].secretName: Required value"),
        ({}, "[spec.tls[0].hosts: Required value, spec.tls[0].secretName: Required value]"),
    ],
)
def test_a_block_that_lacks_something_is_skipped_and_the_others_are_not(block, text):
    rig = rig_with(ingress(None, block, BLOCK))
    assert events(rig) == [("BadConfig", f"Skipped a TLS block: {text}"), CREATED]


def test_two_blocks_with_one_secret_are_refused():
    rig = rig_with(ingress(None, BLOCK, {**BLOCK, "hosts": ["b.test"]}))
    text = f'spec.tls[0].secretName: Invalid value: "{NAME}": this secret name must only appear in a single TLS entry'
    assert events(rig) == [("BadConfig", f"{text} but is also used in spec.tls[1].secretName")]
    assert found(rig) is None


@pytest.mark.parametrize(
    "annotations",
    [
        {f"{CM}common-name": "my-cn"},
        {f"{CM}revision-history-limit": "1"},
        {f"{CM}private-key-size": "4096"},
        {f"{CM}private-key-algorithm": "ECDSA", f"{CM}private-key-size": "256"},
        {f"{CM}private-key-encoding": "PKCS8"},
        {f"{CM}private-key-rotation-policy": "Always"},
        {f"{CM}duration": "168h"},
        {f"{CM}renew-before": "24h"},
        {f"{CM}alt-names": "new.test"},
        {ISSUER: "other"},
    ],
    ids=lambda annotations: next(iter(annotations)),
)
def test_a_certificate_follows_its_ingress_and_back(annotations):
    rig = rig_with(ingress())
    apply(rig, ingress({ISSUER: "ca", **annotations}))
    assert (found(rig)["spec"] == spec_of(), events(rig)) == (False, [CREATED, UPDATED])
    apply(rig, ingress())
    assert spec_of() == found(rig)["spec"]


def test_a_certificate_follows_labels_and_copied_annotations():
    rig = rig_with(ingress(), extra_annotations=("extra",))
    apply(rig, ingress({ISSUER: "ca", "extra": "x"}, labels={"team": "b"}))
    assert found(rig)["metadata"]["labels"] == {"team": "b"}
    assert found(rig)["metadata"]["annotations"] == {"extra": "x"}


def test_one_that_is_as_it_should_be_is_left_alone():
    rig = rig_with(ingress())
    before = found(rig)["metadata"]["resourceVersion"]
    apply(rig, ingress({ISSUER: "ca", "note": "changes nothing"}))
    generation = found(rig)["metadata"]["generation"]
    assert (before is not None, generation, events(rig)) == (True, 1, [CREATED])


@pytest.mark.parametrize("owner", [None, "another"])
def test_a_certificate_of_somebody_else_is_not_touched(owner):
    rig = Rig()
    own = certificate("x", secretName=NAME)
    metadata = {"name": NAME, "namespace": "default"}
    if owner:
        apply(rig, ingress({}, name=owner))
        uid = rig.store.get(INGRESS, "default", owner)["metadata"]["uid"]
        reference = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "name": owner, "uid": uid}
        metadata["ownerReferences"] = [{**reference, "controller": True}]
    rig.create(CERTIFICATE, {**own, "metadata": metadata})
    apply(rig, ingress())
    assert (found(rig)["spec"]["dnsNames"], events(rig)) == (["x.http.test"], [])


def test_a_certificate_whose_secret_is_named_no_more_is_deleted():
    rig = rig_with(ingress())
    apply(rig, ingress(None, {**BLOCK, "secretName": "other-tls"}))
    assert [each["metadata"]["name"] for each in rig.store.list(CERTIFICATE)] == ["other-tls"]
    assert ("DeleteCertificate", f'Successfully deleted unrequired Certificate "{NAME}"') in events(rig)


def test_a_certificate_that_is_deleted_comes_back_and_one_of_a_deleted_ingress_does_not():
    rig = rig_with(ingress())
    rig.driver.spawn(rig.store.delete(CERTIFICATE, "default", NAME), lambda _: None)
    rig.run(seconds=1)
    assert found(rig) is not None
    rig.driver.spawn(rig.store.delete(INGRESS, "default", "web"), lambda _: None)
    rig.run(seconds=1)
    assert found(rig) is None


def test_an_ingress_that_is_being_deleted_is_not_looked_at():
    rig = rig_with(ingress(finalizers=["foregroundDeletion"]))
    assert (found(rig), events(rig)) == (None, [])


@pytest.mark.seed("B03", "B39")
def test_an_annotated_ingress_gets_a_secret_by_acme():
    rig = CertificateRig()
    annotations = {CLUSTER: "gravel", f"{CM}private-key-algorithm": "ECDSA"}
    rig.create(INGRESS, ingress(annotations, {"hosts": ["www.http.test"], "secretName": NAME}))
    rig.run(minutes=2)
    assert rig.state(NAME) == ("True", "Ready")
    assert (rig.sans(NAME), rig.has_pair(NAME)) == (["www.http.test"], True)
    assert rig.store.get(SECRET, "default", NAME)["type"] == "kubernetes.io/tls"


@pytest.mark.seed("B40")
def test_its_revision_history_limit_says_how_many_requests_are_kept():
    rig = CertificateRig()
    annotations = {CLUSTER: "gravel", f"{CM}private-key-algorithm": "ECDSA", f"{CM}revision-history-limit": "3"}
    rig.create(INGRESS, ingress(annotations, {"hosts": ["www.http.test"], "secretName": NAME}))
    rig.run(minutes=2)
    for _ in range(4):
        rig.renew(NAME)
        rig.run(minutes=2)
    assert [f"{NAME}-{revision}" for revision in (3, 4, 5)] == rig.requests
