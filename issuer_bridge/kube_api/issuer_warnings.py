"""What a new or changed issuer lacks so far: warnings to who wrote it, as it may come later.

Whether its server answers is not asked here: a write must not depend on a CA, and Ready says so soon.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from issuer_bridge.cert_manager.issuer_steps import SOLVER_SECRETS
from issuer_bridge.kube_api.statuses import quoted
from issuer_bridge.kube_api.store import EmbeddedStore
from issuer_bridge.resources import CLUSTER_ISSUER, ISSUER, SECRET, Kind, Resource


def issuer_warnings(store: EmbeddedStore, kind: Kind, issuer: Resource) -> tuple[str, ...]:
    """Return a sentence on each Secret that an ACME issuer names and that is not there, or lacks the key."""
    acme = issuer["spec"].get("acme") if kind in (ISSUER, CLUSTER_ISSUER) else None
    if not acme:
        return ()
    namespace = issuer["metadata"].get("namespace")  # of a ClusterIssuer's Secrets only the bridge knows where they are
    return tuple(
        f"spec.acme.{path}: {missing}"
        for path, reference in _references(acme)
        if (missing := _missing(store.list(SECRET, namespace), reference, namespace))
    )


def _references(acme: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the references to Secrets that people make; the account's key is made where it is not there."""
    if acme.get("disableAccountKeyGeneration"):
        yield "privateKeySecretRef", acme["privateKeySecretRef"]
    if binding := acme.get("externalAccountBinding"):
        yield "externalAccountBinding.keySecretRef", binding["keySecretRef"]
    for index, solver in enumerate(acme.get("solvers") or ()):
        for provider, config in (solver.get("dns01") or {}).items():
            for field in SOLVER_SECRETS.get(provider, ()):
                if isinstance(config.get(field), Mapping):
                    yield f"solvers[{index}].dns01.{provider}.{field}", config[field]


def _missing(secrets: list[Resource], reference: Mapping[str, Any], namespace: str | None) -> str:
    name, key = reference.get("name") or "", reference.get("key")
    found = [secret for secret in secrets if secret["metadata"]["name"] == name]
    if not found:
        return f"there is no Secret {quoted(name)} in {f'namespace {namespace}' if namespace else 'any namespace'} yet"
    if key and not any(key in (secret.get("data") or {}) for secret in found):
        return f"the Secret {quoted(name)} has no key {quoted(key)} yet"
    return ""
