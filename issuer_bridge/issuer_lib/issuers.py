"""The loop of one issuer, in issuer-lib's order of steps (controllers/issuer_controller.go)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from issuer_bridge.conditions import READY, condition, is_true
from issuer_bridge.issuer_lib.conduct import Options
from issuer_bridge.issuer_lib.outcomes import IssuerFault, Permanent
from issuer_bridge.issuer_lib.reading import issuer_of
from issuer_bridge.issuer_lib.steps import NOTHING, Ask, Event, Step, set_one, text_of
from issuer_bridge.outcomes import Done, Outcome, Retry, Wait
from issuer_bridge.resources import Resource

# How far from `check_interval`, to either side, the next look may be.
SPREAD = 0.2
# Reason of Ready -> its status, the event's type and reason, and what both say before the error.
_SAYS: Mapping[str, tuple[str, str, str, str]] = {
    "Checked": ("True", "Normal", "Checked", "Succeeded checking the issuer"),
    "Failed": ("False", "Warning", "PermanentError", "Failed permanently: "),
    "Pending": ("False", "Warning", "RetryableError", "Not ready yet: "),
}


def decide(
    issuer: Resource, reported: IssuerFault | None, now: datetime, options: Options, *, reopened: bool = False
) -> Step | Ask:
    """Return what an issuer needs next.

    reported: what `sign` said of it since; reopened: whether its Secrets may be others than when it failed for good.
    """
    conduct, ready = options.conduct, condition(issuer, READY)
    generation = issuer["metadata"].get("generation", 0)
    failed = ready.get("status") == "False" and ready.get("reason") == "Failed"
    if failed and ready.get("observedGeneration", 0) >= generation and not (conduct.secrets_reopen and reopened):
        return NOTHING
    if options.ignores_issuer and options.ignores_issuer(issuer_of(issuer, {})):
        return NOTHING
    if not ready:
        text = f"{options.field_owner} has started reconciling this Issuer"
        return Step({"conditions": [set_one(issuer, READY, "Unknown", "Initializing", text, now, generation)]})
    if reported is not None and (ready["status"] == "True" or (conduct.keeps_report and reported.permanent)):
        return checked(issuer, reported, now, options, 0.5)
    return Ask()


def is_news(issuer: Resource, fault: IssuerFault, options: Options) -> bool:
    """Whether what `sign` said is worth a look: an issuer in trouble has its backoff, which no further request ends."""
    return fault.permanent or not options.conduct.keeps_report or is_true(issuer, READY)


def checked(issuer: Resource, error: Exception | None, now: datetime, options: Options, chance: float) -> Step:
    """Return what comes of what `check` raised, or None; chance: from 0 to 1, where in its spread the next look is."""
    interval = options.conduct.check_interval
    if error is None:
        again = Done() if interval is None else Wait(interval * (1 + SPREAD * (2 * chance - 1)))
        return _step(issuer, "Checked", "", now, again)
    text = text_of(error)
    if isinstance(error, Permanent) or (isinstance(error, IssuerFault) and error.permanent):
        return _step(issuer, "Failed", text, now, Done())
    if isinstance(error, IssuerFault) and error.after is not None:
        # Not `Retry(after=...)`: who mends the issuer must not have to wait for it.
        return _step(issuer, "Pending", text, now, Wait(error.after, keeps_failures=True))
    return _step(issuer, "Pending", text, now, Retry(text))


def _step(issuer: Resource, reason: str, text: str, now: datetime, then: Outcome) -> Step:
    status, type_, event, says = _SAYS[reason]
    message = says + text
    generation = issuer["metadata"].get("generation", 0)
    ready = set_one(issuer, READY, status, reason, message, now, generation)
    return Step({"conditions": [ready]}, Event(type_, event, message), then)
