"""What `kubectl get` shows of Kubernetes' own kinds (pkg/printers/internalversion/printers.go)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import attrs

from issuer_bridge.ages import age, duration
from issuer_bridge.kube_api.columns import AGE, CUSTOM_AGE, NAME, Cell, Column, at, custom, value_at
from issuer_bridge.kube_api.core_schemas import EVENT_NAMES
from issuer_bridge.resources import (
    CERTIFICATE_SIGNING_REQUEST,
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    CONFIG_MAP,
    CUSTOM_RESOURCE_DEFINITION,
    DEPLOYMENT,
    EVENT,
    EVENT_VIEW,
    HTTP_ROUTE,
    INGRESS,
    LEASE,
    NAMESPACE,
    POD,
    ROLE,
    ROLE_BINDING,
    SECRET,
    SERVICE,
    SERVICE_ACCOUNT,
    VALIDATING_WEBHOOKS,
    Kind,
    Resource,
)

NONE = "<none>"


def _list(resource: Resource, path: str) -> list[Mapping[str, Any]]:
    value = value_at(resource, path)
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _joined(values: Iterable[Any], separator: str = ",", missing: str = NONE) -> str:
    return separator.join(str(value) for value in values if value) or missing


def _number(resource: Resource, path: str, missing: int = 0) -> int:
    value = value_at(resource, path)
    return missing if value is None else int(value)


def _entries(*paths: str) -> Column:
    return Column(
        "Data", lambda resource, _: sum(len(value_at(resource, path) or ()) for path in paths), type="integer"
    )


def last_seen(event: Resource) -> str | None:
    """Return the moment of an event's last occurrence."""
    moments = [value_at(event, ".series.lastObservedTime")]
    moments += [event.get(name) for name in ("lastTimestamp", "firstTimestamp", "eventTime")]
    moments.append(event["metadata"].get("creationTimestamp"))
    return next((str(moment) for moment in moments if moment), None)


def involved(event: Resource) -> str:
    """`certificaterequest/www`."""
    about = event.get("involvedObject") or {}
    return f"{str(about.get('kind', '')).lower()}/{about.get('name', '')}"


def _first_seen(event: Resource, now: datetime) -> str:
    return age(event.get("firstTimestamp") or event.get("eventTime"), now)


def _source(event: Resource, now: datetime) -> str:
    del now
    source = event.get("source") or {}
    names = (source.get("component") or event.get("reportingComponent"), source.get("host"))
    return _joined(names, ", ", "")


def _count(event: Resource, now: datetime) -> int:
    del now
    return int(value_at(event, ".series.count") or event.get("count") or 1)


def _ready(pod: Resource, now: datetime) -> str:
    del now
    ready = sum(1 for status in _list(pod, ".status.containerStatuses") if status.get("ready") is True)
    return f"{ready}/{len(_list(pod, '.spec.containers'))}"


def _pod_status(pod: Resource, now: datetime) -> str:
    """The phase, or why a container does not run (the last one that says it)."""
    del now
    if pod["metadata"].get("deletionTimestamp"):
        return "Terminating"
    status = str(value_at(pod, ".status.reason") or value_at(pod, ".status.phase") or "")
    for container in _list(pod, ".status.containerStatuses"):
        for state in ("waiting", "terminated"):
            status = str(value_at(dict(container), f".state.{state}.reason") or status)
    return status


def _restarts(pod: Resource, now: datetime) -> str:
    del now
    return str(sum(int(status.get("restartCount") or 0) for status in _list(pod, ".status.containerStatuses")))


def _external(service: Resource, now: datetime) -> str:
    del now
    kind = value_at(service, ".spec.type")
    if kind == "ExternalName":
        return str(value_at(service, ".spec.externalName") or NONE)
    given = _joined(item.get("ip") or item.get("hostname") for item in _list(service, ".status.loadBalancer.ingress"))
    if kind == "LoadBalancer":
        return "<pending>" if given == NONE else given
    return _joined(value_at(service, ".spec.externalIPs") or ())


def _service_ports(service: Resource, now: datetime) -> str:
    del now
    ports = _list(service, ".spec.ports")
    nodes = (f":{port['nodePort']}" if port.get("nodePort") else "" for port in ports)
    return _joined(
        f"{port.get('port')}{node}/{port.get('protocol') or 'TCP'}" for port, node in zip(ports, nodes, strict=True)
    )


def _selector(service: Resource, now: datetime) -> str:
    del now
    return _joined(f"{name}={value}" for name, value in sorted((value_at(service, ".spec.selector") or {}).items()))


def _hosts(ingress: Resource, now: datetime) -> str:
    del now
    return _joined((rule.get("host") for rule in _list(ingress, ".spec.rules")), missing="*")


def _address(ingress: Resource, now: datetime) -> str:
    del now
    given = _list(ingress, ".status.loadBalancer.ingress")
    return _joined((item.get("ip") or item.get("hostname") for item in given), missing="")


def _subjects(kind: str) -> Cell:
    return lambda binding, _: _joined(
        (_subject(subject) for subject in _list(binding, ".subjects") if subject.get("kind") == kind), ", ", ""
    )


def _subject(subject: Mapping[str, Any]) -> str:
    name = str(subject.get("name", ""))
    return f"{subject.get('namespace', '')}/{name}" if subject.get("kind") == "ServiceAccount" else name


_ROLE = (NAME, at("Created At", ".metadata.creationTimestamp"))
_BINDING = (
    NAME,
    Column("Role", lambda binding, _: f"{value_at(binding, '.roleRef.kind')}/{value_at(binding, '.roleRef.name')}"),
    AGE,
    Column("Users", _subjects("User"), 1),
    Column("Groups", _subjects("Group"), 1),
    Column("ServiceAccounts", _subjects("ServiceAccount"), 1),
)


def _requested(request: Resource, now: datetime) -> str:
    del now
    seconds = value_at(request, ".spec.expirationSeconds")
    return duration(timedelta(seconds=seconds)) if isinstance(seconds, int) else NONE


def _decision(request: Resource, now: datetime) -> str:
    """Pending, or what was decided, and what came of it."""
    del now
    found = [item.get("type") for item in _list(request, ".status.conditions")]
    decided = [name for name in ("Approved", "Denied") if name in found] or ["Pending"]
    failed, issued = "Failed" in found, bool(value_at(request, ".status.certificate"))
    return ",".join(decided + ["Failed"] * failed + ["Issued"] * issued)


_EVENT = (
    Column("Last Seen", lambda event, now: age(last_seen(event), now)),
    at("Type", ".type"),
    at("Reason", ".reason"),
    Column("Object", lambda event, _: involved(event)),
    at("Subobject", ".involvedObject.fieldPath", 1),
    Column("Source", _source, 1),
    Column("Message", lambda event, _: str(event.get("message") or "").strip()),
    Column("First Seen", _first_seen, 1),
    Column("Count", _count, 1, "integer"),
    attrs.evolve(NAME, priority=1),
)


def _of_core(cell: Cell) -> Cell:
    """Return the cell of an Event that is shown with the other group's names."""
    names = {theirs: core for core, theirs in EVENT_NAMES.items()}
    return lambda event, now: cell({names.get(name, name): value for name, value in event.items()}, now)


CORE_COLUMNS: Mapping[Kind, tuple[Column, ...]] = {
    NAMESPACE: (NAME, at("Status", ".status.phase"), AGE),
    SECRET: (NAME, at("Type", ".type"), _entries(".data"), AGE),
    CONFIG_MAP: (NAME, _entries(".data", ".binaryData"), AGE),
    SERVICE_ACCOUNT: (
        NAME,
        Column("Secrets", lambda resource, _: len(_list(resource, ".secrets")), type="integer"),
        AGE,
    ),
    POD: (
        NAME,
        Column("Ready", _ready),
        Column("Status", _pod_status),
        Column("Restarts", _restarts),
        AGE,
        at("IP", ".status.podIP", 1, NONE),
        at("Node", ".spec.nodeName", 1, NONE),
        at("Nominated Node", ".status.nominatedNodeName", 1, NONE),
        Column("Readiness Gates", lambda *_: NONE, 1),
    ),
    SERVICE: (
        NAME,
        at("Type", ".spec.type", missing="ClusterIP"),
        at("Cluster-IP", ".spec.clusterIP", missing=NONE),
        Column("External-IP", _external),
        Column("Port(s)", _service_ports),
        AGE,
        Column("Selector", _selector, 1),
    ),
    DEPLOYMENT: (
        NAME,
        Column(
            "Ready",
            lambda resource, _: (
                f"{_number(resource, '.status.readyReplicas')}/{_number(resource, '.spec.replicas', 1)}"
            ),
        ),
        Column("Up-to-date", lambda resource, _: _number(resource, ".status.updatedReplicas"), type="integer"),
        Column("Available", lambda resource, _: _number(resource, ".status.availableReplicas"), type="integer"),
        AGE,
    ),
    EVENT: _EVENT,
    EVENT_VIEW: tuple(attrs.evolve(column, cell=_of_core(column.cell)) for column in _EVENT),
    INGRESS: (
        NAME,
        at("Class", ".spec.ingressClassName", missing=NONE),
        Column("Hosts", _hosts),
        Column("Address", _address),
        Column("Ports", lambda ingress, _: "80, 443" if _list(ingress, ".spec.tls") else "80"),
        AGE,
    ),
    HTTP_ROUTE: (NAME, custom("Hostnames", ".spec.hostnames"), CUSTOM_AGE),
    ROLE: _ROLE,
    CLUSTER_ROLE: _ROLE,
    ROLE_BINDING: _BINDING,
    CLUSTER_ROLE_BINDING: _BINDING,
    CUSTOM_RESOURCE_DEFINITION: (NAME, at("Created At", ".metadata.creationTimestamp")),
    CERTIFICATE_SIGNING_REQUEST: (
        NAME,
        AGE,
        at("SignerName", ".spec.signerName", missing=NONE),
        at("Requestor", ".spec.username"),
        Column("RequestedDuration", _requested),
        Column("Condition", _decision),
    ),
    VALIDATING_WEBHOOKS: (
        NAME,
        Column("Webhooks", lambda resource, _: len(_list(resource, ".webhooks")), type="integer"),
        AGE,
    ),
    LEASE: (NAME, at("Holder", ".spec.holderIdentity"), AGE),
}
