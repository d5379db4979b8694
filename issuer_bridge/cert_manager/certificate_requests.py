"""CertificateRequests: from Approved to Issued; of ACME issuers by way of an Order, of others by a key of ours.

`decide` is upstream's sync and Sign in one (`pkg/controller/certificaterequests/sync.go`,
`.../acme/acme.go`), first matching branch; reasons, messages and events are upstream's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from acme_server.protocol.times import rfc3339
from acme_server.protocol.vantage import Inquiry
from issuer_bridge.cert_manager.accounts import acme_of
from issuer_bridge.cert_manager.children import build_order
from issuer_bridge.cert_manager.conduct import OURS, Conduct
from issuer_bridge.cert_manager.remote_issuers import RemoteIssuer, type_of
from issuer_bridge.cert_manager.replacement import replaced_by
from issuer_bridge.cert_manager.request_steps import (
    Announce,
    AskRemote,
    CreateOrder,
    DeleteOrder,
    Deny,
    Fail,
    Issue,
    Nothing,
    Pending,
    Step,
    TryAgain,
)
from issuer_bridge.conditions import (
    INVALID_REQUEST,
    READY,
    is_approved,
    is_denied,
    is_true,
    ready_reason,
    set_condition,
)
from issuer_bridge.context import Context
from issuer_bridge.outcomes import Done, Outcome, Retry
from issuer_bridge.pem import SigningRequest, leaf_key, read_request
from issuer_bridge.references import (
    GROUP,
    is_controlled_by,
    is_of_our_group,
    issuer_for,
    issuer_kind,
    key_of,
)
from issuer_bridge.resources import CERTIFICATE_REQUEST, ORDER, ApiError, Resource
from scheduler.challenge import FAILURE_STATES

DENIED_MESSAGE = "The CertificateRequest was denied by an approval controller"
REMOTE = ("vault", "venafi")
WAITING = "Not signing CertificateRequest until it is Approved"
ISSUED = "Certificate fetched from issuer successfully"
FOREIGN_NAME = (
    "The CSR PEM requests a commonName that is not present in the list of dnsNames or ipAddresses. "
    "If a commonName is set, ACME requires that the value is also present in the list of dnsNames or ipAddresses"
)


FindOrder: TypeAlias = Callable[[str, str], Resource | None]
SignHere: TypeAlias = Callable[[Resource, Resource], Step]
"""Signs a request of an issuer whose key is a Secret, or says what is in the way."""


def decide(
    request: Resource,
    issuer: Resource | None,
    find_order: FindOrder,
    replaces: str = "",
    sign_here: SignHere | None = None,
) -> Step:
    """Return what a request needs next; replaces: the RFC 9773 id of the certificate that it renews."""
    reference = request["spec"]["issuerRef"]
    if not is_of_our_group(reference):
        return Nothing("an issuer of another group")
    if is_denied(request):
        return Nothing("denied") if ready_reason(request) == "Denied" else Deny()
    if is_true(request, INVALID_REQUEST):
        return Nothing("an invalid request")
    if not is_approved(request):
        return Announce("WaitingForApproval", WAITING)
    if ready_reason(request) in ("Failed", "Issued"):
        return Nothing("finished")
    waiting = _issuer_in_the_way(reference, issuer)
    if waiting is not None:
        return waiting
    assert issuer is not None
    if (request.get("status") or {}).get("certificate"):
        return Nothing("it has a certificate")
    if acme_of(issuer) is not None:
        return _order(request, issuer, find_order, replaces)
    type_ = type_of(issuer)
    if type_ in REMOTE:
        return AskRemote(type_)
    return sign_here(request, issuer) if sign_here else Nothing("not an ACME issuer")


def _issuer_in_the_way(reference: Mapping[str, Any], issuer: Resource | None) -> Step | None:
    kind = reference.get("kind") or "Issuer"
    if issuer_kind(reference) is None:
        text = f'Referenced "{kind}" not found: issuerRef.kind must be empty, "Issuer" or "ClusterIssuer"'
        return Pending("IssuerNotFound", text)
    if issuer is None:
        text = f'Referenced "{kind}" not found: {kind.lower()}.{GROUP} "{reference["name"]}" not found'
        return Pending("IssuerNotFound", text)
    if not issuer["spec"]:
        text = f"Missing issuer type: no issuer specified for Issuer '{key_of(issuer)}'"
        return Pending("IssuerTypeMissing", text)
    if not type_of(issuer):
        return Nothing("a type of issuer that does not run here")
    if not is_true(issuer, READY):
        return Pending("IssuerNotReady", "Referenced issuer does not have a Ready status condition")
    return None


def _order(request: Resource, issuer: Resource, find_order: FindOrder, replaces: str) -> Step:
    try:
        csr = read_request(request["spec"].get("request"))
    except ValueError as error:
        return Fail("RequestParsingError", f"Failed to decode CSR in spec.request: {error}")
    if csr.common_name and csr.common_name not in (*csr.dns_names, *csr.ip_addresses):
        names, addresses = " ".join(csr.dns_names), " ".join(csr.ip_addresses)
        return Fail("InvalidOrder", f'{FOREIGN_NAME}: "{csr.common_name}" does not exist in [{names}] or [{addresses}]')
    try:
        wanted = build_order(request, csr, issuer, replaces)
    except ValueError as error:
        return Fail("OrderBuildingError", f"Failed to build order: {error}")
    order = find_order(wanted["metadata"]["namespace"], wanted["metadata"]["name"])
    if order is None:
        return CreateOrder(wanted)
    if not is_controlled_by(order, request):
        return TryAgain("found Order resource not owned by this CertificateRequest, retrying")
    return _follow(order, csr)


def _follow(order: Resource, csr: SigningRequest) -> Step:
    """Do as the Order did."""
    status = order.get("status") or {}
    state, name = status.get("state", ""), order["metadata"]["name"]
    if state in FAILURE_STATES:
        text = f'Failed to wait for order resource "{name}" to become ready: order is in "{state}" state'
        return Fail("OrderFailed", f"{text}: {status.get('reason', '')}")
    certificate = status.get("certificate")
    if state != "valid":
        return Pending("OrderPending", f'Waiting on certificate issuance from order {key_of(order)}: "{state}"')
    if not certificate:
        text = f"Waiting for order-controller to add certificate data to Order {key_of(order)}"
        return Pending("OrderPending", text)
    try:
        same = leaf_key(certificate) == csr.key
    except ValueError as error:
        return DeleteOrder(order, f"its certificate cannot be decoded: {error}")
    return Issue(certificate) if same else DeleteOrder(order, "its certificate is for another key")


class CertificateRequests:
    """The controller that turns decisions about requests into writes."""

    def __init__(
        self,
        context: Context,
        conduct: Conduct = OURS,
        sign_here: SignHere | None = None,
        remotes: Mapping[str, RemoteIssuer] | None = None,
    ) -> None:
        self._context = context
        self._remotes = remotes or {}
        self._conduct = conduct
        self._sign_here = sign_here

    def sync(self, namespace: str, name: str) -> Inquiry[Outcome]:
        """Take one step with one request."""
        resources = self._context.resources
        request = resources.get(CERTIFICATE_REQUEST, namespace, name)
        if request is None:
            return Done()
        issuer = issuer_for(resources, request)
        step = decide(
            request,
            issuer,
            lambda namespace, name: resources.get(ORDER, namespace, name),
            replaced_by(request, issuer, resources) if self._conduct.replaces else "",
            self._sign_here,
        )
        if isinstance(step, AskRemote) and issuer is not None:
            found = yield from self._ask(step, request, issuer)
            if found is None:
                return Retry("it changed while its CA was asked")
            request, step = found
        match step:
            case Announce(reason=reason, message=message):
                yield from self._context.recorder.normal(request, reason, message)
            case Deny():
                yield from self._end(request, "Denied", DENIED_MESSAGE)
            case Pending():
                yield from self._wait_for(request, step)
                return Retry(step.message) if step.retry else Done()
            case Fail(reason=reason, message=message):
                yield from self._end(request, "Failed", message)
                yield from self._context.recorder.warning(request, reason, message)
            case CreateOrder(order=order):
                return (yield from self._create_order(request, order))
            case DeleteOrder(order=order, why=why):
                self._context.note("OrderDiscarded", order, reason=why)
                yield from resources.delete(ORDER, namespace, order["metadata"]["name"])
            case TryAgain(why=why):
                return Retry(why)
            case Issue():
                yield from self._issue(request, step)
        return Done()

    def _ask(self, step: AskRemote, request: Resource, issuer: Resource) -> Inquiry[tuple[Resource, Step] | None]:
        """Have a CA sign; return the request as it is then, and what comes next; None when it is gone or another."""
        remote = self._remotes.get(step.type)
        if remote is None:
            return request, Nothing("a type of issuer that does not run here")
        found = yield from remote.sign(request, issuer)
        metadata = request["metadata"]
        current = self._context.resources.get(CERTIFICATE_REQUEST, metadata["namespace"], metadata["name"])
        same = current is not None and current["metadata"]["uid"] == metadata["uid"]
        return (current, found) if current is not None and same else None

    def _create_order(self, request: Resource, order: Resource) -> Inquiry[Outcome]:
        key = key_of(order)
        try:
            created = yield from self._context.resources.create(ORDER, order)
        except ApiError as error:
            text = f"Failed create new order resource {key}: {error}"
            yield from self._wait_for(request, Pending("OrderCreatingError", text))
            return Retry(text)
        self._context.note("OrderCreated", created, dns_names=order["spec"].get("dnsNames", []))
        yield from self._wait_for(request, Pending("OrderCreated", f"Created Order resource {key}"))
        return Done()

    def _wait_for(self, request: Resource, pending: Pending) -> Inquiry[None]:
        """Say Ready=False/Pending; an event tells of it unless the request was waiting already."""
        was_pending = ready_reason(request) == "Pending"
        yield from self._write(request, "False", "Pending", pending.message)
        if not was_pending:
            yield from self._context.recorder.normal(request, pending.reason, pending.message)

    def _end(self, request: Resource, reason: str, message: str) -> Inquiry[None]:
        """Say Ready=False for good; failureTime is set once."""
        status = request.get("status") or {}
        failure_time = status.get("failureTime") or rfc3339(self._context.clock())
        yield from self._write(request, "False", reason, message, failureTime=failure_time)
        self._context.note(f"Request{reason}", request, message=message)

    def _issue(self, request: Resource, step: Issue) -> Inquiry[None]:
        ca = {"ca": step.ca} if step.ca else {}
        yield from self._write(request, "True", "Issued", ISSUED, certificate=step.certificate, **ca)
        if step.warning:
            yield from self._context.recorder.warning(request, *step.warning)
        self._context.note("RequestIssued", request)
        yield from self._context.recorder.normal(request, "CertificateIssued", ISSUED)

    def _write(self, request: Resource, status: str, reason: str, message: str, **fields: str) -> Inquiry[None]:
        old = request.get("status") or {}
        conditions = set_condition(old.get("conditions") or (), READY, status, reason, message, self._context.clock())
        new = {**old, "conditions": conditions, **fields}
        if new != old:
            yield from self._context.resources.update_status(CERTIFICATE_REQUEST, {**request, "status": new})
