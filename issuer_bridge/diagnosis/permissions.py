"""What a diagnosis asks of a cluster, as a ClusterRole: to list, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from issuer_bridge.diagnosis.cluster import READ
from issuer_bridge.resources import RBAC, SECRET


def reader(name: str, namespace: str, labels: Mapping[str, str], *, secrets: bool = False) -> Iterator[dict[str, Any]]:
    """Yield a ServiceAccount of a namespace and the role that it has everywhere.

    secrets: list them too. RBAC cannot grant their metadata alone, which is all that is asked for; without them no more
    is lost than that a Secret is gone which nobody else has missed yet.
    """
    metadata = {"name": name, "labels": dict(labels)}
    groups: dict[str, list[str]] = {}
    for kind in READ:
        if secrets or kind != SECRET:
            groups.setdefault(kind.group, []).append(kind.plural)
    rules = [{"apiGroups": [group], "resources": plurals, "verbs": ["list"]} for group, plurals in groups.items()]
    reference = {"apiGroup": RBAC, "kind": "ClusterRole", "name": name}
    subjects = [{"kind": "ServiceAccount", "name": name, "namespace": namespace}]
    typed = {"apiVersion": f"{RBAC}/v1", "metadata": metadata}
    yield {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {**metadata, "namespace": namespace}}
    yield {**typed, "kind": "ClusterRole", "rules": rules}
    yield {**typed, "kind": "ClusterRoleBinding", "roleRef": reference, "subjects": subjects}
