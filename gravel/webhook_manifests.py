"""What lets cert-manager reach the webhook of a server in a cluster: an APIService, and the right to use it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gravel.cluster_manifests import MANAGEMENT, Plan, ca_bundle, labels
from gravel.management.webhook import GROUP, SOLVER, VERSION

_RBAC = "rbac.authorization.k8s.io"
# What its chart calls it.
_CERT_MANAGER = "cert-manager"


def webhook(plan: Plan) -> Iterator[dict[str, Any]]:
    """Yield the objects: kube-apiserver proxies the group to the server's Service, for cert-manager only."""
    yield {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": f"{VERSION}.{GROUP}", "labels": labels(plan)},
        "spec": {
            "group": GROUP,
            "version": VERSION,
            "groupPriorityMinimum": 1000,
            "versionPriority": 15,
            "caBundle": ca_bundle(plan),
            "service": {"name": plan.name, "namespace": plan.namespace, "port": MANAGEMENT},
        },
    }
    metadata = {"name": f"{plan.name}:domain-solver", "labels": labels(plan)}
    rule = {"apiGroups": [GROUP], "resources": [SOLVER], "verbs": ["create"]}
    yield {"apiVersion": f"{_RBAC}/v1", "kind": "ClusterRole", "metadata": metadata, "rules": [rule]}
    yield {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": metadata,
        "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": metadata["name"]},
        "subjects": [{"kind": "ServiceAccount", "name": _CERT_MANAGER, "namespace": plan.cert_manager_namespace}],
    }


def server_flag(plan: Plan) -> str:
    """Return the command by which the server lets kube-apiserver in, which has no token to send."""
    return f"kubectl set env -n {plan.namespace} deployment/{plan.name} GRAVEL_WEBHOOK_OPEN=true"


def solver() -> str:
    """Return what an issuer's `solvers` then have."""
    return f"dns01: {{webhook: {{groupName: {GROUP}, solverName: {SOLVER}}}}}"
