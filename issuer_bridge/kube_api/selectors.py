"""Label and field selectors: which objects of a list or watch are wanted."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from issuer_bridge.kube_api.statuses import bad_request
from issuer_bridge.resources import EVENT, Kind, Resource

Selector: TypeAlias = Callable[[Resource], bool]

_EQUALITY = re.compile(r"\s*([^\s=!,()]+)\s*(==|=|!=)\s*([^\s=!,()]*)\s*")
_MEMBERSHIP = re.compile(r"\s*([^\s=!,()]+)\s+(in|notin)\s*\(([^()]*)\)\s*")
_EXISTENCE = re.compile(r"\s*(!?)\s*([^\s=!,()]+)\s*")
_OUTER_COMMA = re.compile(r",(?![^(]*\))")
_INVOLVED = ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
_FIELDS = ("metadata.name", "metadata.namespace")
# Further fields by kind: pkg/apis/core/v1/conversion.go, and the selectable fields of cert-manager's CRDs.
_MORE_FIELDS: Mapping[str, tuple[str, ...]] = {
    EVENT.kind: (*(f"involvedObject.{name}" for name in _INVOLVED), "reason", "type"),
    "": ("spec.issuerRef.name", "spec.issuerRef.kind", "spec.issuerRef.group"),
}
_ISSUED = ("CertificateRequest", "Order", "Challenge")


def selector(kind: Kind, labels: str, fields: str) -> Selector:
    """Return the predicate of both selectors; raise 400 when one cannot be read."""
    tests = [*_label_tests(labels), *_field_tests(kind, fields)]
    return lambda resource: all(test(resource) for test in tests)


def _label_tests(text: str) -> list[Selector]:
    return [_label_test(term, text) for term in _OUTER_COMMA.split(text) if term.strip()]


def _label_test(term: str, text: str) -> Selector:
    if found := _EQUALITY.fullmatch(term):
        name, operator, value = found.groups()
        return lambda resource: (_labels(resource).get(name) == value) == (operator != "!=")
    if found := _MEMBERSHIP.fullmatch(term):
        name, operator, listed = found.groups()
        values = [value.strip() for value in listed.split(",")]
        return lambda resource: (_labels(resource).get(name) in values) == (operator == "in")
    if found := _EXISTENCE.fullmatch(term):
        absent, name = found.groups()
        return lambda resource: (name in _labels(resource)) != bool(absent)
    raise bad_request(f'unable to parse requirement in "{text}": write a=b, a!=b, a in (b,c), a notin (b,c), a or !a')


def _labels(resource: Resource) -> Mapping[str, str]:
    return resource["metadata"].get("labels") or {}


def matches_labels(chosen: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a LabelSelector chooses what has these labels; an empty one chooses everything."""
    wanted = chosen.get("matchLabels") or {}
    return wanted.items() <= labels.items() and all(
        _EXPRESSIONS[item["operator"]](labels.get(item["key"]), item.get("values") or ())
        for item in chosen.get("matchExpressions") or ()
    )


_EXPRESSIONS: Mapping[str, Callable[[str | None, Sequence[str]], bool]] = {
    "In": lambda value, values: value in values,
    "NotIn": lambda value, values: value not in values,
    "Exists": lambda value, _: value is not None,
    "DoesNotExist": lambda value, _: value is None,
}


def _field_tests(kind: Kind, text: str) -> list[Selector]:
    more = _MORE_FIELDS.get(kind.kind, _MORE_FIELDS[""] if kind.kind in _ISSUED else ())
    known = (*_FIELDS, *(kind.definition.selectable if kind.definition else more))
    return [_field_test(known, term, text) for term in text.split(",") if term.strip()]


def _field_test(known: tuple[str, ...], term: str, text: str) -> Selector:
    found = _EQUALITY.fullmatch(term)
    if not found:
        raise bad_request(f"invalid selector: '{text}'; can't understand '{term}'")
    name, operator, value = found.groups()
    if name not in known:
        raise bad_request(f"field label not supported: {name}")
    return lambda resource: (_field(resource, name) == value) == (operator != "!=")


def _field(resource: Resource, path: str) -> str:
    value = resource
    for name in path.split("."):
        value = (value or {}).get(name) or {}
    return value if isinstance(value, str) else ""
