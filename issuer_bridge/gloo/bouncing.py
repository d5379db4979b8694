"""Which pods are restarted next: selector by selector, each pod once, so that the mesh reads its new certificate.

What is to be deleted is written into `status.podsBounced` before it is deleted, so that whoever comes after a crash
deletes the rest, and never a pod that has been started with the new certificate. Facts from upstream
`pkg/certificates/agent/reconciliation/pod-bouncer/pod_bouncer.go`.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import attrs

from issuer_bridge.conditions import READY, is_true
from issuer_bridge.resources import Resource

Selector: TypeAlias = Mapping[str, Any]
"""`namespace`, `labels`, `waitForReplicas`, `rootCertSync`."""


@attrs.frozen
class Mark:
    """Write into the status that a selector's pods are restarted from now on."""

    bounced: Sequence[Mapping[str, Any]]


@attrs.frozen
class Delete:
    """Delete these pods, in this order."""

    pods: Sequence[Resource]


@attrs.frozen
class Await:
    """Look again soon: for what."""

    reason: str


Bounce: TypeAlias = Mark | Delete | Await | None
"""None: all pods are restarted."""


def bounce(
    selectors: Sequence[Selector],
    bounced: Sequence[Mapping[str, Any]],
    pods: Sequence[Resource],
    synced: Sequence[bool | None],
) -> Bounce:
    """Return the next step; ValueError when a root that is to be waited for is nowhere.

    bounced: `status.podsBounced`, by selector; pods: all of the selectors' namespaces; synced: by selector, `is_synced`.
    """
    for place, selector in enumerate(selectors):
        # A pod of an earlier selector has been restarted with that one.
        mine = [pod for pod in pods if _selects(selector, pod) and not any(_selects(s, pod) for s in selectors[:place])]
        if place == len(bounced):
            if synced[place] is None:
                raise ValueError(f"could not find the secret of podsToBounce[{place}].rootCertSync")
            if not synced[place]:
                return Await(f"the root of selector {place}")
            names, uids = [pod["metadata"]["name"] for pod in mine], [pod["metadata"]["uid"] for pod in mine]
            return Mark((*bounced, {"bouncedPods": names, "uids": uids}))
        old = [pod for pod in pods if pod["metadata"]["uid"] in bounced[place].get("uids", ())]
        due = [pod for pod in old if "deletionTimestamp" not in pod["metadata"]]
        if due:
            return Delete(due)
        ready = [pod for pod in pods if _selects(selector, pod) and pod not in old and is_true(pod, READY)]
        if len(ready) < selector.get("waitForReplicas", 0):
            return Await(f"ready pods of selector {place}")
    return None


def is_synced(selector: Selector, secret: Resource | None, config_map: Resource | None) -> bool | None:
    """Whether the ConfigMap holds the root that the Secret holds; None when there is no such Secret."""
    sync = selector.get("rootCertSync")
    if not sync:
        return True
    if secret is None:
        return None
    wanted = base64.b64decode((secret.get("data") or {}).get(sync.get("secretKey")) or "")
    found = ((config_map or {}).get("data") or {}).get(sync.get("configMapKey"))
    return found is not None and found.encode() == wanted


def _selects(selector: Selector, pod: Resource) -> bool:
    """Whether a pod is in the namespace and has all the labels, whatever others it has."""
    labels = pod["metadata"].get("labels") or {}
    wanted = selector.get("labels") or {}
    return bool(pod["metadata"].get("namespace") == selector.get("namespace") and wanted.items() <= labels.items())
