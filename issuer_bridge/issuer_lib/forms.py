"""The two forms of a request, and how each says what has become of it.

A CertificateRequest has a Ready condition that says all; a CertificateSigningRequest of Kubernetes has conditions for
its ends only, so that a wait is told in an event.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeAlias

import attrs

from acme_server.protocol.times import rfc3339
from issuer_bridge.conditions import READY, condition, is_denied, is_true, ready_reason
from issuer_bridge.issuer_lib.matching import Place, issuer_of_request, issuer_of_signer
from issuer_bridge.issuer_lib.outcomes import Bundle
from issuer_bridge.issuer_lib.steps import set_one
from issuer_bridge.resources import CERTIFICATE_REQUEST, CERTIFICATE_SIGNING_REQUEST, Kind, Resource

FAILED = "Failed"
DENIED_MESSAGE = "Detected that the CertificateRequest is denied, so it will never be Ready."
Status: TypeAlias = dict[str, Any]


@attrs.frozen(kw_only=True)
class Form:
    """One form; its functions return what of the status changes.

    match: which issuer it means; ended: whether nothing is left to do; deny, begin: None where there is nothing to
    say; set: any condition; failure: what is told of one that failed for good; pending: the reason of issuer-lib's
    event for a poll; has_ready: whether it has the condition Ready.
    """

    kind: Kind
    match: Callable[[Resource, Sequence[Kind]], Place | None]
    ended: Callable[[Resource], bool]
    deny: Callable[[Resource, datetime], Status | None]
    begin: Callable[[Resource, str, datetime], Status | None]
    wait: Callable[[Resource, str, datetime], Status]
    fail: Callable[[Resource, str, datetime], Status]
    issue: Callable[[Resource, Bundle, datetime], Status]
    set: Callable[[Resource, str, str, str, str, datetime], Status]
    failure: str
    pending: str
    has_ready: bool = True


def _one(request: Resource, type_: str, status: str, reason: str, message: str, now: datetime) -> Status:
    return {"conditions": [set_one(request, type_, status, reason, message, now)]}


def _ready(request: Resource, status: str, reason: str, message: str, now: datetime) -> Status:
    return _one(request, READY, status, reason, message, now)


def _deny(request: Resource, now: datetime) -> Status | None:
    if not is_denied(request):
        return None
    return {**_ready(request, "False", "Denied", DENIED_MESSAGE, now), "failureTime": rfc3339(now)}


def _begin(request: Resource, field_owner: str, now: datetime) -> Status | None:
    if condition(request, READY):
        return None
    text = f"{field_owner} has started reconciling this CertificateRequest"
    return _ready(request, "Unknown", "Initializing", text, now)


def _issue(request: Resource, bundle: Bundle, now: datetime) -> Status:
    certificate: Status = {"certificate": base64.b64encode(bundle.chain).decode("ascii")}
    if bundle.ca is not None:
        certificate["ca"] = base64.b64encode(bundle.ca).decode("ascii")
    return {**_ready(request, "True", "Issued", "Succeeded signing the CertificateRequest", now), **certificate}


def _is_ended(request: Resource) -> bool:
    return is_true(request, READY) or ready_reason(request) in (FAILED, "Denied")


CERTIFICATE_REQUESTS = Form(
    kind=CERTIFICATE_REQUEST,
    match=issuer_of_request,
    ended=_is_ended,
    deny=_deny,
    begin=_begin,
    wait=lambda request, message, now: _ready(request, "False", "Pending", message, now),
    fail=lambda request, message, now: {**_ready(request, "False", FAILED, message, now), "failureTime": rfc3339(now)},
    issue=_issue,
    set=_one,
    failure="Failed permanently to sign CertificateRequest: ",
    pending="RetryableError",
)


def _updated(request: Resource, type_: str, status: str, reason: str, message: str, now: datetime) -> Status:
    condition = set_one(request, type_, status, reason, message, now)
    return {"conditions": [{**condition, "lastUpdateTime": rfc3339(now)}]}


def _signing_request_ended(request: Resource) -> bool:
    return bool(request.get("status", {}).get("certificate")) or is_true(request, FAILED) or is_denied(request)


SIGNING_REQUESTS = Form(
    kind=CERTIFICATE_SIGNING_REQUEST,
    match=issuer_of_signer,
    ended=_signing_request_ended,
    deny=lambda _request, _now: None,
    begin=lambda _request, _owner, _now: None,
    wait=lambda _request, _message, _now: {},
    fail=lambda request, message, now: _updated(request, FAILED, "True", FAILED, message, now),
    issue=lambda _request, bundle, _now: {"certificate": base64.b64encode(bundle.chain).decode("ascii")},
    set=_updated,
    failure="CertificateSigningRequest has failed permanently: ",
    pending="Pending",
    has_ready=False,
)
