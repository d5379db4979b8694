"""The form of a rule about where an object stands: what is awaited, from whom, for how long that is normal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from shlex import quote
from typing import Any, TypeAlias

import attrs

from issuer_bridge.diagnosis.cluster import Cluster, changed, created, subject_of
from issuer_bridge.diagnosis.finding import Finding
from issuer_bridge.diagnosis.queue import Queue
from issuer_bridge.diagnosis.readings import Reading
from issuer_bridge.resources import CERTIFICATE, CERTIFICATE_REQUEST, ORDER, Resource

AT_ONCE, SOON, SLOWLY = timedelta(0), timedelta(minutes=2), timedelta(minutes=10)
"""How long a step may take before it counts as stuck: never normal; a controller's step; a step that needs others."""
WORKERS = 5
"""cert-manager's `--concurrent-workers`: as many Challenges are worked on at once, the others wait their turn."""


@attrs.frozen
class View:
    """What rules look at: all that was read, the time, the queue.

    started: when the scheduler is known to have started a Challenge last; sharing: the Certificates of each Secret, the
    oldest first.
    """

    cluster: Cluster
    now: datetime
    queue: Queue
    started: datetime | None
    sharing: Mapping[tuple[str, str], Sequence[Resource]]


@attrs.frozen
class Found:
    """That a rule applies: cause in one sentence, since when (None: since it was written last), the words it was read from.

    reading: what the words mean; it overrides code, who, attempt and pain. patience: instead of the rule's.
    """

    cause: str
    since: datetime | None = None
    evidence: tuple[str, ...] = ()
    reading: Reading | None = None
    patience: timedelta | None = None


Find: TypeAlias = Callable[[View, Resource], Found | None]


@attrs.frozen
class Rule:
    """Where an object can stand; the first rule of its kind's table that finds something says where it does.

    patience: from when on it will not pass by itself, None for never; attempt: a command with places that `named`
    fills; then: what comes after it, whatever the reading. Without `awaited`, all is well or another object tells.
    """

    code: str
    find: Find
    awaited: str = ""
    who: str = ""
    attempt: str = ""
    patience: timedelta | None = SOON
    then: str = ""
    pain: int | None = None


def quiet(code: str, holds: Callable[[View, Resource], object]) -> Rule:
    """Return a rule for where nothing has to be told."""
    return Rule(code, lambda view, resource: Found("") if holds(view, resource) else None)


def position(rules: Sequence[Rule], view: View, resource: Resource) -> Iterator[Finding]:
    """Return the finding of the first rule that applies, if it has something to tell."""
    for rule in rules:
        found = rule.find(view, resource)
        if found is not None:
            if rule.awaited:
                yield told(rule, found, view, resource)
            return


def all_of(rules: Iterable[Rule], view: View, resource: Resource) -> Iterator[Finding]:
    """Return the finding of every rule that applies."""
    for rule in rules:
        found = rule.find(view, resource)
        if found is not None:
            yield told(rule, found, view, resource)


def told(rule: Rule, found: Found, view: View, resource: Resource) -> Finding:
    """Make a finding of what a rule found."""
    reading, since = found.reading, found.since or changed(resource) or created(resource)
    patience = rule.patience if found.patience is None else found.patience
    mend = (reading.attempt if reading else "") or rule.attempt
    attempt = f"{mend}; {rule.then}" if mend and rule.then else mend or rule.then.removeprefix("then: ")
    return Finding(
        code=reading.code if reading else rule.code,
        subject=subject_of(resource),
        cause=found.cause,
        awaited=rule.awaited,
        who=reading.who if reading else rule.who,
        attempt=attempt.format_map(named(view.cluster, resource)),
        blocks=patience is not None and (since is None or view.now - since >= patience),
        since=since,
        pain=(reading.pain if reading else None) or rule.pain,
        evidence=found.evidence,
    )


def named(cluster: Cluster, resource: Resource) -> dict[str, str]:
    """Return what stands in commands, quoted for a shell: whoever wrote a dump chose these names.

    name, namespace, kind: the object's; order: its Order; again: what makes an attempt after one that failed for good;
    check: looks at its name as cert-manager and the CA do.
    """
    metadata, spec = resource["metadata"], resource.get("spec") or {}
    name, namespace, kind = str(metadata["name"]), str(metadata.get("namespace", "")), resource["kind"].lower()
    order = cluster.owner(resource, ORDER) or resource
    request = cluster.owner(order, CERTIFICATE_REQUEST) or order
    certificate = cluster.owner(request, CERTIFICATE)
    renew = f"cmctl renew -n {quote(namespace)} " + quote(str(certificate["metadata"]["name"])) if certificate else ""
    return {
        "name": quote(name),
        "namespace": quote(namespace),
        "kind": kind,
        "order": quote(str(order["metadata"]["name"])),
        "again": renew or "create the CertificateRequest anew",
        "check": f"gravel check {_checked(spec)}",
    }


def _checked(spec: Mapping[str, Any]) -> str:
    """Return the arguments of `gravel check` for a Challenge, or for the first name of an Order."""
    if "dnsName" not in spec:
        return quote(str(next(iter(spec.get("dnsNames") or ()), "NAME")))
    type_, key = str(spec.get("type", "")).lower(), quote(str(spec.get("key", "")))
    expected = f"--value={key}" if type_ == "dns-01" else f"--key-authorization={key}"
    return f"{quote(('*.' if spec.get('wildcard') else '') + str(spec['dnsName']))} --type {quote(type_)} {expected}"
