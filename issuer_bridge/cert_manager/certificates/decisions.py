"""What a Certificate needs next, as one step: upstream's six controllers of certificates, first matching branch.

readiness, then while it is being issued keymanager, requestmanager and issuing, else issuing's check of the Secret,
revisionmanager and trigger (upstream `pkg/controller/certificates`); reasons, messages and events are upstream's.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from acme_server.protocol.jwk import PrivateKey
from acme_server.protocol.times import parse_rfc3339, rfc3339
from issuer_bridge.cert_manager.certificates.matching import names_in_request, request_violations
from issuer_bridge.cert_manager.certificates.policies import (
    READINESS,
    TRIGGER,
    Input,
    Violation,
    data_of,
    due_of,
    first_violation,
    go_list,
    read_leaf,
)
from issuer_bridge.cert_manager.certificates.private_keys import key_violations, public_key_of, read_key
from issuer_bridge.cert_manager.certificates.renewal import windows_in_the_way
from issuer_bridge.cert_manager.certificates.steps import (
    CreateKey,
    CreateRequest,
    Delete,
    Issue,
    KeepSecret,
    Nothing,
    Save,
    Step,
    Tell,
    Told,
    View,
    revision_of,
)
from issuer_bridge.conditions import (
    DENIED,
    INVALID_REQUEST,
    READY,
    condition,
    is_denied,
    is_true,
    ready_reason,
)
from issuer_bridge.resources import CERTIFICATE_REQUEST, SECRET, Resource

ISSUING = "Issuing"
UP_TO_DATE = "Certificate is up to date and has not expired"
FAILED = "The certificate request has failed to complete and will be retried: {}"
DUPLICATE_RECHECK, SECOND = timedelta(minutes=3), timedelta(seconds=1)
CANNOT_REGENERATE = (
    'User intervention required: existing private key in Secret "{}" does not match requirements on Certificate '
    "resource, mismatching fields: {}, but cert-manager cannot create new private key as the Certificate's "
    ".spec.privateKey.rotationPolicy is unset or set to Never. To allow cert-manager to create a new private key you "
    "can set .spec.privateKey.rotationPolicy to 'Always' (this will result in the private key being regenerated every "
    "time a cert is renewed) "
)


def decide(view: View) -> Step:
    """Return what a Certificate needs next."""
    current = view.requests_of(view.revision) if view.revision else []
    if len(current) > 1 or len(view.requests_of(view.revision + 1)) > 1:
        return Nothing()  # upstream: no issuance until there are no more duplicates
    found = Input(view.certificate, view.secret, current[0] if current else None, view.now)
    status, told = _readiness(view, found)
    if status != view.status:
        return Save(status, told)
    if is_true(view.certificate, ISSUING):
        return _until_expiry(view, _next_key(view))
    if view.keys:
        return Delete(SECRET, _names(view.keys))
    if status.get("nextPrivateKeySecretName"):
        return Save({name: value for name, value in status.items() if name != "nextPrivateKeySecretName"})
    if _owner_of_secret(view) != view.certificate["metadata"]["name"]:
        return Nothing(DUPLICATE_RECHECK)
    return KeepSecret(_old_requests(view) or _until_expiry(view, _trigger(view, found)))


def _until_expiry(view: View, step: Step) -> Step:
    """Let who waits look again when the certificate has expired, if not sooner: Ready says so then."""
    end = view.status.get("notAfter")
    left = parse_rfc3339(end) + SECOND - view.now if end else timedelta(0)
    waits = isinstance(step, Nothing) and timedelta(0) < left < (step.after or timedelta.max)
    return Nothing(left) if waits else step


def _readiness(view: View, found: Input) -> tuple[dict[str, Any], Told | None]:
    """Return the status with Ready and the times of the certificate in the Secret."""
    violation = first_violation(READINESS, found)
    status, told = view.status, None
    for name in ("notBefore", "notAfter", "renewalTime"):
        status.pop(name, None)
    try:
        leaf = read_leaf(data_of(view.secret, "tls.crt"))
    except ValueError:
        pass
    else:
        windows = windows_in_the_way(view.spec)
        if windows:
            violation = Violation("WindowError", f"Could not calculate renewal time: {windows}")
            told = Told("Warning", violation.reason, violation.message)
        due = due_of(found, leaf)
        status |= {"notBefore": rfc3339(leaf.not_before), "notAfter": rfc3339(leaf.not_after)}
        if due is not None:
            status["renewalTime"] = rfc3339(due)
    ready = ("False", violation.reason, violation.message) if violation else ("True", "Ready", UP_TO_DATE)
    return {**status, "conditions": view.condition(READY, *ready)}, told


def _next_key(view: View) -> Step:
    """See that there is one Secret with a key as the spec wants it, and that the status names it."""
    name = view.status.get("nextPrivateKeySecretName")
    if not view.keys:
        return _new_key(view)
    if len(view.keys) > 1:
        return Delete(SECRET, [key for key in _names(view.keys) if key != name])
    (secret,) = view.keys
    if not name:
        return Save({**view.status, "nextPrivateKeySecretName": secret["metadata"]["name"]})
    if name != secret["metadata"]["name"]:
        return Delete(SECRET, _names(view.keys))
    try:
        key = read_key(data_of(secret, "tls.key"))
    except ValueError:
        return Delete(SECRET, [name])
    violations = key_violations(key, view.spec)
    if violations:
        text = f"Regenerating private key due to change in fields: {go_list(violations)}"
        return Delete(SECRET, [name], Told("Normal", "Deleted", text))
    return _request(view, key, name)


def _new_key(view: View) -> Step:
    """Decide on a key: a new one, or with rotationPolicy Never the one in the Secret."""
    existing = data_of(view.secret, "tls.key")
    if (view.spec.get("privateKey") or {}).get("rotationPolicy") != "Never" or not existing:
        return CreateKey()
    try:
        key = read_key(existing)
    except ValueError:
        return CreateKey()
    violations = key_violations(key, view.spec)
    if not violations:
        return CreateKey(key)
    text = CANNOT_REGENERATE.format(view.spec["secretName"], go_list(violations))
    return Tell(Told("Warning", "CannotRegenerateKey", text))


def _request(view: View, key: PrivateKey, secret: str) -> Step:
    """See that there is one request of the next revision, for this key and this spec."""
    stale = [request for request in view.requests if revision_of(request) is None or _is_stale(view, request, key)]
    if stale:
        return Delete(CERTIFICATE_REQUEST, _names(stale))
    requests = view.requests_of(view.revision + 1)
    if not requests:
        return CreateRequest(view.revision + 1, secret, key)
    return _outcome(view, requests[0], key)


def _is_stale(view: View, request: Resource, key: PrivateKey) -> bool:
    """Whether a request of the next revision is for another spec or key, or is a failure of an earlier attempt."""
    if revision_of(request) != view.revision + 1:
        return False
    try:
        if request_violations(request["spec"], view.spec):
            return True
    except ValueError:
        return True
    if names_in_request(request["spec"]["request"]).key != public_key_of(key):
        return True
    failed_at = (request.get("status") or {}).get("failureTime")
    begun = condition(view.certificate, ISSUING).get("lastTransitionTime")
    failed = ready_reason(request) == "Failed"
    return bool(failed and failed_at and begun and parse_rfc3339(failed_at) < parse_rfc3339(begun))


def _outcome(view: View, request: Resource, key: PrivateKey) -> Step:
    """Do as the request did."""
    for type_, happened in ((DENIED, is_denied(request)), (INVALID_REQUEST, is_true(request, INVALID_REQUEST))):
        if happened:
            found = condition(request, type_)
            return _fail(view, found.get("reason", ""), found.get("message", ""))
    reason = ready_reason(request)
    if reason == "Failed":
        return _fail(view, reason, condition(request, READY).get("message", ""))
    if reason != "Issued":
        return Nothing()
    wrong = _wrong_certificate(view, request, key)
    return _fail(view, "InvalidCertificate", wrong) if wrong else Issue(request, view.revision + 1, key)


def _wrong_certificate(view: View, request: Resource, key: PrivateKey) -> str:
    """Return why what the issuer gave cannot be used, or ""."""
    try:
        leaf = read_leaf(data_of({"data": request["status"]}, "certificate"))
    except ValueError as error:
        return f"Issuer returned an invalid certificate: failed to decode: {error}"
    if leaf.names.key != public_key_of(key):
        return (
            "Issuer returned a certificate with a public key that does not match the CSR. "
            "This usually indicates a misconfigured issuer."
        )
    if view.now > leaf.not_after:
        return (
            f"Issuer returned an already expired certificate (notAfter: {rfc3339(leaf.not_after)}). "
            "This usually indicates an expired CA certificate in the issuer."
        )
    return ""


def _fail(view: View, reason: str, message: str) -> Save:
    """End the attempt; the next one comes after the backoff."""
    status, text = view.status, FAILED.format(message)
    attempts = int(status.get("failedIssuanceAttempts") or 0) + 1
    status |= {
        "lastFailureTime": rfc3339(view.now),
        "failedIssuanceAttempts": attempts,
        "conditions": view.condition(ISSUING, "False", reason, text),
    }
    return Save(status, Told("Warning", reason, text), ("IssuanceFailed", {"attempts": attempts, "reason": message}))


def _old_requests(view: View) -> Step | None:
    """Delete the oldest requests beyond revisionHistoryLimit, once the Certificate is Ready."""
    limit = view.spec.get("revisionHistoryLimit")
    if not is_true(view.certificate, READY):
        return None
    numbered = [(revision, request) for request in view.requests if (revision := revision_of(request)) is not None]
    numbered.sort(key=lambda pair: pair[0])
    old = numbered[: max(0, len(numbered) - (1 if limit is None else limit))]
    return Delete(CERTIFICATE_REQUEST, _names([request for _, request in old])) if old else None


def _trigger(view: View, found: Input) -> Step:
    """Begin to issue when a policy says so; otherwise wait for the renewal, or the end of the backoff."""
    wait = _backoff(view)
    if wait:
        return Nothing(wait)
    violation = first_violation(TRIGGER, found)
    if violation is None:
        due = view.status.get("renewalTime")
        return Nothing(parse_rfc3339(due) - view.now if due else None)
    conditions = view.condition(ISSUING, "True", violation.reason, violation.message)
    told = Told("Normal", "Issuing", violation.message)
    return Save({**view.status, "conditions": conditions}, told, ("IssuanceTriggered", {"reason": violation.reason}))


def _backoff(view: View) -> timedelta:
    """Return how long failures hold the next attempt back; another spec than the one that failed need not wait."""
    failed = view.requests_of(view.revision + 1)
    try:
        if failed and request_violations(failed[0]["spec"], view.spec):
            return timedelta(0)
    except ValueError:
        return timedelta(0)
    return view.backoff.left(view.status, view.now)


def _owner_of_secret(view: View) -> str:
    """Return the Certificate, of all that want the same Secret, that it is for: whom it names, else the oldest."""
    sharing = sorted(view.sharing, key=lambda item: (item["metadata"]["creationTimestamp"], item["metadata"]["name"]))
    names = _names(sharing)
    named = ((view.secret or {}).get("metadata", {}).get("annotations") or {}).get("cert-manager.io/certificate-name")
    return named if named in names else names[0]


def _names(resources: Sequence[Resource]) -> list[str]:
    return [resource["metadata"]["name"] for resource in resources]
