"""Who asks for certificates, and who may decide about it: what cert-manager's webhooks see to.

Upstream internal/webhook/admission/certificaterequest: `identity` and `approval`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from issuer_bridge.kube_api.rbac import Attributes, allowed
from issuer_bridge.kube_api.statuses import forbidden, forbidden_request
from issuer_bridge.kube_api.store import EmbeddedStore
from issuer_bridge.kube_api.users import MASTERS, User
from issuer_bridge.references import GROUP
from issuer_bridge.resources import CERT_MANAGER, CERTIFICATE_REQUEST, ISSUER, KINDS, Kind, Resource

DECISIONS = ("Approved", "Denied")


def new_decision(stored: Resource, resource: Resource) -> Mapping[str, Any] | None:
    """Return the condition Approved or Denied that a write adds, if it adds one."""
    known = [item["type"] for item in _decisions(stored)]
    return next((item for item in _decisions(resource) if item["type"] not in known), None)


def _decisions(resource: Resource) -> Iterator[Mapping[str, Any]]:
    """Nothing is checked yet of what a client sent."""
    status = resource.get("status")
    conditions = status.get("conditions") if isinstance(status, dict) else None
    for item in conditions if isinstance(conditions, list) else ():
        if isinstance(item, dict) and item.get("type") in DECISIONS:
            yield item


def check_decision(store: EmbeddedStore, user: User, stored: Resource) -> None:
    """Raise 403 unless the user may decide for the issuer of a request.

    He may with the verb `approve` on `signers`, of the name `PLURAL.GROUP/*` or `PLURAL.GROUP/NAME`, before which
    stands the namespace and a dot where issuers of the kind have one. The admin may always.
    """
    if MASTERS in user.groups:
        return
    reference, metadata = stored["spec"]["issuerRef"], stored["metadata"]
    group, kind = reference.get("group") or GROUP, reference.get("kind") or ISSUER.kind
    shown = f"{{{reference['name']} {kind} {group}}}"
    signer = next((each for each in KINDS if (each.group, each.kind) == (group, kind)), None)
    if signer is None:
        _refuse(metadata["name"], "spec.issuerRef", f"referenced signer resource does not exist: {shown}")
    elif not any(
        allowed(store, user, Attributes("approve", CERT_MANAGER, "signers", name=name)) is not None
        for name in _signers(signer, reference["name"], metadata["namespace"])
    ):
        text = f'user "{user.name}" does not have permissions to set approved/denied conditions for issuer {shown}'
        _refuse(metadata["name"], "status.conditions", text)


def _signers(kind: Kind, name: str, namespace: str) -> tuple[str, str]:
    family = f"{kind.plural}.{kind.group}"
    return f"{family}/*", f"{family}/{namespace}.{name}" if kind.namespaced else f"{family}/{name}"


def _refuse(name: str, field: str, text: str) -> None:
    cause = forbidden(field, text)
    raise forbidden_request(CERTIFICATE_REQUEST, name, f"{cause.field}: {cause.message}")
