"""cert-manager's own metrics, by its names, labels and types (pkg/metrics, internal/collectors).

Some of its counters do not end in `_total`, as Prometheus has it since.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from itertools import product

from acme_server.protocol.times import parse_rfc3339
from gravel.metrics.family import Family, Labels, Reading, Summary, Value
from issuer_bridge.acme_client.traffic import Calls
from issuer_bridge.conditions import READY, condition
from issuer_bridge.operator import Operator
from issuer_bridge.resources import CERTIFICATE, CHALLENGE, CLUSTER_ISSUER, ISSUER, Resource, Resources

_CERTIFICATE = ("name", "namespace", "issuer_name", "issuer_kind", "issuer_group")
_REQUEST = ("scheme", "host", "action", "method", "status")
CONDITIONS = ("True", "False", "Unknown")
STATES = ("ready", "valid", "errored", "expired", "invalid", "processing", "", "pending")
QUANTILES = (0.5, 0.9, 0.99)
# What quantiles look back on.
_WINDOW = timedelta(minutes=10)


def _moment(name: str, what: str) -> Family:
    text = f"When the certificate {what}, in seconds since 1970; 0 while there is none."
    return Family(f"certmanager_certificate_{name}_timestamp_seconds", "gauge", text, _CERTIFICATE)


READY_STATUS = Family(
    "certmanager_certificate_ready_status",
    "gauge",
    "1 for what the Certificate's condition Ready is, 0 for what it is not.",
    ("name", "namespace", "condition", "issuer_name", "issuer_kind", "issuer_group"),
)
# Family -> the member of a Certificate's status.
MOMENTS = {
    _moment("expiration", "expires"): "notAfter",
    _moment("not_after", "ends to be valid"): "notAfter",
    _moment("not_before", "begins to be valid"): "notBefore",
    _moment("renewal", "is to be renewed"): "renewalTime",
}
CHALLENGE_STATUS = Family(
    "certmanager_certificate_challenge_status",
    "gauge",
    "1 for the state that the Challenge is in, 0 for the others.",
    ("status", "domain", "reason", "processing", "name", "namespace", "type"),
)
ISSUER_STATUS = Family(
    "certmanager_issuer_ready_status",
    "gauge",
    "1 for what the Issuer's condition Ready is, 0 for what it is not.",
    ("name", "namespace", "condition"),
)
CLUSTER_ISSUER_STATUS = Family(
    "certmanager_clusterissuer_ready_status",
    "gauge",
    "1 for what the ClusterIssuer's condition Ready is, 0 for what it is not.",
    ("name", "condition"),
)
ACME_REQUESTS = Family(
    "certmanager_http_acme_client_request_count",
    "counter",
    "Requests of the ACME client; status 999 got no answer.",
    _REQUEST,
)
ACME_TIME = Family(
    "certmanager_http_acme_client_request_duration_seconds",
    "summary",
    "How long requests of the ACME client took; quantiles of the last 500 within ten minutes.",
    _REQUEST,
)
SYNCS = Family(
    "certmanager_controller_sync_call_count",
    "counter",
    "How often a controller looked at a resource.",
    ("controller",),
)
SYNC_ERRORS = Family(
    "certmanager_controller_sync_error_count",
    "counter",
    "How often that failed, writes that lost a race left out.",
    ("controller",),
)
CLOCK = Family("certmanager_clock_time_seconds", "counter", "The bridge's clock; deprecated for the gauge.")
CLOCK_GAUGE = Family("certmanager_clock_time_seconds_gauge", "gauge", "The bridge's clock, in seconds since 1970.")
FAMILIES = (
    READY_STATUS,
    *MOMENTS,
    CHALLENGE_STATUS,
    ISSUER_STATUS,
    CLUSTER_ISSUER_STATUS,
    ACME_REQUESTS,
    ACME_TIME,
    SYNCS,
    SYNC_ERRORS,
    CLOCK,
    CLOCK_GAUGE,
)


def of_resources(resources: Resources, now: datetime) -> Iterator[Reading]:
    """Tell of what there is."""
    certificates = resources.list(CERTIFICATE)
    yield READY_STATUS, dict(_conditions(certificates, _certificate_with))
    for family, member in MOMENTS.items():
        yield family, {_of_certificate(each): _seconds(each, member) for each in certificates}
    yield CHALLENGE_STATUS, dict(_states(resources.list(CHALLENGE)))
    yield ISSUER_STATUS, dict(_conditions(resources.list(ISSUER), lambda each, word: (*_place(each), word)))
    cluster_issuers = resources.list(CLUSTER_ISSUER)
    yield CLUSTER_ISSUER_STATUS, dict(_conditions(cluster_issuers, lambda each, word: (each["metadata"]["name"], word)))
    yield CLOCK, {(): math.floor(now.timestamp())}
    yield CLOCK_GAUGE, {(): math.floor(now.timestamp())}


def of_operator(operator: Operator, now: datetime) -> Iterator[Reading]:
    """Tell of what the controllers did."""
    controllers = operator.controllers.items()
    yield SYNCS, {(name,): queue.calls.get(kind, 0) for name, (queue, kind) in controllers}
    yield SYNC_ERRORS, {(name,): queue.errors.get(kind, 0) for name, (queue, kind) in controllers}
    calls = operator.traffic.calls
    yield ACME_REQUESTS, {labels: each.count for labels, each in calls.items()}
    yield ACME_TIME, {labels: _summary(each, now) for labels, each in calls.items()}


def _place(resource: Resource) -> Labels:
    return resource["metadata"]["name"], resource["metadata"]["namespace"]


def _of_certificate(certificate: Resource) -> Labels:
    reference = certificate["spec"]["issuerRef"]
    return (*_place(certificate), reference["name"], reference.get("kind", ""), reference.get("group", ""))


def _certificate_with(certificate: Resource, word: str) -> Labels:
    labels = _of_certificate(certificate)
    return (*labels[:2], word, *labels[2:])


def _seconds(certificate: Resource, member: str) -> float:
    text = (certificate.get("status") or {}).get(member)
    return math.floor(parse_rfc3339(text).timestamp()) if text else 0


def _conditions(
    resources: Iterable[Resource], labels: Callable[[Resource, str], Labels]
) -> Iterator[tuple[Labels, Value]]:
    for resource, word in product(resources, CONDITIONS):
        yield labels(resource, word), condition(resource, READY).get("status", "Unknown") == word


def _states(challenges: Iterable[Resource]) -> Iterator[tuple[Labels, Value]]:
    for challenge, state in product(challenges, STATES):
        spec, status = challenge["spec"], challenge.get("status") or {}
        processing = "true" if status.get("processing") else "false"
        labels = (state, spec["dnsName"], status.get("reason", ""), processing, *_place(challenge), spec["type"])
        yield labels, status.get("state", "") == state


def _summary(calls: Calls, now: datetime) -> Summary:
    recent = sorted(seconds for at, seconds in calls.recent if now - at < _WINDOW)
    found = {each: recent[math.ceil(each * len(recent)) - 1] if recent else math.nan for each in QUANTILES}
    return Summary(calls.count, calls.seconds, found)
