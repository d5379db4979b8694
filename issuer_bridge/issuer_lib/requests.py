"""The loop of one request, in issuer-lib's order of steps (controllers/request_controller.go).

`decide` goes as far as `sign`, `signed` from what it said to the end; both hold for either form of a request.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from acme_server.protocol.times import parse_rfc3339
from issuer_bridge.conditions import INVALID_REQUEST, READY, condition, is_approved, is_denied, is_true
from issuer_bridge.issuer_lib.conduct import Options
from issuer_bridge.issuer_lib.forms import DENIED_MESSAGE, Form, Status
from issuer_bridge.issuer_lib.matching import Place
from issuer_bridge.issuer_lib.outcomes import Bundle, IssuerFault, Pending, Permanent, WithCondition
from issuer_bridge.issuer_lib.reading import issuer_of, request_of
from issuer_bridge.issuer_lib.steps import NOTHING, Ask, Event, Step, merged, text_of
from issuer_bridge.outcomes import Done, Outcome, Retry, Wait
from issuer_bridge.resources import Kind, Resource

PENDING = "Signing still in progress. Reason: "
_NOT_READY = "Waiting for issuer to become ready. Current issuer ready condition"
_OUTDATED = f"{_NOT_READY} is outdated."


def mine(request: Resource, form: Form, kinds: Sequence[Kind], options: Options) -> Place | None:
    """Return the issuer of a request that there is something to do for, None where there is not."""
    place = form.match(request, kinds)
    if place is None or form.ended(request):
        return None
    if not is_approved(request) and not (options.conduct.denied_first and is_denied(request)):
        return None
    return place


def decide(
    form: Form, request: Resource, place: Place, issuer: Resource | None, now: datetime, options: Options
) -> Step | Ask:
    """Return what a request of `mine` needs next; place: where its issuer is looked for."""
    if options.ignores_request and options.ignores_request(request_of(request)):
        return NOTHING
    denied = form.deny(request, now)
    if denied is not None:
        return _told(denied, "Warning", "PermanentError", DENIED_MESSAGE)
    begun = form.begin(request, options.field_owner, now)
    if begun is not None:
        return Step(begun)
    if issuer is None:
        return _waits(form, request, f"{place} not found. Waiting for it to be created.", "WaitingForIssuerExist", now)
    if options.ignores_issuer and options.ignores_issuer(issuer_of(issuer, {})):
        return NOTHING
    lacking = _lacks(issuer)
    return _waits(form, request, lacking, "WaitingForIssuerReady", now) if lacking else Ask()


def _lacks(issuer: Resource) -> str | None:
    ready = condition(issuer, READY)
    if not ready:
        return f"{_NOT_READY}: <none>."
    if ready.get("observedGeneration", 0) < issuer["metadata"].get("generation", 0):
        return _OUTDATED
    if is_true(issuer, READY):
        return None
    return f'{_NOT_READY} is "{ready.get("reason", "")}": {ready.get("message", "")}.'


def signed(
    form: Form, request: Resource, issuer: Resource, said: Bundle | Exception, now: datetime, options: Options
) -> Step:
    """Return what comes of what `sign` said: a bundle, or what it raised."""
    if isinstance(said, Bundle):
        bundle = said if options.set_ca else Bundle(said.chain)
        return _told(form.issue(request, bundle, now), "Normal", "Issued", "Succeeded signing the " + form.kind.kind)
    error, own, moved = _unwrapped(form, request, said, now)
    if isinstance(error, IssuerFault):
        waiting = _waits(form, request, _OUTDATED, "WaitingForIssuerReady", now)
        return Step(waiting.status, waiting.event, report=error)
    step = _failed(form, request, issuer, error, now, options)
    if moved and not isinstance(step.then, Done):  # the condition itself is a change that brings the request back
        step = Step(step.status, step.event)
    return Step(merged(own, step.status), step.event, step.then)


def _unwrapped(form: Form, request: Resource, said: Exception, now: datetime) -> tuple[Exception, Status, bool]:
    """Return the error, the author's own conditions, and whether one of them is new or has another status."""
    status: Status = {}
    moved = False
    while isinstance(said, WithCondition):
        moved = moved or condition(request, said.type).get("status") != said.status
        status = merged(status, form.set(request, said.type, said.status, said.reason, text_of(said), now))
        said = said.inner
    return said, status, moved


def _failed(form: Form, request: Resource, issuer: Resource, error: Exception, now: datetime, options: Options) -> Step:
    conduct, text, age = options.conduct, text_of(error), now - parse_rfc3339(request["metadata"]["creationTimestamp"])
    if isinstance(error, Pending):
        if conduct.max_pending is None or age <= conduct.max_pending:
            return _pending(form, request, error, now, options)
        text = f"still pending after {conduct.max_pending.days} days: {text}"
    elif not isinstance(error, Permanent) and now <= _last_try(request, issuer, options):
        message = f"Failed to sign {form.kind.kind}, will retry: {text}"
        return _told(form.wait(request, message, now), "Warning", "RetryableError", message, Retry(text))
    message = form.failure + text
    failed = form.fail(request, message, now)
    if conduct.invalid_request and isinstance(error, Permanent) and error.invalid_request:
        failed = merged(failed, form.set(request, INVALID_REQUEST, "True", "InvalidRequest", text, now))
    return _told(failed, "Warning", "PermanentError", message)


def _pending(form: Form, request: Resource, error: Pending, now: datetime, options: Options) -> Step:
    quiet, after = options.conduct.quiet, error.after or options.poll
    message = PENDING * (1 if quiet else 2) + error.message
    known = condition(request, READY).get("message", "")
    moved = known.startswith(PENDING) and known != message
    keeps = options.conduct.pending_keeps_failures and not moved
    then = Wait(after, error.held, keeps)
    event = Event("Normal", "Pending", message) if quiet else Event("Warning", form.pending, message)
    return Step(form.wait(request, message, now), None if quiet and known == message else event, then)


def _last_try(request: Resource, issuer: Resource, options: Options) -> datetime:
    """Return until when an error is no end: the time of a request begins anew when its issuer becomes Ready again."""
    begin = parse_rfc3339(request["metadata"]["creationTimestamp"])
    since = condition(issuer, READY).get("lastTransitionTime")
    if options.conduct.window_restarts and since:
        begin = max(begin, parse_rfc3339(since))
    return begin + options.max_retry_duration


def _waits(form: Form, request: Resource, message: str, reason: str, now: datetime) -> Step:
    return _told(form.wait(request, message, now), "Normal", reason, message)


def _told(status: Status, type_: str, reason: str, message: str, then: Outcome | None = None) -> Step:
    return Step(status, Event(type_, reason, message), then or Done())
