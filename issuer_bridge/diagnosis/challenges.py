"""Where a Challenge stands, from its status: `pkg/controller/acmechallenges/sync.go`, read backwards."""

from __future__ import annotations

from datetime import datetime, timedelta
from math import ceil
from typing import Any

import attrs

from issuer_bridge.cert_manager.challenge_views import is_held
from issuer_bridge.cert_manager.waiting import wait_of
from issuer_bridge.conditions import READY, is_true
from issuer_bridge.diagnosis.cluster import Cluster, changed, created, deleted, moment, status_of
from issuer_bridge.diagnosis.readings import (
    ACME,
    CA,
    CERT_MANAGER,
    CHECKING_DNS,
    CHECKING_HTTP,
    DESCRIBE,
    DNS,
    LOG,
    PLATFORM,
    PRESENTING,
    read,
)
from issuer_bridge.diagnosis.rules import AT_ONCE, SOON, WORKERS, Found, Rule, View, quiet
from issuer_bridge.kube_api.core_tables import last_seen
from issuer_bridge.references import key_of
from issuer_bridge.resources import CHALLENGE, ORDER, Resource
from scheduler.challenge import FAILURE_STATES, FINAL_STATES
from solvers.solver import DNS01

_CLEANING = "Error cleaning up challenge"
_ACCEPTING = ("Error accepting", "Error getting authorization")
_PROPAGATION, _INSTEAD = " challenge propagation: ", "without self-check"
_NAMED = 3
UNSEEN = timedelta(minutes=5)
"""How long a self-check may fail: records and routes need a while to be everywhere."""


def name_in(challenge: Resource) -> str:
    """Return the name that is validated, with its `*.`."""
    spec = challenge["spec"]
    return ("*." if spec.get("wildcard") else "") + str(spec["dnsName"])


def shown(challenge: Resource) -> str:
    """`HTTP-01 of www.example.com`."""
    return f"{challenge['spec']['type']} of {name_in(challenge)}"


def said(challenge: Resource) -> str:
    """Return status.reason."""
    return str(status_of(challenge).get("reason") or "")


def _state(challenge: Resource) -> str:
    return str(status_of(challenge).get("state") or "")


def _evidence(challenge: Resource) -> tuple[str, ...]:
    reason = said(challenge)
    return (f"status.reason: {reason}",) if reason else ()


def _since(view: View, challenge: Resource, *reasons: str) -> datetime | None:
    """Return when the first of these events was seen that is known, else when it was presented or given its slot."""
    for reason in (*reasons, "Presented", "Started"):
        if reason == "Presented" and (presented := moment(status_of(challenge).get("presentedAt"))):
            return presented
        for event in view.cluster.events(challenge, reason):
            return moment(event.get("firstTimestamp") or event.get("eventTime")) or moment(event.get("lastTimestamp"))
    return None


def last_start(cluster: Cluster) -> datetime | None:
    """Return when a Challenge got a slot last, or was written while it had one, as far as that is told."""
    moments = []
    for challenge in cluster.list(CHALLENGE):
        if status_of(challenge).get("processing"):
            moments.append(changed(challenge))
        started = cluster.events(challenge, "Started")[:1]
        moments += [moment(last_seen(event)) for event in started]
    return max(filter(None, moments), default=None)


def _turns(view: View, least: timedelta = SOON) -> timedelta:
    """Return how long a step may take when all that run take it, a minute each and a few at a time."""
    return max(least, timedelta(minutes=ceil((1 + len(view.queue.running)) / WORKERS)))


def _clean_up(view: View, challenge: Resource) -> Found | None:
    over = _state(challenge) in FINAL_STATES or deleted(challenge)
    if not over or not is_held(challenge):
        return None
    ends = "it is deleted" if deleted(challenge) else f"it is {_state(challenge)}"
    cause = f"{shown(challenge)} is not cleaned up, though {ends}; it keeps its finalizer"
    cause += " and its slot" if status_of(challenge).get("processing") else ""
    reason = said(challenge)
    reading = read(PRESENTING, reason) if reason.startswith(_CLEANING) else None
    reading = attrs.evolve(reading, pain=None) if reading else None
    since = deleted(challenge) or _since(view, challenge, "CleanUpError", "DomainVerified", "Failed")
    return Found(cause, since, _evidence(challenge), reading, _turns(view))


def _failed(view: View, challenge: Resource) -> Found | None:
    if _state(challenge) not in FAILURE_STATES:
        return None
    cause = f"{shown(challenge)} is {_state(challenge)}, which is for good"
    since = _since(view, challenge, "Failed", "DomainVerified")
    return Found(cause, since, _evidence(challenge), read(ACME, said(challenge)))


def _failed_alone(view: View, challenge: Resource) -> Found | None:
    """The client gave the Challenge up, of which the CA knows nothing: acmeorders/sync.go copies `pending`, and stops."""
    order, found = view.cluster.owner(challenge, ORDER), _failed(view, challenge)
    if found is None or order is None or status_of(order).get("state") != "pending" or view.cluster.conduct.ends_orders:
        return None
    return attrs.evolve(found, cause=f"{found.cause}; its Order is still pending at the CA")


def _queued(view: View, challenge: Resource) -> Found | None:
    """Say whom a Challenge without a slot waits for; the scheduler's own order says who is before it."""
    if status_of(challenge).get("processing"):
        return None
    key, queue = key_of(challenge), view.queue
    if key in queue.behind or key not in queue.places:
        return None
    place = queue.places[key]
    before = ", ".join(seat.key for seat in queue.waiting[: min(place - 1, _NAMED)])
    more = f" and {place - 1 - _NAMED} more" if place - 1 > _NAMED else ""
    cause = f"{shown(challenge)} is number {place} of {len(queue.waiting)} in the queue for a slot; {len(queue.running)} of {queue.maximum} are used"
    since = max(filter(None, (created(challenge), view.started)), default=None)
    return Found(cause, since, (f"before it: {before}{more}",) if before else ())


def _waits_for_slot(view: View, challenge: Resource) -> Found | None:
    found = _queued(view, challenge)
    if found is None or view.queue.places[key_of(challenge)] <= view.queue.free:
        return None
    return attrs.evolve(found, since=created(challenge))


def _waits_for_key(view: View, challenge: Resource) -> Found | None:
    holder = view.queue.behind.get(key_of(challenge))
    if holder is None:
        return None
    runs = "runs" if holder.processing else "is before it in the queue"
    cause = (
        f"{shown(challenge)} waits: only one Challenge of a name and type runs at a time, whatever its namespace,"
        f" issuer and solver, and challenge/{holder.key} {runs}"
    )
    return Found(cause)


def _without_state(view: View, challenge: Resource) -> Found | None:
    if _state(challenge):
        return None
    issuer = view.cluster.issuer(challenge)
    cause = f"{shown(challenge)} has a slot, but nothing was read of its authorization yet"
    if issuer is not None and not is_true(issuer, READY):
        cause += f"; its issuer {key_of(issuer)} is not Ready"
    return Found(cause, _since(view, challenge), _evidence(challenge), read(ACME, said(challenge)), _turns(view))


def _unpresented(view: View, challenge: Resource) -> Found | None:
    if status_of(challenge).get("presented") or not said(challenge):
        return None
    since, reading = _since(view, challenge, "PresentError"), read(PRESENTING, said(challenge))
    return Found(f"{shown(challenge)} cannot be presented", since, _evidence(challenge), reading, _turns(view))


def _instead(view: View, challenge: Resource) -> Found | None:
    wait = _wait(challenge["spec"])
    if wait is None or not said(challenge).endswith(_INSTEAD):
        return None
    cause = f"{shown(challenge)} waits instead of a self-check, as its solver says"
    return Found(cause, _since(view, challenge), _evidence(challenge), patience=wait + _turns(view))


def _wait(spec: Any) -> timedelta | None:
    try:
        return wait_of(spec)
    except (ValueError, KeyError, TypeError):
        return None


def _unseen(view: View, challenge: Resource) -> Found | None:
    reason = said(challenge)
    if _PROPAGATION not in reason:
        return None
    table = CHECKING_DNS if challenge["spec"]["type"] == DNS01 else CHECKING_HTTP
    cause = f"{shown(challenge)} is presented, but cert-manager's self-check does not see it"
    return Found(cause, _since(view, challenge), _evidence(challenge), read(table, reason), _turns(view, UNSEEN))


def _refused(view: View, challenge: Resource) -> Found | None:
    reason = said(challenge)
    if not reason.startswith(_ACCEPTING):
        return None
    cause = f"{shown(challenge)} is seen, but the CA has not taken it"
    return Found(cause, _since(view, challenge), _evidence(challenge), read(ACME, reason), _turns(view))


def _undecided(view: View, challenge: Resource) -> Found | None:
    cause = f"{shown(challenge)} is at work and nothing is said against it: it is presented or checked, or the CA has no verdict"
    return Found(cause, _since(view, challenge), _evidence(challenge), patience=_turns(view, UNSEEN))


_SLOT = "the slot is held meanwhile"
_DELETE = "then: kubectl delete order -n {namespace} {order}, and its request orders again"
_FREE = 'kubectl patch challenge -n {namespace} {name} --type merge -p \'{{"metadata":{{"finalizers":null}}}}\', and clean up by hand'
CHALLENGE_RULES: tuple[Rule, ...] = (
    Rule(
        "not-cleaned-up",
        _clean_up,
        f"the clean-up by its solver, tried again after 5 s, up to every 30 minutes, without end; {_SLOT}",
        PLATFORM,
        LOG,
        then=_FREE,
        pain=22,
    ),
    quiet("over", lambda _, challenge: _state(challenge) == "valid"),
    Rule(
        "order-abandoned",
        _failed_alone,
        "nothing: cert-manager looks no more at the Order",
        CA,
        "",
        AT_ONCE,
        _DELETE,
        7,
    ),
    Rule(
        "challenge-failed", _failed, "nothing: cert-manager never takes it up again", CA, "", AT_ONCE, "then: {again}"
    ),
    Rule("key-taken", _waits_for_key, "the end of the other Challenge", CERT_MANAGER, DESCRIBE, None, pain=4),
    Rule("slot-awaited", _waits_for_slot, "a free slot, which the oldest gets", CERT_MANAGER, DESCRIBE, None),
    Rule("not-scheduled", _queued, "the scheduler, which starts 20 a second", CERT_MANAGER, LOG),
    Rule("state-unread", _without_state, f"the CA's word on the authorization; {_SLOT}", CERT_MANAGER, LOG),
    Rule(
        "not-presented",
        _unpresented,
        f"that its solver presents it, tried again after 5 s, up to every 30 minutes, without end; {_SLOT}",
        PLATFORM,
        DESCRIBE,
    ),
    Rule("waits-instead", _instead, "the end of waitInsteadOfSelfCheck", CERT_MANAGER, LOG),
    Rule(
        "self-check-fails",
        _unseen,
        f"that the self-check passes, made every 10 s without end; {_SLOT}",
        DNS,
        "{check}",
    ),
    Rule("not-accepted", _refused, f"that the CA takes it, tried again after 5 s and later; {_SLOT}", CA, LOG),
    Rule(
        "no-verdict",
        _undecided,
        f"the end of the check (60 s for DNS-01, five at a time), or the CA's verdict; {_SLOT}",
        CA,
        "read the CA's log; a large Retry-After of the authorization is waited for, before 1.16 without end",
        pain=9,
    ),
)
