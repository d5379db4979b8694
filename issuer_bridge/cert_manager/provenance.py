"""Which Orders and Challenges are the bridge's own: those that it would make itself, now, field by field.

Whoever may create a Challenge or an Order in a namespace must not choose whose
issuer, Secret or solver is used for it (GHSA-8rvj-mm4h-c258). Owner references
and names are anybody's to write; so they say where to look, and prove nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from acme_server.protocol.key_authorization import KeyAuthorization
from issuer_bridge.cert_manager.accounts import acme_of
from issuer_bridge.cert_manager.children import build_challenge, named_in
from issuer_bridge.conditions import is_approved
from issuer_bridge.pem import read_request
from issuer_bridge.references import controller_of, is_controlled_by
from issuer_bridge.resources import CERTIFICATE_REQUEST, Resource, Resources


def is_made_for_request(order: Resource, resources: Resources) -> bool:
    """Whether an approved CertificateRequest controls the Order and asks, of the same issuer, for the same names."""
    namespace, owner = order["metadata"]["namespace"], controller_of(order)
    request = resources.get(CERTIFICATE_REQUEST, namespace, owner["name"]) if owner else None
    if request is None or not is_controlled_by(order, request) or not is_approved(request):
        return False
    try:
        csr = read_request(request["spec"]["request"])
    except ValueError:
        return False
    wanted = {**named_in(csr), **{field: request["spec"][field] for field in ("request", "issuerRef")}}
    return _same({field: order["spec"].get(field) for field in wanted}, wanted)


def is_made_for_order(
    challenge: Resource, order: Resource, issuer: Resource, key_authorization: Callable[[str], KeyAuthorization]
) -> bool:
    """Whether the Challenge is the one that the Order needs for its authorization, with the issuer's solver of now."""
    listed = (order.get("status") or {}).get("authorizations") or ()
    url = challenge["spec"].get("authorizationURL")
    authorization = next((item for item in listed if item["url"] == url and item.get("identifier")), None)
    if authorization is None or not is_controlled_by(challenge, order):
        return False
    try:
        wanted = build_challenge(order, authorization, solvers_of(issuer), key_authorization)
    except ValueError:
        return False
    return _same(wanted["spec"], challenge["spec"])


def has_solver_of(challenge: Resource, issuer: Resource | None) -> bool:
    """Whether the Challenge's solver is one of its issuer's, the Ingress that an annotation may name apart."""
    solver = _bare(challenge["spec"]["solver"])
    return issuer is not None and any(_same(_bare(own), solver) for own in solvers_of(issuer))


def solvers_of(issuer: Resource) -> Any:
    """Return the solvers of an ACME issuer."""
    return (acme_of(issuer) or {}).get("solvers") or ()


def _bare(solver: Any) -> Any:
    """Return a solver without what annotations may override: what is in its http01."""
    return {**solver, "http01": sorted(solver["http01"] or ())} if "http01" in solver else solver


def _same(one: Any, other: Any) -> bool:
    """Whether two values are the same to an API that leaves empty fields out."""
    return bool(_full(one) == _full(other))


def _full(value: Any) -> Any:
    if isinstance(value, Mapping):
        fields = {key: _full(item) for key, item in value.items()}
        return {key: item for key, item in fields.items() if item not in (None, "", False, [], {})}
    return [_full(item) for item in value] if isinstance(value, list | tuple) else value
