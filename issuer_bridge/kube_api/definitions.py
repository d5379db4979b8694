"""CustomResourceDefinitions: the kinds that one defines, and whether it may have its names.

Sources: apiextensions-apiserver, pkg/controller/status/naming_controller.go and pkg/controller/finalizer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import attrs

from issuer_bridge.conditions import is_true, set_condition
from issuer_bridge.kube_api.columns import CUSTOM_AGE, NAME, Column, printed
from issuer_bridge.kube_api.deletion import is_deleting
from issuer_bridge.kube_api.shapes import ANYTHING, METADATA, OPEN, STRING, Schema
from issuer_bridge.kube_api.statuses import quoted
from issuer_bridge.resources import KINDS, Kind, Resource

ESTABLISHED, NAMES_ACCEPTED = "Established", "NamesAccepted"
_EMBEDDED: Mapping[str, Schema] = {"apiVersion": STRING, "kind": STRING, "metadata": OPEN}
_VERSION = re.compile(r"v(\d+)(?:(alpha|beta)(\d+))?")
_STABILITY = ("alpha", "beta", None)
# In the order in which conflicts are looked for; the last one found is told.
_NAMES = ("plural", "singular", "shortNames", "kind", "listKind")


@attrs.frozen
class Definition:
    """What a CRD says of one version of a kind; stored_as: the apiVersion that all objects are kept in."""

    schema: Schema
    columns: tuple[Column, ...]
    categories: tuple[str, ...]
    selectable: tuple[str, ...]
    singular: str
    list_kind: str
    stored_as: str


def kinds_of(crd: Resource) -> Iterator[Kind]:
    """Yield the kind in each version that is served, the preferred one first."""
    spec = crd["spec"]
    names, group = spec["names"], spec["group"]
    for version in sorted(spec["versions"], key=lambda item: _priority(item["name"]), reverse=True):
        if version["served"]:
            yield Kind(
                group,
                version["name"],
                names["kind"],
                names["plural"],
                spec["scope"] == "Namespaced",
                tuple(names.get("shortNames") or ()),
                status="status" in (version.get("subresources") or {}),
                custom=True,
                definition=_definition(names, version, f"{group}/{storage_version(crd)}"),
            )


def storage_version(crd: Resource) -> str:
    """Return the name of the version that objects are kept in."""
    name: str = next(version["name"] for version in crd["spec"]["versions"] if version["storage"])
    return name


def _priority(version: str) -> tuple[int, int, int, str]:
    """Order as kubectl does: v10, v2, v1, v2beta1, v1alpha2, and then names that are none of these."""
    found = _VERSION.fullmatch(version)
    if found is None:
        return -1, 0, 0, version
    major, stability, minor = found.groups()
    return _STABILITY.index(stability), int(major), int(minor or 0), ""


def _definition(names: Mapping[str, Any], version: Mapping[str, Any], stored_as: str) -> Definition:
    columns = [printed(column) for column in version.get("additionalPrinterColumns") or ()]
    selectable = version.get("selectableFields") or ()
    return Definition(
        whole(version["schema"]["openAPIV3Schema"]),
        (NAME, *columns) if columns else (NAME, CUSTOM_AGE),
        tuple(names.get("categories") or ()),
        tuple(field["jsonPath"].removeprefix(".") for field in selectable),
        names["singular"],
        names["listKind"],
        stored_as,
    )


def whole(schema: Schema) -> Schema:
    """Return the schema with what every object has, in the words that our own schemas use."""
    shape = _spelled(schema)
    properties = {**shape.get("properties", {}), "apiVersion": STRING, "kind": STRING, "metadata": METADATA}
    return {**shape, "properties": properties}


def _spelled(schema: Schema) -> Schema:
    """Return a schema without what says nothing: `additionalProperties: true`, and flags that are off."""
    result = {name: value for name, value in schema.items() if value is not False}
    for name in ("properties", "patternProperties"):
        if name in result:
            result[name] = {key: _spelled(item) for key, item in result[name].items()}
    for name in ("items", "additionalProperties"):
        if name in result:
            result[name] = ANYTHING if result[name] is True else _spelled(result[name])
    if result.get("x-kubernetes-list-type") in ("set", "map"):
        result["uniqueItems"] = True
    if "x-kubernetes-embedded-resource" in result:
        result["properties"] = {**_EMBEDDED, **result.get("properties", {})}
    return result


def named(crd: Resource, others: Iterable[Resource], now: datetime) -> Resource:
    """Return the CRD as its controllers leave it: with the names that it has got, and its conditions.

    others: all CRDs; those of its group may have the names already, and so may a kind that is always served.
    """
    status, spec = dict(crd.get("status") or {}), crd["spec"]
    conditions: Sequence[Mapping[str, Any]] = status.get("conditions") or ()
    if is_deleting(crd):
        text = "CustomResource deletion is in progress"
        status["conditions"] = set_condition(conditions, "Terminating", "True", "InstanceDeletionInProgress", text, now)
        return {**crd, "status": status}
    accepted, refused = _accepted(spec, status.get("acceptedNames") or {}, _taken(crd, others))
    conditions = set_condition(
        conditions, NAMES_ACCEPTED, *(refused or ("True", "NoConflicts", "no conflicts found")), now
    )
    if not refused:
        text = "the initial names have been accepted"
        conditions = set_condition(conditions, ESTABLISHED, "True", "InitialNamesAccepted", text, now)
    elif not is_true(crd, ESTABLISHED):
        conditions = set_condition(conditions, ESTABLISHED, "False", "NotAccepted", "not all names are accepted", now)
    stored = status.get("storedVersions") or []
    if storage_version(crd) not in stored:
        stored = [*stored, storage_version(crd)]
    told = {"conditions": conditions, "acceptedNames": accepted, "storedVersions": stored}
    return {**crd, "status": status | told}


def _accepted(
    spec: Mapping[str, Any], had: Mapping[str, Any], taken: frozenset[str]
) -> tuple[dict[str, Any], tuple[str, str, str] | None]:
    """Return the names that are free, the old ones for the rest, and what NamesAccepted says of a conflict."""
    accepted, refused = dict(had), None
    for name, wanted in spec["names"].items():
        clash = next((word for word in _words(wanted) if word in taken), None)
        if name not in _NAMES or clash is None:
            accepted[name] = wanted
    for name in _NAMES:
        clash = next((word for word in _words(spec["names"].get(name)) if word in taken), None)
        if clash is not None:
            refused = "False", f"{name[0].upper()}{name[1:]}Conflict", f"{quoted(clash)} is already in use"
    return accepted, refused


def _taken(crd: Resource, others: Iterable[Resource]) -> frozenset[str]:
    """Return the names that the rest of the group has; kinds and resources cannot be taken for one another."""
    group, uid, plural = crd["spec"]["group"], crd["metadata"]["uid"], crd["spec"]["names"]["plural"]
    found = [
        word
        for other in others
        if other["spec"]["group"] == group and other["metadata"]["uid"] != uid
        for name, names in ((other.get("status") or {}).get("acceptedNames") or {}).items()
        if name in _NAMES
        for word in _words(names)
    ]
    for kind in KINDS:
        if kind.group == group and kind.plural != plural:
            found += [kind.plural, kind.kind.lower(), *kind.short_names, kind.kind, kind.list_kind]
    return frozenset(found)


def _words(names: Any) -> Sequence[str]:
    return [names] if isinstance(names, str) else names or ()
