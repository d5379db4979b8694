"""Who belongs to whom."""

import pytest

from issuer_bridge.cert_manager.ownership import Ownership
from issuer_bridge.references import (
    controller_of,
    controller_reference,
    is_controlled_by,
    is_of_our_group,
    issuer_for,
    key_of,
    refers_to,
)
from issuer_bridge.resources import CERTIFICATE_REQUEST, CLUSTER_ISSUER, ISSUER
from tests.issuer_bridge.bridge_resources import issuer, request


def owned(owner, name="child"):
    return {
        "metadata": {
            "name": name,
            "namespace": "default",
            "ownerReferences": [{"kind": "Other", "uid": "u"}, controller_reference(owner, CERTIFICATE_REQUEST)],
        }
    }


def test_a_key_has_a_namespace_only_where_there_is_one():
    assert (key_of(request("a.test")), key_of(issuer())) == ("default/one", "gravel")


def test_the_controller_is_the_owner_that_says_so():
    assert controller_of(owned(request("a.test")))["name"] == "one"
    assert controller_of(request("a.test")) == {}


def test_an_earlier_owner_of_the_same_name_is_another_owner():
    again = request("a.test")
    again["metadata"]["uid"] = "another"
    assert [is_controlled_by(owned(request("a.test")), owner) for owner in (request("a.test"), again)] == [True, False]


@pytest.mark.parametrize(
    ("reference", "resource", "expected"),
    [
        ({"name": "i"}, issuer("i", kind="Issuer"), True),
        ({"name": "i", "kind": "Issuer", "group": "cert-manager.io"}, issuer("i", kind="Issuer"), True),
        ({"name": "i", "kind": "ClusterIssuer"}, issuer("i"), True),
        ({"name": "j"}, issuer("i", kind="Issuer"), False),
        ({"name": "i"}, issuer("i"), False),
        ({"name": "i", "kind": "ClusterIssuer"}, issuer("i", kind="Issuer"), False),
        ({"name": "i", "kind": "Other"}, issuer("i", kind="Issuer"), False),
        ({"name": "i", "group": "gravel.test"}, issuer("i", kind="Issuer"), False),
    ],
)
def test_a_request_names_its_issuer_by_kind_and_name(reference, resource, expected):
    assert expected == refers_to(request("a.test", reference=reference), resource)


def test_an_issuer_of_another_namespace_is_another_issuer():
    elsewhere = issuer("i", kind="Issuer")
    elsewhere["metadata"]["namespace"] = "elsewhere"
    assert not refers_to(request("a.test", reference={"name": "i"}), elsewhere)


@pytest.mark.seed("K03", "B09")
@pytest.mark.parametrize(
    ("reference", "asked"),
    [
        ({"name": "i"}, (ISSUER, "default", "i")),
        ({"name": "i", "kind": "ClusterIssuer"}, (CLUSTER_ISSUER, "", "i")),
        ({"name": "i", "kind": "Other"}, None),
        ({"name": "i", "group": "other.test"}, None),
    ],
)
def test_an_issuer_is_looked_for_where_its_kind_lives(reference, asked):
    class Store:
        def get(self, *place):
            return place

    assert asked == issuer_for(Store(), request("a.test", reference=reference))


@pytest.mark.parametrize(("group", "ours"), [(None, True), ("", True), ("cert-manager.io", True), ("other", False)])
def test_our_group_is_cert_managers(group, ours):
    assert ours == is_of_our_group({} if group is None else {"group": group})


def test_ownership_knows_the_names_of_what_somebody_controls():
    ownership, owner = Ownership(), request("a.test")
    for event, name in (("ADDED", "b"), ("ADDED", "a"), ("MODIFIED", "a"), ("ADDED", "c"), ("DELETED", "b")):
        ownership.note(event, owned(owner, name))
    ownership.note("ADDED", request("a.test", name="nobodys"))
    assert (ownership.names(owner), ownership.names(request("a.test", name="two"))) == (["a", "c"], [])
