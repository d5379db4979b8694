"""`gravel manifest rbac`: valid for Kubernetes, and the table of permissions word for word."""

from __future__ import annotations

import kubernetes_validate
import pytest

from issuer_bridge.cluster.election import LEASE_NAME
from issuer_bridge.cluster.permissions import ADMITTED, PERMISSIONS, POLICY_PERMISSIONS
from tests.gravel.printed_manifests import one, printed

OTHERS = ["--name=acme", "--namespace=ca"]


@pytest.mark.parametrize("options", [[], OTHERS, ["--policy"]])
def test_kubernetes_takes_every_document_without_an_unknown_field(options):
    documents = printed("rbac", *options)
    kinds = [document["kind"] for document in documents]
    assert kinds == ["ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"]
    for document in documents:
        kubernetes_validate.validate(document, kubernetes_validate.latest_version(), strict=True)


@pytest.mark.parametrize(
    ("options", "permissions"), [([], PERMISSIONS), (["--policy"], {**PERMISSIONS, **POLICY_PERMISSIONS})]
)
def test_the_cluster_role_is_the_table(options, permissions):
    rules = one("ClusterRole", printed("rbac", *options))["rules"]
    told = {(rule["apiGroups"][0], rule["resources"][0]): rule["verbs"] for rule in rules if rule not in ADMITTED}
    table = {
        (kind.group, f"{kind.plural}/{sub}" if sub else kind.plural): verbs.split()
        for (kind, sub), verbs in permissions.items()
    }
    assert told == table
    assert [rule for rule in rules if rule in ADMITTED] == list(ADMITTED)


def test_no_verb_and_no_resource_is_a_wildcard():
    for document in printed("rbac"):
        for rule in document.get("rules", ()):
            assert "*" not in [*rule["apiGroups"], *rule["resources"], *rule["verbs"]]


def test_of_leases_it_may_create_one_and_touch_its_own():
    create, touch = one("Role", printed("rbac"))["rules"]
    assert (create["verbs"], "resourceNames" in create) == (["create"], False)
    assert (touch["verbs"], touch["resourceNames"]) == (["get", "update"], [LEASE_NAME])


@pytest.mark.parametrize(("options", "name", "namespace"), [([], "gravel", "gravel"), (OTHERS, "acme", "ca")])
def test_both_bindings_are_of_the_account_and_its_roles(options, name, namespace):
    documents = printed("rbac", *options)
    for kind in ("ClusterRoleBinding", "RoleBinding"):
        binding = one(kind, documents)
        assert binding["subjects"] == [{"kind": "ServiceAccount", "name": name, "namespace": namespace}]
        assert binding["roleRef"]["name"] == name
        assert binding["roleRef"]["kind"] == kind.removesuffix("Binding")
    assert one("Role", documents)["metadata"]["namespace"] == namespace
