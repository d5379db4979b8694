"""What is allowed in a namespace, as a ConfigMap in it: for those who may ask for certificates and not read policies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from acme_server.protocol.vantage import Inquiry
from issuer_bridge.conditions import READY, is_true
from issuer_bridge.context import Context
from issuer_bridge.outcomes import Done, Outcome
from issuer_bridge.policy.selecting import selects_namespace
from issuer_bridge.resources import CERTIFICATE_REQUEST_POLICY, CONFIG_MAP, NAMESPACE, Resource

NAME = "certificate-request-policies"


def summary(namespace: Resource, policies: Iterable[Resource]) -> dict[str, str]:
    """Return what each ready policy says that is about a namespace, as YAML by its name."""
    name, labels = namespace["metadata"]["name"], namespace["metadata"].get("labels") or {}
    return {
        policy["metadata"]["name"]: yaml.safe_dump(_said(policy["spec"]), sort_keys=False)
        for policy in policies
        if is_true(policy, READY) and selects_namespace(policy, name, lambda: labels)
    }


def _said(spec: Mapping[str, Any]) -> dict[str, Any]:
    said = {
        "issuers": (spec.get("selector") or {}).get("issuerRef") or "any",
        "allowed": spec.get("allowed") or "nothing",
    }
    return said | {name: spec[name] for name in ("constraints", "plugins") if spec.get(name)}


class Summaries:
    """The controller that keeps the ConfigMaps."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def sync(self, name: str) -> Inquiry[Outcome]:
        """Write the ConfigMap of one namespace, when it says something else."""
        resources = self._context.resources
        namespace = resources.get(NAMESPACE, "", name)
        if namespace is None or namespace["metadata"].get("deletionTimestamp"):
            return Done()
        data = summary(namespace, resources.list(CERTIFICATE_REQUEST_POLICY))
        found = resources.get(CONFIG_MAP, name, NAME)
        if found is None and data:
            yield from resources.create(CONFIG_MAP, {"metadata": {"name": NAME, "namespace": name}, "data": data})
        elif found is not None and (found.get("data") or {}) != data:
            yield from resources.update(CONFIG_MAP, {**found, "data": data})
        return Done()
