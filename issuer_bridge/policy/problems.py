"""What is wrong with a policy as such: refused when it is written, and else the reason why it is not ready."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from issuer_bridge.durations import format_duration, parse_duration
from issuer_bridge.kube_api.statuses import Cause, invalid_value, not_supported, quoted, required
from issuer_bridge.policy.allowing import NAMED, SUBJECT
from issuer_bridge.policy.plugins import Plugin
from issuer_bridge.policy.rules import RuleError, compiled
from issuer_bridge.resources import Resource

_OID = re.compile(r"[0-2]\.(0|[1-9]\d*)(\.(0|[1-9]\d*))*", re.ASCII)
_SECOND_ARC = 39  # below 0 and 1, X.660
_LABEL_KEY = re.compile(r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?", re.ASCII)
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?)?", re.ASCII)
ALGORITHMS = ("RSA", "ECDSA", "Ed25519")
MAX_SIZE = 8192
_SELECT = "one of issuerRef or namespace must be defined, hint: `{}` on either matches everything"
_TWICE = "this OID has a field of its own below allowed.commonName or allowed.subject; say it there"


def problems(policy: Resource) -> Iterator[Cause]:
    """Yield what no policy may say (approver-policy's webhook)."""
    spec = policy["spec"]
    selector = spec.get("selector") or {}
    if selector.get("issuerRef") is None and selector.get("namespace") is None:
        yield required("spec.selector", _SELECT)
    for key, value in ((selector.get("namespace") or {}).get("matchLabels") or {}).items():
        if not (_LABEL_KEY.fullmatch(key) and _LABEL_VALUE.fullmatch(value)):
            yield invalid_value("spec.selector.namespace.matchLabels", quoted(f"{key}={value}"), "is no label")
    yield from _allowed(spec.get("allowed") or {})
    yield from _constraints(spec.get("constraints") or {})


def unready(policy: Resource, plugins: Mapping[str, Plugin]) -> Iterator[Cause]:
    """Yield why a policy cannot be evaluated."""
    yield from problems(policy)
    for name, given in sorted((policy["spec"].get("plugins") or {}).items()):
        if name in plugins:
            yield from plugins[name].ready(given.get("values") or {})
        else:
            yield not_supported("spec.plugins", quoted(name), tuple(plugins))


def _allowed(allowed: Mapping[str, Any]) -> Iterator[Cause]:
    path, subject = "spec.allowed", allowed.get("subject") or {}
    for name in ("dnsNames", "ipAddresses", "uris", "emailAddresses"):
        yield from _field(allowed.get(name), f"{path}.{name}", "values")
    for name in SUBJECT.values():
        yield from _field(subject.get(name), f"{path}.subject.{name}", "values")
    yield from _field(allowed.get("commonName"), f"{path}.commonName", "value")
    yield from _field(subject.get("serialNumber"), f"{path}.subject.serialNumber", "value")
    yield from _by_oid(allowed.get("otherNames") or (), f"{path}.otherNames")
    yield from _by_oid(subject.get("otherAttributes") or (), f"{path}.subject.otherAttributes", NAMED)


def _by_oid(entries: Sequence[Mapping[str, Any]], path: str, named: Sequence[str] = ()) -> Iterator[Cause]:
    for index, entry in enumerate(entries):
        where, oid = f"{path}[{index}]", entry["oid"]
        if not _is_oid(oid):
            text = "must be a canonical dotted object identifier, such as 1.3.6.1.4.1.311.20.2.3"
            yield invalid_value(f"{where}.oid", quoted(oid), text)
        elif oid in named:
            yield invalid_value(f"{where}.oid", quoted(oid), _TWICE)
        yield from _field(entry, where, "values")


def _is_oid(text: str) -> bool:
    if not _OID.fullmatch(text):
        return False
    first, second, *_ = [*map(int, text.split(".")), 0]
    return text.count(".") > 0 and (first > 1 or second <= _SECOND_ARC)


def _field(said: Mapping[str, Any] | None, path: str, name: str) -> Iterator[Cause]:
    if said is None:
        return
    rules = said.get("validations") or ()
    if said.get("required") and said.get(name) is None and not rules:
        text = f"at least one of '{name}' or 'validations' must be defined if field is 'required'"
        yield required(f"{path}.{name}", text)
    for index, rule in enumerate(rules):
        try:
            compiled(rule["rule"])
        except RuleError as error:
            yield invalid_value(f"{path}.validations[{index}]", quoted(rule["rule"]), str(error))


def _constraints(constraints: Mapping[str, Any]) -> Iterator[Cause]:
    yield from _key(constraints.get("privateKey") or {}, "spec.constraints.privateKey")
    bounds: dict[str, timedelta] = {}
    for name in ("maxDuration", "minDuration"):
        path, text = f"spec.constraints.{name}", constraints.get(name)
        if text is None:
            continue
        try:
            bounds[name] = parse_duration(text)
        except (ValueError, OverflowError):
            yield invalid_value(path, quoted(text), "must be a duration such as 2160h or 1h30m")
            continue
        if bounds[name] < timedelta(0):
            shown = quoted(format_duration(bounds[name]))
            yield invalid_value(path, shown, f"{name} must be a value greater or equal to 0")
    if len(bounds) > 1 and bounds["maxDuration"] < bounds["minDuration"]:
        shown = quoted(format_duration(bounds["maxDuration"]))
        text = "maxDuration must be the same value as minDuration or larger"
        yield invalid_value("spec.constraints.maxDuration", shown, text)


def _key(key: Mapping[str, Any], path: str) -> Iterator[Cause]:
    algorithm = key.get("algorithm")
    if algorithm is not None and algorithm not in ALGORITHMS:
        yield not_supported(f"{path}.algorithm", quoted(algorithm), ALGORITHMS)
    sizes = {name: key[name] for name in ("maxSize", "minSize") if key.get(name) is not None}
    for name, size in sizes.items():
        if algorithm == "Ed25519":
            text = f"{name} cannot be defined with algorithm constraint {algorithm}"
            yield invalid_value(f"{path}.{name}", str(size), text)
        if not 0 <= size <= MAX_SIZE:
            yield invalid_value(f"{path}.{name}", str(size), f"must be between 0 and {MAX_SIZE} inclusive")
    if len(sizes) > 1 and sizes["maxSize"] < sizes["minSize"]:
        text = "maxSize must be the same value as minSize or larger"
        yield invalid_value(f"{path}.maxSize", str(sizes["maxSize"]), text)
