"""Why things are stuck in a cluster: every object's place in cert-manager's state machine, then what all of them share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from issuer_bridge.diagnosis.certificates import CERTIFICATE_ALSO, CERTIFICATE_RULES, secrets_shared
from issuer_bridge.diagnosis.challenges import CHALLENGE_RULES, last_start
from issuer_bridge.diagnosis.cluster import Cluster, subject_of
from issuer_bridge.diagnosis.finding import Finding
from issuer_bridge.diagnosis.orders import ORDER_RULES
from issuer_bridge.diagnosis.queue import queue_of
from issuer_bridge.diagnosis.requests import REQUEST_RULES
from issuer_bridge.diagnosis.rules import Rule, View, all_of, position
from issuer_bridge.diagnosis.surroundings import (
    ISSUER_RULES,
    NAMESPACE_RULES,
    POLICY_RULES,
    SCHEDULER,
    WEBHOOK_RULES,
    aliases,
    missing_kinds,
    slots,
    warnings,
)
from issuer_bridge.resources import (
    CERTIFICATE,
    CERTIFICATE_REQUEST,
    CERTIFICATE_REQUEST_POLICY,
    CHALLENGE,
    CLUSTER_ISSUER,
    ISSUER,
    NAMESPACE,
    ORDER,
    VALIDATING_WEBHOOKS,
    Kind,
    Resource,
)

# Of each kind the first rule that applies.
POSITIONS: Mapping[Kind, tuple[Rule, ...]] = {
    ISSUER: ISSUER_RULES,
    CLUSTER_ISSUER: ISSUER_RULES,
    CERTIFICATE_REQUEST_POLICY: POLICY_RULES,
    VALIDATING_WEBHOOKS: WEBHOOK_RULES,
    NAMESPACE: NAMESPACE_RULES,
    CERTIFICATE: CERTIFICATE_RULES,
    CERTIFICATE_REQUEST: REQUEST_RULES,
    ORDER: ORDER_RULES,
    CHALLENGE: CHALLENGE_RULES,
}
# And each of these that applies.
ALSO: Mapping[Kind, tuple[Rule, ...]] = {CERTIFICATE: CERTIFICATE_ALSO}


def diagnose(cluster: Cluster, now: datetime) -> tuple[Finding, ...]:
    """Return what is awaited and by whom; findings that block, which will not pass by themselves, come first.

    Of a chain (Certificate, request, Order, Challenges) the last one tells, where one waits for the next.
    """
    view = view_of(cluster, now)
    found = [finding for kind in POSITIONS for finding in _of_kind(view, kind)]
    stuck = {finding.subject: finding for finding in found if finding.blocks}
    found += [*slots(view, stuck), *aliases(view, stuck), *missing_kinds(view)]
    found += warnings(view, found)
    return tuple(sorted(found, key=lambda finding: not finding.blocks))


def about(cluster: Cluster, subject: str, now: datetime) -> tuple[Finding, ...]:
    """Return the findings of one subject, of all that it owns, and of all that these wait for.

    subject: `certificate/NAMESPACE/NAME`; ValueError when nothing of that name was read.
    """
    by_subject = {subject_of(item): item for kind in POSITIONS for item in cluster.list(kind)}
    if subject not in by_subject:
        raise ValueError(f"there is no {subject}")
    view = view_of(cluster, now)
    wanted: dict[str, None] = {}
    for item in _chain(cluster, by_subject[subject]):
        wanted[subject_of(item)] = None
        issuer, key = cluster.issuer(item), subject_of(item).removeprefix("challenge/")
        wanted |= {subject_of(issuer): None} if issuer else {}
        wanted |= {f"challenge/{view.queue.behind[key].key}": None} if key in view.queue.behind else {}
        if key in view.queue.places:
            wanted[SCHEDULER] = None
        namespace = item["metadata"].get("namespace")
        wanted[f"namespace/{namespace}"] = None
    return tuple(finding for finding in diagnose(cluster, now) if finding.subject in wanted)


def view_of(cluster: Cluster, now: datetime) -> View:
    """Return what rules look at."""
    return View(
        cluster,
        now,
        queue_of(cluster.list(CHALLENGE), cluster.maximum),
        last_start(cluster),
        secrets_shared(cluster.list(CERTIFICATE)),
    )


def _of_kind(view: View, kind: Kind) -> Iterator[Finding]:
    for item in view.cluster.list(kind):
        yield from position(POSITIONS[kind], view, item)
        yield from all_of(ALSO.get(kind, ()), view, item)


def _chain(cluster: Cluster, resource: Resource) -> Iterator[Resource]:
    yield resource
    for kind in (CERTIFICATE_REQUEST, ORDER, CHALLENGE):
        for child in cluster.owned(resource, kind):
            yield from _chain(cluster, child)
