"""`spec.allowed` of a policy: everything that a request has must be allowed (approver-policy `approver/allowed`)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from issuer_bridge.kube_api.statuses import Cause, invalid_value, quoted, required
from issuer_bridge.policy.requested import Requested
from issuer_bridge.policy.rules import RuleError, compiled
from issuer_bridge.policy.wildcards import covers, matches
from issuer_bridge.resources import Resource

Allowed: TypeAlias = Mapping[str, Any]

COMMON_NAME, SERIAL_NUMBER = "2.5.4.3", "2.5.4.5"
# The attributes of a subject that have a field of their own.
SUBJECT: Mapping[str, str] = {
    "2.5.4.10": "organizations",
    "2.5.4.6": "countries",
    "2.5.4.11": "organizationalUnits",
    "2.5.4.7": "localities",
    "2.5.4.8": "provinces",
    "2.5.4.9": "streetAddresses",
    "2.5.4.17": "postalCodes",
}
NAMED = (COMMON_NAME, SERIAL_NUMBER, *SUBJECT)
PATH = "spec.allowed"
_UNREADABLE = (
    "unsupported ASN.1 type or string encoding; re-issue the request with UTF8String or PrintableString in its subject"
)


def not_allowed(allowed: Allowed, request: Resource, asked: Requested) -> Iterator[Cause]:
    """Yield what a request has and the policy does not allow, and what the policy requires and it has not."""
    names = {
        "dnsNames": asked.dns_names,
        "ipAddresses": asked.ip_addresses,
        "uris": asked.uris,
        "emailAddresses": asked.email_addresses,
    }
    subject = allowed.get("subject") or {}
    yield from _singles(allowed.get("commonName"), _subject(asked, COMMON_NAME), f"{PATH}.commonName", request)
    for name, values in names.items():
        yield from _several(allowed.get(name), values, f"{PATH}.{name}", request)
    yield from _ca(allowed.get("isCA"), asked=bool(request["spec"].get("isCA")))
    yield from _usages(allowed.get("usages"), request["spec"].get("usages") or ())
    for kind in asked.refused:
        yield invalid_value(f"{PATH}.subjectAltName.{kind}", quoted(kind), f"{kind} SAN entries are not permitted")
    yield from _by_oid(allowed.get("otherNames") or (), asked.other_names, f"{PATH}.otherNames", request)
    for oid, name in SUBJECT.items():
        yield from _several(subject.get(name), _subject(asked, oid), f"{PATH}.subject.{name}", request)
    number = _subject(asked, SERIAL_NUMBER)
    yield from _singles(subject.get("serialNumber"), number, f"{PATH}.subject.serialNumber", request)
    others = [(oid, value) for oid, value in asked.subject if oid not in NAMED]
    yield from _by_oid(subject.get("otherAttributes") or (), others, f"{PATH}.subject.otherAttributes", request)


def _subject(asked: Requested, oid: str) -> list[str | None]:
    return [value for found, value in asked.subject if found == oid]


def _singles(allowed: Allowed | None, values: Sequence[str | None], path: str, request: Resource) -> Iterator[Cause]:
    """Check a field that should be there once at most; each that is there is checked."""
    for index, value in enumerate(values or ("",)):
        where = f"{path}[{index}]" if len(values) > 1 else path
        if value is None:
            yield _unreadable(path)
        elif not value:
            yield from _absent(allowed, path)
        elif not _says(allowed, "value"):
            yield invalid_value(where, quoted(value), "no allowed value")
        elif allowed is not None:
            pattern = allowed.get("value")
            if pattern is not None and not matches(pattern, value):
                yield invalid_value(f"{where}.value", quoted(value), pattern)
            yield from _checked(allowed, [value], where, request)


def _several(allowed: Allowed | None, values: Sequence[str | None], path: str, request: Resource) -> Iterator[Cause]:
    """Check a field that may be there many times."""
    texts = [value for value in values if value is not None]
    if len(texts) < len(values):
        yield _unreadable(path)
    elif not texts:
        yield from _absent(allowed, path)
    if not texts:
        return
    if allowed is None or not _says(allowed, "values"):
        yield invalid_value(path, _listed(texts), "no allowed values")
        return
    patterns = allowed.get("values")
    if patterns is not None and not covers(patterns, texts):
        yield invalid_value(f"{path}.values", _listed(texts), ", ".join(patterns))
    yield from _checked(allowed, texts, path, request)


def _by_oid(
    allowed: Iterable[Allowed], found: Iterable[tuple[str, str | None]], path: str, request: Resource
) -> Iterator[Cause]:
    """Check what is told apart by object identifier: those that are there, then those that are required."""
    by_oid: dict[str, list[str | None]] = {}
    for oid, value in found:
        by_oid.setdefault(oid, []).append(value)
    entries = {entry["oid"]: entry for entry in allowed}
    for oid in (*by_oid, *(oid for oid in entries if oid not in by_oid)):
        yield from _several(entries.get(oid), by_oid.get(oid, ()), f"{path}[{oid}]", request)


def _says(allowed: Allowed | None, name: str) -> bool:
    return allowed is not None and (allowed.get(name) is not None or bool(allowed.get("validations")))


def _absent(allowed: Allowed | None, path: str) -> Iterator[Cause]:
    if allowed is not None and allowed.get("required"):
        yield required(f"{path}.required", "true")


def _unreadable(path: str) -> Cause:
    return invalid_value(path, quoted("<non-string value>"), _UNREADABLE)


def _checked(allowed: Allowed, values: Iterable[str], path: str, request: Resource) -> Iterator[Cause]:
    for value in values:
        for index, rule in enumerate(allowed.get("validations") or ()):
            where = f"{path}.validations[{index}]"
            try:
                holds = compiled(rule["rule"]).holds(value, request)
            except RuleError as error:
                yield Cause("InternalError", f"Internal error: {error}", where)
                continue
            if not holds:
                yield invalid_value(where, quoted(value), rule.get("message") or f"failed rule: {rule['rule']}")


def _ca(allowed: bool | None, *, asked: bool) -> Iterator[Cause]:
    if asked and not allowed:
        yield invalid_value(f"{PATH}.isCA", "true", "nil" if allowed is None else "false")


def _usages(allowed: Sequence[str] | None, asked: Sequence[str]) -> Iterator[Cause]:
    if asked and (allowed is None or not covers(allowed, asked)):
        yield invalid_value(f"{PATH}.usages", _listed(asked), "nil" if allowed is None else ", ".join(allowed))


def _listed(values: Sequence[str]) -> str:
    return json.dumps(list(values), separators=(",", ":"), ensure_ascii=False)
