"""Which facts of the journal count as what: one table, and the spans between two facts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import product
from typing import TypeAlias

import attrs

from acme_server.faults.rule import NAME_OF
from acme_server.protocol.journal import Entry
from acme_server.protocol.problem import PREFIX
from acme_server.served import OTHER
from gravel.chaos.experiments import EXPERIMENTS, experiment_of
from gravel.metrics.family import Family, Labels
from scheduler.facts import KINDS

SERVER, SCHEDULER, BRIDGE = "acme_server", "scheduler", "issuer_bridge"
TYPES = ("HTTP-01", "DNS-01")
# Seconds.
LONG = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 14400.0)

# What a self-check says -> why it failed; the first that fits.
REASONS: Mapping[str, str] = {
    "not yet propagated": "not_propagated",
    "gave no answer": "no_answer",
    "CNAME": "alias",
    "Could not ": "no_zone",
    "rcode was expected": "rcode",
    "returned ": "rcode",
    "server misbehaving": "rcode",
    "no such host": "no_such_host",
    "wrong status code": "wrong_status",
    "did not get expected response": "wrong_response",
    "connection refused": "refused",
    "timeout": "timeout",
    "deadline exceeded": "timeout",
    "redirect": "redirect",
}

Tell: TypeAlias = Callable[[Entry], Labels]
Place: TypeAlias = tuple[str, str]
"""House and kind of a fact."""


def endpoint_of(route: str) -> str:
    """Return an endpoint as faults name it."""
    return NAME_OF.get(route, OTHER)


def reason_of(text: str) -> str:
    """Return why a self-check failed, in one word of few."""
    return next((word for part, word in REASONS.items() if part in text), OTHER)


def _problem(entry: Entry) -> str:
    return str(entry.data["problem"]).removeprefix(PREFIX)


SERVER_EVENTS = Family(
    "gravel_server_events_total",
    "counter",
    "What happened in the ACME server, by fact of the journal.",
    ("event",),
    tuple(
        (kind,)
        for kind in (
            "AccountCreated",
            "OrderCreated",
            "OrderReused",
            "OrderFinalized",
            "OrderFailed",
            "AuthorizationValidated",
            "AuthorizationFailed",
        )
    ),
)
CHALLENGES = Family(
    "gravel_challenges_total", "counter", "Challenges that were responded to, and how they ended.", ("type", "outcome")
)
VALIDATION_PROBLEMS = Family(
    "gravel_validation_problems_total", "counter", "Validations that failed, tries among them.", ("type", "problem")
)
ISSUED = Family("gravel_certificates_issued_total", "counter", "Certificates issued.", always=((),))
REVOKED = Family(
    "gravel_certificates_revoked_total", "counter", "Certificates revoked, by reason (RFC 5280).", ("reason",)
)
PROBLEMS = Family(
    "gravel_problems_total", "counter", "Signed requests refused with a problem.", ("type", "endpoint", "status")
)
FAULTS = Family("gravel_faults_injected_total", "counter", "Faults that fired.", ("action", "endpoint"))
CHAOS = Family(
    "gravel_chaos_faults_total",
    "counter",
    "Faults that fired, by experiment; `other` are those of no experiment.",
    ("experiment",),
    tuple((name,) for name in EXPERIMENTS),
)
SCHEDULED = Family(
    "gravel_scheduler_events_total",
    "counter",
    "What happened to challenges in the scheduler, by fact of the journal.",
    ("event", "type"),
    tuple(product(("ChallengeQueued", "ChallengeResumed", *KINDS.values()), TYPES)),
)
SELF_CHECK_FAILURES = Family(
    "gravel_self_check_failures_total", "counter", "Self-checks that failed, by why.", ("type", "reason")
)
DECIDED = Family(
    "gravel_challenges_decided_total",
    "counter",
    "Challenges that the ACME server decided, by cert-manager's state.",
    ("type", "state"),
    tuple(product(TYPES, ("valid", "invalid", "expired", "errored"))),
)
BRIDGE_EVENTS = Family(
    "gravel_bridge_events_total", "counter", "What the bridge did, by fact of the journal.", ("event",)
)

# House -> what counts all its facts.
EVENTS: Mapping[str, Family] = {SERVER: SERVER_EVENTS, BRIDGE: BRIDGE_EVENTS}
COUNTED: Mapping[Family, Mapping[Place, Tell]] = {
    CHALLENGES: {
        (SERVER, "ChallengeResponded"): lambda entry: (entry.data["type"], "responded"),
        (SERVER, "ChallengeValidated"): lambda entry: (entry.data["type"], "valid"),
        (SERVER, "ChallengeFailed"): lambda entry: (entry.data["type"], "invalid"),
    },
    VALIDATION_PROBLEMS: {
        (SERVER, kind): lambda entry: (entry.data["type"], _problem(entry))
        for kind in ("ValidationFailed", "ChallengeFailed")
    },
    ISSUED: {(SERVER, "CertificateIssued"): lambda _: ()},
    REVOKED: {(SERVER, "CertificateRevoked"): lambda entry: (str(entry.data["reason"] or 0),)},
    PROBLEMS: {
        (SERVER, "RequestRefused"): lambda entry: (
            _problem(entry),
            endpoint_of(entry.data["endpoint"]),
            str(entry.data["status"]),
        )
    },
    FAULTS: {(SERVER, "FaultInjected"): lambda entry: (entry.data["action"]["kind"], entry.data["endpoint"])},
    CHAOS: {(SERVER, "FaultInjected"): lambda entry: (experiment_of(entry.data.get("rule", "")) or OTHER,)},
    SCHEDULED: {
        (SCHEDULER, kind): lambda entry: (entry.kind, entry.data["type"])
        for kind in ("ChallengeQueued", "ChallengeResumed", *KINDS.values())
    },
    SELF_CHECK_FAILURES: {
        (SCHEDULER, "SelfCheckFailed"): lambda entry: (entry.data["type"], reason_of(entry.data["reason"]))
    },
    DECIDED: {(SCHEDULER, "ChallengeDecided"): lambda entry: (entry.data["type"], entry.data["state"])},
}


@attrs.frozen
class Span:
    """The time from a fact to the first of others about the same subject: a histogram.

    begin: kinds that begin it, and the labels they give; ends: kinds that end it, and the label
    that each adds; None forgets it.
    """

    family: Family
    house: str
    subject: str
    begin: tuple[str, ...]
    labels: Tell
    ends: Mapping[str, Labels | None]


ORDER_TIME = Family(
    "gravel_order_duration_seconds", "histogram", "From the order to its certificate or failure.", ("outcome",)
)
QUEUE_TIME = Family(
    "gravel_scheduler_wait_seconds", "histogram", "How long challenges waited in the queue for a slot.", ("type",)
)
ISSUE_TIME = Family(
    "gravel_certificate_request_duration_seconds",
    "histogram",
    "From the creation of a CertificateRequest to its end.",
    ("issuer_kind", "issuer_group", "outcome"),
)
RECREATE_TIME = Family(
    "gravel_secret_recreate_seconds", "histogram", "From the deletion of a Certificate's Secret to the next one."
)
SPANS = (
    Span(
        ORDER_TIME,
        SERVER,
        "order",
        ("OrderCreated",),
        lambda _: (),
        {"CertificateIssued": ("issued",), "OrderFailed": ("failed",)},
    ),
    Span(
        QUEUE_TIME,
        SCHEDULER,
        "challenge",
        ("ChallengeQueued", "ChallengeRequeued"),
        lambda entry: (entry.data["type"],),
        {"ChallengeScheduled": (), "ChallengeRemoved": None},
    ),
    Span(RECREATE_TIME, BRIDGE, "certificate", ("SecretDeleted",), lambda _: (), {"SecretWritten": ()}),
    Span(
        ISSUE_TIME,
        BRIDGE,
        "request",
        ("RequestSeen",),
        # Entries of an earlier version do not say it.
        lambda entry: (entry.data.get("issuer_kind", ""), entry.data.get("issuer_group", "")),
        {"RequestIssued": ("issued",), "RequestFailed": ("failed",), "RequestDenied": ("denied",)},
    ),
)
# What is told of each world, and of the one bridge.
OF_WORLDS = (
    SERVER_EVENTS,
    ORDER_TIME,
    CHALLENGES,
    VALIDATION_PROBLEMS,
    ISSUED,
    REVOKED,
    PROBLEMS,
    FAULTS,
    CHAOS,
)
OF_BRIDGE = (SCHEDULED, QUEUE_TIME, SELF_CHECK_FAILURES, DECIDED, ISSUE_TIME, RECREATE_TIME, BRIDGE_EVENTS)
