"""What kubectl wrote is read as the cluster would be, and what nobody wrote is told in one sentence."""

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from issuer_bridge.diagnosis.cluster import READ
from issuer_bridge.diagnosis.diagnosing import diagnose
from issuer_bridge.diagnosis.dumps import read_dump
from issuer_bridge.resources import SECRET
from scheduler.versions import NEWEST
from tests.issuer_bridge.cert_manager.certificates.certificate_rig import CertificateRig
from tests.issuer_bridge.diagnosis.diagnosed import findings, told


@pytest.fixture(scope="module")
def stuck():
    rig = CertificateRig(errors=NEWEST)
    rig.hide = lambda question: True
    rig.add()
    rig.run(minutes=10)
    return rig


def objects(rig):
    return [{"apiVersion": k.api_version, "kind": k.kind, **item} for k in READ for item in rig.store.list(k)]


def as_list(items):
    return {"apiVersion": "v1", "kind": "List", "items": items, "metadata": {"resourceVersion": ""}}


def typed_lists(items):
    """As a raw API answers: the type is the list's."""
    for kind in READ:
        mine = [
            {name: item[name] for name in item if name not in ("apiVersion", "kind")}
            for item in items
            if item["kind"] == kind.kind
        ]
        yield {"apiVersion": kind.api_version, "kind": kind.list_kind, "items": mine}


FORMS = {
    "a list as JSON": lambda items: json.dumps(as_list(items)),
    "a list as YAML": lambda items: yaml.safe_dump(as_list(items)),
    "documents": yaml.safe_dump_all,
    "lists of the API": lambda items: yaml.safe_dump_all(typed_lists(items)),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_dump_says_the_same(stuck, form):
    cluster = read_dump(FORMS[form](objects(stuck)), "dump")
    assert diagnose(cluster, stuck.driver.now()) == findings(stuck)
    assert told(findings(stuck)) == [("http01-not-routed", "challenge")]
    assert all("data" not in secret for secret in cluster.list(SECRET))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "dump holds no object of cert-manager's; write it with: kubectl get "),
        ("[1]", "dump, document 1 is no object"),
        ("a: [", "dump, document 1, line 1: is not YAML"),
        ("kind: Pod\napiVersion: v1\nmetadata: {name: a}", "holds no object of cert-manager's"),
        ("kind: List\nitems: [3]", "dump, document 1, object 1 is no object"),
        (
            "apiVersion: v1\nkind: Event\nmetadata: {name: a}",
            "object 1 is no Event of Kubernetes': metadata.namespace: ",
        ),
        (
            "apiVersion: acme.cert-manager.io/v1\nkind: Challenge\nmetadata: {name: a, namespace: b}\nspec: {type: DNS-01}",
            "is no Challenge of Kubernetes': spec.dnsName: ",
        ),
    ],
)
def test_what_is_no_dump_is_told_in_one_sentence(text, complaint):
    with pytest.raises(ValueError) as told_of:
        read_dump(text, "dump")
    assert complaint in str(told_of.value)
    assert "\n" not in str(told_of.value)


ODD = st.sampled_from([None, 0, -1, True, "", "x", [], [1], [{}], {}, {"type": "Ready"}, "2026-01-01T00:00:00Z"])


@given(data=st.data())
def test_a_dump_that_somebody_edited_is_read_or_refused(stuck, data):
    items = json.loads(json.dumps(objects(stuck)))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.sampled_from([item for item in items if item["kind"] != "Event"]))
        while True:
            key = data.draw(st.sampled_from(sorted(place)))
            inner = place[key]
            if isinstance(inner, list) and inner and isinstance(inner[0], dict):
                inner = inner[0]
            if not isinstance(inner, dict) or not inner or data.draw(st.booleans()):
                place[key] = data.draw(ODD)
                break
            place = inner
    try:
        cluster = read_dump(json.dumps(as_list(items)), "dump")
    except ValueError:
        return
    for finding in diagnose(cluster, stuck.driver.now()):
        assert json.dumps(finding.to_json())
