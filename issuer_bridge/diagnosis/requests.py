"""Where a CertificateRequest stands: `pkg/controller/certificaterequests/sync.go` and `.../acme/acme.go`, read backwards."""

from __future__ import annotations

from collections.abc import Sequence

from issuer_bridge.cert_manager.accounts import acme_of
from issuer_bridge.cert_manager.children import build_order
from issuer_bridge.conditions import (
    APPROVED,
    DENIED,
    INVALID_REQUEST,
    READY,
    is_approved,
    is_denied,
    is_true,
    ready_reason,
)
from issuer_bridge.diagnosis.cluster import deleted, moment, quoted, status_of, subject_of, turned
from issuer_bridge.diagnosis.readings import APPROVER, CERT_MANAGER, LOG, OWNER, PLATFORM, REQUESTS, read
from issuer_bridge.diagnosis.rules import AT_ONCE, SLOWLY, Found, Rule, View, quiet
from issuer_bridge.pem import read_request
from issuer_bridge.references import is_of_our_group, issuer_words
from issuer_bridge.resources import CERTIFICATE_REQUEST_POLICY, ORDER, Resource


def _orders(view: View, request: Resource) -> Sequence[Resource]:
    return [order for order in view.cluster.owned(request, ORDER) if not deleted(order)]


def _events(view: View, request: Resource, *reasons: str) -> tuple[str, ...]:
    return tuple(
        f"event {event.get('reason')}: {event.get('message')}" for event in view.cluster.events(request, *reasons)[:2]
    )


def _issuer_named(request: Resource) -> str:
    kind, _ = issuer_words(request["spec"]["issuerRef"])
    return f"{kind} {request['spec']['issuerRef'].get('name')}"


def _over(_view: View, request: Resource) -> bool:
    return bool(deleted(request) or ready_reason(request) == "Issued")


def _denied(_view: View, request: Resource) -> Found | None:
    if not is_denied(request):
        return None
    return Found("the request was denied, which is for good", turned(request, DENIED), quoted(request, DENIED))


def _invalid(_view: View, request: Resource) -> Found | None:
    if not is_true(request, INVALID_REQUEST):
        return None
    return Found("the request is invalid", turned(request, INVALID_REQUEST), quoted(request, INVALID_REQUEST))


def _unapproved(view: View, request: Resource) -> Found | None:
    if is_approved(request):
        return None
    policies = view.cluster.list(CERTIFICATE_REQUEST_POLICY)
    evidence = _events(view, request, "Unprocessed", "EvaluationError", "WaitingForApproval", "Denied")
    if not policies:
        return Found("nobody has approved the request", None, evidence)
    names = ", ".join(policy["metadata"]["name"] for policy in policies[:5])
    cause = "no CertificateRequestPolicy approves or denies the request: none selects it that its requester may use"
    return Found(cause, None, (*evidence, f"there are {len(policies)}: {names}"))


def _order_tells(view: View, request: Resource) -> bool:
    return bool(_orders(view, request))


def _failed(_view: View, request: Resource) -> Found | None:
    if ready_reason(request) not in ("Failed", "Denied"):
        return None
    since = moment(status_of(request).get("failureTime"))
    evidence = quoted(request, READY)
    return Found("the request has failed, which is for good", since, evidence, read(REQUESTS, " ".join(evidence)))


def _external(_view: View, request: Resource) -> Found | None:
    if is_of_our_group(request["spec"]["issuerRef"]):
        return None
    kind, group = issuer_words(request["spec"]["issuerRef"])
    cause = f"the controller of {kind}.{group} has not signed the request"
    return Found(cause, turned(request, APPROVED), quoted(request, READY))


def _without_issuer(view: View, request: Resource) -> Found | None:
    unread = [kind.kind for kind in view.cluster.unread]
    if view.cluster.issuer(request) is not None or issuer_words(request["spec"]["issuerRef"])[0] in unread:
        return None
    return Found(f"there is no {_issuer_named(request)}", turned(request, APPROVED), quoted(request, READY))


def _issuer_tells(view: View, request: Resource) -> bool:
    issuer = view.cluster.issuer(request)
    return issuer is None or not is_true(issuer, READY)


def _foreign_order(view: View, request: Resource) -> Found | None:
    """Its Order is made under a name that follows from the request; somebody else's has it."""
    issuer = view.cluster.issuer(request)
    if issuer is None or acme_of(issuer) is None:
        return None
    try:
        name = build_order(request, read_request(request["spec"]["request"]), issuer)["metadata"]["name"]
    except (ValueError, KeyError, TypeError):
        return None
    order = view.cluster.get(ORDER, f"{request['metadata']['namespace']}/{name}")
    if order is None or view.cluster.owned(request, ORDER):
        return None
    cause = f"{subject_of(order)} has the name of the request's own Order, and belongs to another"
    return Found(cause, turned(request, APPROVED), quoted(request, READY))


def _untaken(view: View, request: Resource) -> Found | None:
    evidence = (*quoted(request, READY), *_events(view, request, "OrderCreatingError", "OrderGetError"))
    cause = f"the request is approved and {_issuer_named(request)} is Ready, but nothing has come of it"
    # Others than ACME issuers may have people behind them, and keep the request Pending.
    patience = None if acme_of(view.cluster.issuer(request) or {"spec": {}}) is not None else SLOWLY
    return Found(cause, turned(request, APPROVED), evidence, read(REQUESTS, " ".join(evidence)), patience)


_APPROVE = "cmctl approve -n {namespace} {name}  (gravel approve -n {namespace} {name})"
REQUEST_RULES: tuple[Rule, ...] = (
    quiet("over", _over),
    Rule("denied", _denied, "nothing: a decision is for good", APPROVER, "", AT_ONCE, "then: {again}"),
    Rule("request-invalid", _invalid, "nothing: it is for good", OWNER, "", AT_ONCE, "then: {again}"),
    quiet("order-tells", _order_tells),
    Rule(
        "request-failed", _failed, "nothing: cert-manager never takes it up again", OWNER, "", AT_ONCE, "then: {again}"
    ),
    Rule("not-approved", _unapproved, "that somebody approves or denies it", APPROVER, _APPROVE),
    Rule("external-issuer", _external, "that controller", PLATFORM, "read its log: is it running?", SLOWLY),
    Rule("no-issuer", _without_issuer, "that the issuer comes to be", OWNER, "create it, or correct spec.issuerRef"),
    quiet("issuer-tells", _issuer_tells),
    Rule(
        "order-foreign",
        _foreign_order,
        "that the name is free, tried again after 5 s and later",
        OWNER,
        "delete the Order that is named, if nobody needs it",
        pain=21,
    ),
    Rule("not-taken-up", _untaken, "that its controller makes an Order, or signs", CERT_MANAGER, LOG),
)
