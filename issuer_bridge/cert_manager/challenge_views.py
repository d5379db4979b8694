"""What a Challenge resource is to the scheduler, and what the scheduler's challenge is to people: pure functions."""

from __future__ import annotations

from typing import Any

from acme_server.protocol.times import parse_rfc3339, rfc3339
from issuer_bridge.cert_manager.conduct import OURS, Conduct
from issuer_bridge.references import key_of
from issuer_bridge.resources import Resource
from scheduler.challenge import FINAL_STATES, Challenge, Stage

FINALIZER = "acme.cert-manager.io/finalizer"
LEGACY_FINALIZER = "finalizer.acme.cert-manager.io"


def is_held(resource: Resource) -> bool:
    """Whether a Challenge has to be cleaned up before it goes."""
    finalizers = resource["metadata"].get("finalizers") or ()
    return FINALIZER in finalizers or LEGACY_FINALIZER in finalizers


def held(finalizers: list[str]) -> list[str]:
    """Return finalizers with ours, in place of the one of cert-manager before 1.18."""
    others = [name for name in finalizers if name != LEGACY_FINALIZER]
    return others if FINALIZER in others else [*others, FINALIZER]


def freed(finalizers: list[str]) -> list[str]:
    """Return finalizers without ours."""
    return [name for name in finalizers if name not in (FINALIZER, LEGACY_FINALIZER)]


def scheduled(resource: Resource) -> Challenge:
    """Return what a Challenge resource is to the scheduler, also one that an earlier run left in the middle.

    Whatever was shown then may be gone now, so a running challenge presents anew.
    """
    spec, status, metadata = resource["spec"], resource.get("status") or {}, resource["metadata"]
    state, presented_at = status.get("state", ""), status.get("presentedAt")
    final, processing = state in FINAL_STATES, bool(status.get("processing"))
    if final or metadata.get("deletionTimestamp"):
        stage = Stage.CLEANING_UP if is_held(resource) else Stage.RELEASING if processing else Stage.DONE
    else:
        stage = Stage.PRESENTING if processing else Stage.QUEUED
    return Challenge(
        key=key_of(resource),
        dns_name=spec["dnsName"],
        type=spec["type"],
        created=parse_rfc3339(metadata["creationTimestamp"]),
        wildcard=bool(spec.get("wildcard")),
        stage=stage,
        state=state if final else "",
        reason=status.get("reason", ""),
        presented_at=parse_rfc3339(presented_at) if presented_at else None,
        presented=bool(status.get("presented")),
    )


def projected(challenge: Challenge) -> dict[str, Any]:
    """Return the status of a Challenge resource: none in the queue, `pending` from what the server said until it is decided.

    Both booleans go in the sync after the clean-up.
    """
    if challenge.stage is Stage.QUEUED:
        return {}
    shown = challenge.presented or (challenge.stage is Stage.RELEASING and challenge.presented_at is not None)
    status: dict[str, Any] = {"processing": challenge.processing, "presented": shown}
    if challenge.presented_at is not None:
        status["presentedAt"] = rfc3339(challenge.presented_at)
    if challenge.reason:
        status["reason"] = challenge.reason
    known = challenge.processing and challenge.stage not in (Stage.STARTING, Stage.FETCHING)
    state = challenge.state or ("pending" if known else "")
    return {**status, "state": state} if state else status


def transitions(before: Challenge, after: Challenge, conduct: Conduct = OURS) -> list[tuple[str, str, str]]:
    """Return the events (type, reason, message) that a change is worth."""
    events = []
    stage = before.stage
    if stage is Stage.QUEUED and after.processing:
        events.append(("Normal", "Started", "Challenge scheduled for processing"))
    if stage is Stage.PRESENTING and after.stage is Stage.CHECKING:
        events.append(("Normal", "Presented", f"Presented challenge using {after.type} challenge mechanism"))
    if after.failures and stage is after.stage is Stage.PRESENTING:
        events.append(("Warning", "PresentError", f"Error presenting challenge: {after.reason}"))
    if after.failures and stage is after.stage is Stage.CLEANING_UP:
        events.append(("Warning", "CleanUpError", after.reason))
    # To cert-manager only the verdict that it waited for is worth one.
    judged = stage is Stage.VALIDATING and after.state in ("valid", "invalid")
    if after.final and not before.final and (conduct.explains or judged):
        verified = f'Domain "{after.dns_name}" verified with "{after.type}" validation'
        failed = f"Accepting challenge authorization failed: {after.reason}"
        events.append(
            ("Normal", "DomainVerified", verified) if after.state == "valid" else ("Warning", "Failed", failed)
        )
    return events


def goes_on(before: Challenge, after: Challenge) -> bool:
    """Whether cert-manager's sync goes on after this change, so that its status is not written yet."""
    presented = before.stage is Stage.PRESENTING and after.stage is Stage.CHECKING
    return presented or after.stage in (Stage.ACCEPTING, Stage.VALIDATING)
