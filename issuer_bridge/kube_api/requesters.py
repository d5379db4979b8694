"""Who requests a certificate, and who may approve or sign one: what no role of a resource says.

Sources: plugin/pkg/admission/certificates, and cert-manager's internal/webhook/admission/certificaterequest. The admin
that everybody is where there are no tokens leaves no name in a CertificateRequest, as if cert-manager's webhook were
absent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from issuer_bridge.kube_api.rbac import Attributes, allowed
from issuer_bridge.kube_api.signing_requests import APPROVALS, conditions_of
from issuer_bridge.kube_api.statuses import forbidden_request, quoted
from issuer_bridge.kube_api.store import EmbeddedStore
from issuer_bridge.kube_api.users import ADMIN, MASTERS, User
from issuer_bridge.references import GROUP
from issuer_bridge.resources import CERTIFICATE_REQUEST, CERTIFICATE_SIGNING_REQUEST, Kind, Resource

Permit: TypeAlias = Callable[[Resource, Resource], None]
"""Called with what is stored and what will be; ApiError 403 when the user may not."""
_FIELDS = ("username", "uid", "groups", "extra")


def requested_by(user: User, kind: Kind, resource: Resource) -> Resource:
    """Return a new object that says who asks for it, if it is one that does."""
    spec = resource.get("spec")
    if kind not in (CERTIFICATE_REQUEST, CERTIFICATE_SIGNING_REQUEST) or not isinstance(spec, dict):
        return resource
    if kind == CERTIFICATE_REQUEST and user is ADMIN:
        return resource
    told = {"username": user.name, "uid": user.uid, "groups": list(user.groups)}
    kept = {name: value for name, value in spec.items() if name not in _FIELDS}
    return {**resource, "spec": kept | {name: value for name, value in told.items() if value}}


def permit(store: EmbeddedStore, user: User, kind: Kind, subresource: str) -> Permit | None:
    """Return what is to be asked before a write of a subresource is done; None where nothing is."""
    asked = _ASKED.get((kind, subresource))
    if asked is None or MASTERS in user.groups:
        return None
    return lambda stored, resource: asked(store, user, stored, resource)


def _approves(store: EmbeddedStore, user: User, stored: Resource, resource: Resource) -> None:
    if _decisions(stored) != _decisions(resource):
        _check_signer(store, user, "approve", resource)


def _signs(store: EmbeddedStore, user: User, stored: Resource, resource: Resource) -> None:
    if _issuance(stored) != _issuance(resource):
        _check_signer(store, user, "sign", resource)


def _check_signer(store: EmbeddedStore, user: User, verb: str, request: Resource) -> None:
    signer = request["spec"]["signerName"]
    names = (signer, f"{signer.partition('/')[0]}/*")
    if not _may(store, user, verb, "certificates.k8s.io", names):
        text = f"user not permitted to {verb} requests with signerName {quoted(signer)}"
        raise forbidden_request(CERTIFICATE_SIGNING_REQUEST, request["metadata"]["name"], text)


def _decides(store: EmbeddedStore, user: User, stored: Resource, resource: Resource) -> None:
    """Approving a CertificateRequest wants the verb `approve` on its issuer, which is a signer."""
    if _decisions(stored) == _decisions(resource):
        return
    reference, metadata = resource["spec"]["issuerRef"], resource["metadata"]
    group, name = reference.get("group") or GROUP, reference.get("kind") or "Issuer"
    kind = next((kind for kind in store.served.kinds if (kind.group, kind.kind) == (group, name)), None)
    if kind is None:
        text = f"referenced signer resource does not exist: {name}.{group}"
        raise forbidden_request(CERTIFICATE_REQUEST, metadata["name"], text)
    signer = f"{kind.plural}.{group}"
    issuer = f"{metadata['namespace']}.{reference['name']}" if kind.namespaced else reference["name"]
    if not _may(store, user, "approve", GROUP, (f"{signer}/*", f"{signer}/{issuer}")):
        text = f"user {quoted(user.name)} does not have permissions to set approved/denied conditions for issuer"
        raise forbidden_request(CERTIFICATE_REQUEST, metadata["name"], f"{text} {signer}/{issuer}")


def _may(store: EmbeddedStore, user: User, verb: str, group: str, names: tuple[str, ...]) -> bool:
    return any(allowed(store, user, Attributes(verb, group, "signers", name=name)) is not None for name in names)


def _decisions(resource: Resource) -> list[Mapping[str, Any]]:
    return [item for item in conditions_of(resource) if item.get("type") in APPROVALS]


def _issuance(resource: Resource) -> tuple[Any, ...]:
    failed = [item for item in conditions_of(resource) if item.get("type") == "Failed"]
    return (resource.get("status") or {}).get("certificate"), failed


_ASKED: Mapping[tuple[Kind, str], Callable[[EmbeddedStore, User, Resource, Resource], None]] = {
    (CERTIFICATE_SIGNING_REQUEST, "approval"): _approves,
    (CERTIFICATE_SIGNING_REQUEST, "status"): _signs,
    (CERTIFICATE_REQUEST, "status"): _decides,
}
