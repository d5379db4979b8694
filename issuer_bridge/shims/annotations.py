"""What annotations of an Ingress put into the spec of its Certificate: one table (upstream `certificate-shim/helper.go`)."""

from __future__ import annotations

import csv
import ipaddress
import json
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from email.utils import parseaddr
from typing import Any

from issuer_bridge.cert_manager.certificates.signing_requests import EXTENDED_USAGES, KEY_USAGES
from issuer_bridge.durations import format_duration, parse_duration

PREFIX = "cert-manager.io/"
MAX_COMMON_NAME, RSA_SIZES, EC_SIZES = 64, (2048, 8192), (256, 384, 521)
SHORTEST: Mapping[str, timedelta] = {"duration": timedelta(hours=1), "renewBefore": timedelta(minutes=5)}
SUBJECT = ("organizations", "organizationalUnits", "countries", "provinces", "localities", "postalCodes")

Read = Callable[[dict[str, Any], str], None]
"""Puts the value of an annotation into a spec; ValueError says what is wrong with it."""


def translate(spec: Mapping[str, Any], annotations: Mapping[str, str]) -> dict[str, Any]:
    """Return the spec as the annotations want it; ValueError names the first that cannot be read."""
    result = {**spec, "subject": {}, "privateKey": {}}
    for name, read in _READERS.items():
        if PREFIX + name in annotations:
            try:
                read(result, annotations[PREFIX + name])
            except ValueError as error:
                raise ValueError(f'invalid ingress annotation "{PREFIX}{name}": {error}') from None
    return {field: value for field, value in result.items() if value not in ({}, [], "")}


def _common_name(spec: dict[str, Any], text: str) -> None:
    if len(text.encode()) > MAX_COMMON_NAME:
        raise ValueError(f"common name may not be more than {MAX_COMMON_NAME} bytes")
    spec["commonName"] = text


def _alt_names(spec: dict[str, Any], text: str) -> None:
    spec["dnsNames"] = [*(spec.get("dnsNames") or ()), *(text.split(",") if text else ())]


def _ip_sans(spec: dict[str, Any], text: str) -> None:
    addresses = [part.strip() for part in text.split(",")] if text else []
    for address in addresses:
        try:
            ipaddress.ip_address(address)
        except ValueError:
            raise ValueError(f"{_quoted(address)} is not a valid IP address") from None
    spec["ipAddresses"] = [*(spec.get("ipAddresses") or ()), *addresses]


def _email_sans(spec: dict[str, Any], text: str) -> None:
    emails = [part.strip() for part in text.split(",")] if text else []
    for email in emails:
        _, address = parseaddr(email)
        if "@" not in address:
            raise ValueError(f"{_quoted(email)} is not a valid email address")
        if address != email:
            raise ValueError(f"{_quoted(email)} must only contain the email address itself")
    spec["emailAddresses"] = emails


def _subject(field: str) -> Read:
    def read(spec: dict[str, Any], text: str) -> None:
        try:
            records = list(csv.reader(text.splitlines(), strict=True))
        except csv.Error as error:
            raise ValueError(f"failed to parse {_quoted(text)} as CSV: {error}") from None
        if not records:
            raise ValueError(f"no values found after parsing {_quoted(text)}")
        if len(records) > 1:
            raise ValueError(f"refusing to use {_quoted(text)} as input as it parses as multiple lines of CSV")
        spec["subject"] = {**spec["subject"], field: records[0]}

    return read


def _serial_number(spec: dict[str, Any], text: str) -> None:
    spec["subject"] = {**spec["subject"], "serialNumber": text}


def _duration(field: str) -> Read:
    def read(spec: dict[str, Any], text: str) -> None:
        try:
            duration = parse_duration(text)
        except (ValueError, OverflowError):
            raise ValueError(f"time: invalid duration {_quoted(text)}") from None
        if duration < SHORTEST[field]:
            raise ValueError(f"{field} must be greater than or equal to {format_duration(SHORTEST[field])}")
        spec[field] = format_duration(duration)

    return read


def _number(text: str, function: str = "ParseInt") -> int:
    if not re.fullmatch(r"[-+]?[0-9]{1,10}", text):
        raise ValueError(f"strconv.{function}: parsing {_quoted(text)}: invalid syntax")
    return int(text)


def _percentage(spec: dict[str, Any], text: str) -> None:
    spec["renewBeforePercentage"] = _number(text)


def _usages(spec: dict[str, Any], text: str) -> None:
    spec["usages"] = []
    for part in text.split(","):
        usage = part.strip(" ")
        if usage not in KEY_USAGES and usage not in EXTENDED_USAGES:
            raise ValueError(f"invalid key usage name {_quoted(part)}")
        spec["usages"].append(usage)


def _history(spec: dict[str, Any], text: str) -> None:
    limit = _number(text)
    if limit < 1:
        raise ValueError(f"revision history limit must be a positive number {_quoted(text)}")
    spec["revisionHistoryLimit"] = limit


def _key(field: str, called: str, *allowed: str) -> Read:
    def read(spec: dict[str, Any], text: str) -> None:
        if text not in allowed:
            raise ValueError(f"invalid private key {called} {_quoted(text)}")
        spec["privateKey"] = {**spec["privateKey"], field: text}

    return read


def _key_size(spec: dict[str, Any], text: str) -> None:
    size, algorithm = _number(text, "Atoi"), spec["privateKey"].get("algorithm") or "RSA"
    low, high = RSA_SIZES
    if (algorithm == "RSA" and not low <= size <= high) or (algorithm == "ECDSA" and size not in EC_SIZES):
        raise ValueError(f"invalid private key size for {algorithm} algorithm {_quoted(text)}")
    spec["privateKey"] = {**spec["privateKey"], "size": size}


def _template(text: str) -> dict[str, dict[str, str]]:
    template = json.loads(text)
    if not isinstance(template, dict):
        raise ValueError("it is not an object")
    unknown = next((field for field in template if field not in ("annotations", "labels")), None)
    if unknown is not None:
        raise ValueError(f'json: unknown field "{unknown}"')
    for values in template.values():
        if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
            raise ValueError("annotations and labels are objects of texts")
    return template


def _secret_template(spec: dict[str, Any], text: str) -> None:
    try:
        template = _template(text)
    except ValueError as error:
        raise ValueError(f"error parsing secret template JSON: {error}") from None
    for name in template.get("annotations") or {}:
        if name.startswith(PREFIX):
            raise ValueError(f"secretTemplate must not have cert-manager.io/ annotations: {_quoted(name)}")
    spec["secretTemplate"] = {field: values for field, values in template.items() if values}


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


# In upstream's order, as the first that is wrong is the one that is told.
_READERS: Mapping[str, Read] = {
    "common-name": _common_name,
    "alt-names": _alt_names,
    "ip-sans": _ip_sans,
    "email-sans": _email_sans,
    **{f"subject-{field.lower()}": _subject(field) for field in (*SUBJECT, "streetAddresses")},
    "subject-serialnumber": _serial_number,
    "duration": _duration("duration"),
    "renew-before": _duration("renewBefore"),
    "renew-before-percentage": _percentage,
    "usages": _usages,
    "revision-history-limit": _history,
    "private-key-algorithm": _key("algorithm", "algorithm", "RSA", "ECDSA", "Ed25519"),
    "private-key-encoding": _key("encoding", "encoding", "PKCS1", "PKCS8"),
    "private-key-size": _key_size,
    "private-key-rotation-policy": _key("rotationPolicy", "rotation policy", "Never", "Always"),
    "secret-template": _secret_template,
}
