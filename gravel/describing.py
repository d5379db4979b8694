"""What `gravel describe` says of a resource: sections of text and tables, as pure functions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import attrs

from gravel.certificate_text import certificate_summary, request_summary
from gravel.request_progress import challenge_progress, verdict_of
from gravel.tables import newest_last
from issuer_bridge.ages import age
from issuer_bridge.kube_api.core_tables import involved, last_seen
from issuer_bridge.resources import CERTIFICATE, CERTIFICATE_REQUEST, Kind, Resource

NONE = "<none>"
_LABEL = 14
_LONG = 100
# Shown by kubectl's own describe as sections of their own, or of no use to a reader.
_HIDDEN_ANNOTATIONS = ("kubectl.kubernetes.io/last-applied-configuration",)


@attrs.frozen
class Related:
    """What belongs to a resource: events about it and its children, its requests, orders and their challenges."""

    events: Sequence[Resource] = ()
    orders: Sequence[Resource] = ()
    challenges: Sequence[Resource] = ()
    requests: Sequence[Resource] = ()


@attrs.frozen
class Rows:
    """A table under a title."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def facts(kind: Kind, resource: Resource, now: datetime) -> list[str]:
    """Return the lines above the tables: metadata, spec and status."""
    metadata = resource["metadata"]
    lines = [_line("Name", metadata["name"])]
    if kind.namespaced:
        lines.append(_line("Namespace", metadata["namespace"]))
    annotations = metadata.get("annotations") or {}
    shown = {key: value for key, value in annotations.items() if key not in _HIDDEN_ANNOTATIONS}
    lines += _map("Labels", metadata.get("labels") or {})
    lines += _map("Annotations", shown)
    lines.append(_line("API Version", kind.api_version))
    lines.append(_line("Kind", kind.kind))
    created = metadata.get("creationTimestamp")
    lines.append(_line("Created", f"{created} ({age(created, now)} ago)"))
    lines += [_line("Owner", f"{owner['kind']}/{owner['name']}") for owner in metadata.get("ownerReferences") or ()]
    for section in ("spec", "status", "data", "involvedObject"):
        content = _content(section, resource.get(section) or {})
        if content:
            lines += [f"{_words(section)}:", *_nested(content, 1)]
    lines += [_line(_words(key), str(value)) for key, value in resource.items() if _is_plain(key, value)]
    return lines


def _is_plain(key: str, value: Any) -> bool:
    return key not in ("apiVersion", "kind") and isinstance(value, str | int | float)


def _content(section: str, content: Mapping[str, Any]) -> dict[str, Any]:
    """Return a section without what has a table of its own; certificates and requests are read, not printed."""
    if section == "data":
        return {key: f"{len(str(value)) * 3 // 4} bytes" for key, value in content.items()}
    shown = {key: value for key, value in content.items() if key not in ("conditions", "authorizations")}
    if isinstance(shown.get("request"), str):
        shown["request"] = request_summary(shown["request"])
    if isinstance(shown.get("certificate"), str):
        shown["certificate"] = certificate_summary(shown["certificate"])
    return shown


def _line(label: str, text: str) -> str:
    return f"{label + ':':<{_LABEL}}{text}"


def _map(label: str, values: Mapping[str, str]) -> list[str]:
    lines = [f"{key}={_shortened(value)}" for key, value in sorted(values.items())] or [NONE]
    return [_line(label, lines[0]), *(" " * _LABEL + line for line in lines[1:])]


def _words(name: str) -> str:
    """`issuerRef` -> `Issuer Ref`."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return spaced[:1].upper() + spaced[1:]


def _shortened(text: str) -> str:
    first = text.strip().split("\n", 1)[0]
    return first if first == text.strip() and len(first) <= _LONG else f"{first[: _LONG - 3]}..."


def _nested(value: Any, depth: int) -> Iterator[str]:
    """Indent a value's parts; a list's items begin with a dash."""
    indent = "  " * depth
    if isinstance(value, Mapping):
        for key, item in value.items():
            if isinstance(item, Mapping | list) and item:
                yield f"{indent}{_words(key)}:"
                yield from _nested(item, depth + 1)
            else:
                yield f"{indent}{_words(key)}: {_scalar(item)}"
        return
    for item in value:
        if isinstance(item, Mapping | list) and item:
            first, *rest = _nested(item, depth + 1)
            yield f"{indent}- {first.strip()}"
            yield from rest
        else:
            yield f"{indent}- {_scalar(item)}"


def _scalar(value: Any) -> str:
    if value is None or value in ({}, []):
        return NONE
    return str(value).lower() if isinstance(value, bool) else _shortened(str(value))


def tables(kind: Kind, resource: Resource, related: Related, now: datetime) -> list[Rows]:
    """Return the tables: conditions, requests, orders and challenges of a Certificate or a request, events."""
    found = [_conditions(resource, now)]
    if kind in (CERTIFICATE, CERTIFICATE_REQUEST):
        found.append(_requests(related.requests, now))
        found += [_orders(related.orders, now), _challenges(related.challenges, now)]
    return [*(table for table in found if table.rows), _events(related.events, now)]


def _conditions(resource: Resource, now: datetime) -> Rows:
    conditions = (resource.get("status") or {}).get("conditions") or ()
    return Rows(
        "Conditions",
        ("TYPE", "STATUS", "SINCE", "REASON", "MESSAGE"),
        tuple(
            (
                str(item.get("type", "")),
                str(item.get("status", "")),
                age(item.get("lastTransitionTime"), now),
                str(item.get("reason", "")),
                str(item.get("message", "")),
            )
            for item in conditions
        ),
    )


def _requests(requests: Iterable[Resource], now: datetime) -> Rows:
    rows = []
    for request in requests:
        metadata = request["metadata"]
        revision = (metadata.get("annotations") or {}).get("cert-manager.io/certificate-revision", "")
        rows.append((metadata["name"], revision, str(verdict_of(request)), age(metadata.get("creationTimestamp"), now)))
    return Rows("Requests", ("NAME", "REVISION", "STATE", "AGE"), tuple(rows))


def _orders(orders: Iterable[Resource], now: datetime) -> Rows:
    rows = []
    for order in orders:
        metadata, status = order["metadata"], order.get("status") or {}
        created = metadata.get("creationTimestamp")
        state, reason = status.get("state") or "new", str(status.get("reason", ""))
        rows.append((metadata["name"], state, age(created, now), str(created), reason))
    return Rows("Orders", ("NAME", "STATE", "AGE", "CREATED", "REASON"), tuple(rows))


def _challenges(challenges: Iterable[Resource], now: datetime) -> Rows:
    rows = []
    for challenge in challenges:
        metadata, status, shown = challenge["metadata"], challenge.get("status") or {}, challenge_progress(challenge)
        created, presented = metadata.get("creationTimestamp"), status.get("presentedAt")
        rows.append(
            (
                shown.dns_name,
                shown.type,
                shown.stage,
                age(created, now),
                f"{age(presented, now)} ago" if presented else NONE,
                metadata["name"],
                shown.reason,
            )
        )
    return Rows("Challenges", ("DOMAIN", "TYPE", "STAGE", "AGE", "PRESENTED", "NAME", "REASON"), tuple(rows))


def _events(events: Iterable[Resource], now: datetime) -> Rows:
    rows = []
    for event in newest_last(events):
        times = f" (x{event['count']})" if (event.get("count") or 1) > 1 else ""
        component = (event.get("source") or {}).get("component") or event.get("reportingComponent") or ""
        seen = age(last_seen(event), now) + times
        texts = (str(event.get(name, "")) for name in ("type", "reason"))
        rows.append((seen, *texts, involved(event), component, str(event.get("message", ""))))
    return Rows("Events", ("LAST SEEN", "TYPE", "REASON", "OBJECT", "FROM", "MESSAGE"), tuple(rows))


def concerns(
    event: Resource,
    kind: Kind,
    resource: Resource,
    orders: Sequence[Resource],
    requests: Sequence[Resource] = (),
) -> bool:
    """Whether an event is about the resource, its requests, its orders, or a challenge (perhaps gone by now) of one."""
    about = event.get("involvedObject") or {}
    name = str(about.get("name", ""))
    if about.get("kind") == kind.kind and name == resource["metadata"]["name"]:
        uid = resource["metadata"]["uid"]
        return bool(about.get("uid", uid) == uid)
    if about.get("kind") == CERTIFICATE_REQUEST.kind:
        return name in [request["metadata"]["name"] for request in requests]
    names = [order["metadata"]["name"] for order in orders]
    if about.get("kind") == "Order":
        return name in names
    return about.get("kind") == "Challenge" and any(name.startswith(f"{order}-") for order in names)
