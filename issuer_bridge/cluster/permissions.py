"""What a bridge asks of a cluster: one table, from which RBAC manifests are made and which a test holds to what was asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from issuer_bridge.kube_api.reviews import SUBJECT_ACCESS
from issuer_bridge.resources import (
    ACME,
    CERT_MANAGER,
    CERTIFICATE,
    CERTIFICATE_REQUEST,
    CERTIFICATE_REQUEST_POLICY,
    CHALLENGE,
    CLUSTER_ISSUER,
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    CONFIG_MAP,
    EVENT,
    HTTP_ROUTE,
    INGRESS,
    ISSUER,
    LEASE,
    NAMESPACE,
    ORDER,
    ROLE,
    ROLE_BINDING,
    SECRET,
    SERVICE,
    Kind,
)

# Kind and subresource -> verbs. `get` renews a copy after a conflict.
PERMISSIONS: Mapping[tuple[Kind, str], str] = {
    (ISSUER, ""): "get list watch",
    (ISSUER, "status"): "update",
    (CLUSTER_ISSUER, ""): "get list watch",
    (CLUSTER_ISSUER, "status"): "update",
    (CERTIFICATE, ""): "create delete get list update watch",
    (CERTIFICATE, "status"): "update",
    (CERTIFICATE_REQUEST, ""): "create delete get list watch",
    (CERTIFICATE_REQUEST, "status"): "update",
    (ORDER, ""): "create get list watch",
    (ORDER, "status"): "update",
    (CHALLENGE, ""): "create delete get list update watch",
    (CHALLENGE, "status"): "update",
    (SECRET, ""): "create delete get list update watch",
    (SERVICE, ""): "create delete list watch",
    (INGRESS, ""): "create delete get list update watch",
    (HTTP_ROUTE, ""): "create list watch",
    (EVENT, ""): "create get update",
}
# With --approver policy, more; the ConfigMap only with --policy-summaries.
POLICY_PERMISSIONS: Mapping[tuple[Kind, str], str] = {
    (CERTIFICATE_REQUEST_POLICY, ""): "get list watch",
    (CERTIFICATE_REQUEST_POLICY, "status"): "update",
    (NAMESPACE, ""): "list watch",
    **dict.fromkeys(((kind, "") for kind in (ROLE, ROLE_BINDING, CLUSTER_ROLE, CLUSTER_ROLE_BINDING)), "list watch"),
    (SUBJECT_ACCESS, ""): "create",
    (CONFIG_MAP, ""): "create get update",
}
# The Lease is one object of one namespace; a name cannot restrict `create`.
LEASE_PERMISSIONS = "create get update"
# What others ask about us: cert-manager's webhook, whether we may approve for its signers; the admission plugin
# OwnerReferencesPermissionEnforcement, whether we may block the deletion of owners.
ADMITTED: tuple[dict[str, Any], ...] = (
    {
        "apiGroups": [CERT_MANAGER],
        "resources": ["signers"],
        "verbs": ["approve"],
        "resourceNames": ["issuers.cert-manager.io/*", "clusterissuers.cert-manager.io/*"],
    },
    {"apiGroups": [CERT_MANAGER], "resources": ["certificaterequests/finalizers"], "verbs": ["update"]},
    {"apiGroups": [INGRESS.group], "resources": ["ingresses/finalizers"], "verbs": ["update"]},
    {"apiGroups": [ACME], "resources": ["orders/finalizers", "challenges/finalizers"], "verbs": ["update"]},
)
RBAC = "rbac.authorization.k8s.io"


def rules(*, policy: bool = False) -> list[dict[str, Any]]:
    """Return the rules of the ClusterRole; policy: of one that approves by policies."""
    table = {**PERMISSIONS, **(POLICY_PERMISSIONS if policy else {})}
    return [*_rules(table), *ADMITTED]


def policy_rules() -> list[dict[str, Any]]:
    """Return those of them that are for policies alone."""
    return _rules(POLICY_PERMISSIONS)


def lease_rules(lease: str) -> list[dict[str, Any]]:
    """Return the rules of the Role: to make a Lease, and to touch this one."""
    named = [verb for verb in LEASE_PERMISSIONS.split() if verb != "create"]
    return [_rule(LEASE, "", "create"), {**_rule(LEASE, "", " ".join(named)), "resourceNames": [lease]}]


def rbac(
    name: str, namespace: str, lease: str, labels: Mapping[str, str], *, policy: bool = False
) -> Iterator[dict[str, Any]]:
    """Yield a ServiceAccount of a namespace and what it may: cluster-wide by the table, and one Lease where it is itself."""
    here = {"name": name, "namespace": namespace, "labels": dict(labels)}
    everywhere = {"name": name, "labels": dict(labels)}
    subjects = [{"kind": "ServiceAccount", "name": name, "namespace": namespace}]

    def bound(kind: str, metadata: dict[str, Any], rules: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        typed = {"apiVersion": f"{RBAC}/v1", "kind": kind, "metadata": metadata}
        reference = {"apiGroup": RBAC, "kind": kind, "name": name}
        yield {**typed, "rules": rules}
        yield {**typed, "kind": f"{kind}Binding", "roleRef": reference, "subjects": subjects}

    yield {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": here}
    yield from bound("ClusterRole", everywhere, rules(policy=policy))
    yield from bound("Role", here, lease_rules(lease))


def _rules(table: Mapping[tuple[Kind, str], str]) -> list[dict[str, Any]]:
    return [_rule(kind, subresource, verbs) for (kind, subresource), verbs in table.items()]


def _rule(kind: Kind, subresource: str, verbs: str) -> dict[str, Any]:
    resource = f"{kind.plural}/{subresource}" if subresource else kind.plural
    return {"apiGroups": [kind.group], "resources": [resource], "verbs": verbs.split()}
