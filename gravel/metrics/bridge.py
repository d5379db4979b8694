"""What is told of the scheduler and of the bridge as they are now; what happened to them is in the journal's fold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import product

import attrs

from acme_server.protocol.driver import Clock
from acme_server.protocol.times import parse_rfc3339
from gravel.metrics import cert_manager
from gravel.metrics.facts import TYPES
from gravel.metrics.family import Family, Labels, Reading
from issuer_bridge.conditions import APPROVED, condition, is_approved, is_denied, ready_reason
from issuer_bridge.operator import Operator
from issuer_bridge.references import issuer_words
from issuer_bridge.resources import CERTIFICATE_REQUEST, Resource, Resources
from scheduler.challenge import Challenge, Stage

_ISSUER = ("issuer_name", "issuer_kind", "issuer_group")
_TYPE = tuple((type_,) for type_ in TYPES)

SLOTS = Family("gravel_scheduler_slots", "gauge", "Challenges that may be under way at once.")
SLOTS_IN_USE = Family("gravel_scheduler_slots_in_use", "gauge", "Challenges that are under way.")
QUEUE_DEPTH = Family("gravel_scheduler_queue_depth", "gauge", "Challenges that wait for a slot.", ("type",), _TYPE)
OLDEST_WAIT = Family(
    "gravel_scheduler_oldest_wait_seconds", "gauge", "How long the first of them has waited.", ("type",), _TYPE
)
STAGES = Family(
    "gravel_scheduler_challenges",
    "gauge",
    "Challenges, by where their workflow is.",
    ("stage", "type"),
    tuple(product((stage.value for stage in Stage), TYPES)),
)
CONTROLLER_QUEUE = Family(
    "gravel_controller_queue_depth", "gauge", "Resources that wait for a worker of a controller.", ("controller",)
)
REQUESTS = Family(
    "gravel_certificate_requests",
    "gauge",
    "CertificateRequests: unapproved, pending (approved), issued, failed or denied.",
    (*_ISSUER, "state"),
)
OLDEST_PENDING = Family(
    "gravel_oldest_pending_request_seconds",
    "gauge",
    "How long ago the first CertificateRequest that is pending was approved; 0 where none is.",
    _ISSUER,
)
APPROVAL = Family(
    "certmanager_approverpolicy_certificaterequests_approval",
    "gauge",
    "CertificateRequests: approved, denied, or unmatched, which is neither; approver-policy's gauge.",
    ("namespace", "status"),
)
DENIED = Family(
    "certmanager_certificaterequest_denied_total",
    "counter",
    "CertificateRequests denied; a name that alert rules in the wild use, not one of cert-manager's.",
    ("namespace",),
)
FAMILIES = (
    SLOTS,
    SLOTS_IN_USE,
    QUEUE_DEPTH,
    OLDEST_WAIT,
    STAGES,
    CONTROLLER_QUEUE,
    REQUESTS,
    OLDEST_PENDING,
    APPROVAL,
    DENIED,
)
_STATES = ("unapproved", "pending", "issued", "failed", "denied")


@attrs.frozen
class BridgeSource:
    """Reads the bridge at each scrape; operator: the one at work, or None; slots: how many the scheduler has."""

    resources: Resources
    operator: Callable[[], Operator | None]
    slots: int
    clock: Clock

    def __call__(self) -> Iterator[Reading]:
        """See Source."""
        now, operator = self.clock(), self.operator()
        requests = self.resources.list(CERTIFICATE_REQUEST)
        namespaces = dict.fromkeys(request["metadata"]["namespace"] for request in requests)
        denials = operator.denials if operator else {}
        yield DENIED, {(where,): count for where, count in {**dict.fromkeys(namespaces, 0), **denials}.items()}
        yield APPROVAL, Counter((each["metadata"]["namespace"], _approval(each)) for each in requests)
        yield from _requests(requests, now)
        yield from cert_manager.of_resources(self.resources, now)
        if operator is not None:
            yield SLOTS, {(): self.slots}
            yield from _challenges(operator.scheduler.challenges, now)
            depths = {(name,): queue.depth(kind) for name, (queue, kind) in operator.controllers.items()}
            yield CONTROLLER_QUEUE, depths
            yield from cert_manager.of_operator(operator, now)


def _approval(request: Resource) -> str:
    return "approved" if is_approved(request) else "denied" if is_denied(request) else "unmatched"


def _challenges(challenges: tuple[Challenge, ...], now: datetime) -> Iterator[Reading]:
    waiting = [each for each in challenges if each.stage is Stage.QUEUED and not each.final]
    oldest = dict.fromkeys(_TYPE, 0.0)
    for each in waiting:
        oldest[each.type,] = max(oldest.get((each.type,), 0.0), (now - each.queued).total_seconds())
    stages = Counter((each.stage.value, each.type) for each in challenges)
    yield SLOTS_IN_USE, {(): sum(each.processing for each in challenges)}
    yield QUEUE_DEPTH, {**dict.fromkeys(_TYPE, 0), **Counter((each.type,) for each in waiting)}
    yield OLDEST_WAIT, oldest
    yield STAGES, {**dict.fromkeys(STAGES.always, 0), **stages}


def _requests(requests: list[Resource], now: datetime) -> Iterator[Reading]:
    counts: dict[Labels, float] = {}
    oldest: dict[Labels, float] = {}
    for request in requests:
        reference = request["spec"]["issuerRef"]
        issuer = (reference["name"], *issuer_words(reference))
        if issuer not in oldest:
            oldest[issuer] = 0.0
            counts |= {(*issuer, state): 0 for state in _STATES}
        state = _state(request)
        counts[*issuer, state] += 1
        if state == "pending":
            since = parse_rfc3339(condition(request, APPROVED)["lastTransitionTime"])
            oldest[issuer] = max(oldest[issuer], (now - since).total_seconds())
    yield REQUESTS, counts
    yield OLDEST_PENDING, oldest


def _state(request: Resource) -> str:
    reason = (ready_reason(request) or "").lower()
    if reason in ("issued", "failed", "denied"):
        return reason
    if is_denied(request):
        return "denied"
    return "pending" if is_approved(request) else "unapproved"
