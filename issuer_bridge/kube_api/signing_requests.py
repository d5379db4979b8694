"""CertificateSigningRequests (certificates.k8s.io/v1): their rules, and who may change what of their status.

Sources: pkg/registry/certificates/certificates/strategy.go, pkg/apis/certificates/validation.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, TypeAlias

from cryptography import x509

from acme_server.protocol.times import rfc3339
from issuer_bridge.kube_api.core_rules import Rule
from issuer_bridge.kube_api.json_values import copy_json
from issuer_bridge.kube_api.schema_check import shortened
from issuer_bridge.kube_api.statuses import (
    Cause,
    forbidden,
    invalid,
    invalid_value,
    not_supported,
    quoted,
    required,
)
from issuer_bridge.pem import read_request
from issuer_bridge.resources import CERTIFICATE_SIGNING_REQUEST, Kind, Resource

Transition: TypeAlias = Callable[[Resource, Resource, datetime], Resource]
"""From what is stored, what was sent, and now to what a write of a subresource makes of it; ApiError 422."""

MIN_SECONDS = 600
APPROVALS, FINAL = ("Approved", "Denied"), ("Approved", "Denied", "Failed")
USAGES = (
    *("signing", "digital signature", "content commitment", "key encipherment", "key agreement", "data encipherment"),
    *("cert sign", "crl sign", "encipher only", "decipher only", "any", "server auth", "client auth", "code signing"),
    *("email protection", "s/mime", "ipsec end system", "ipsec tunnel", "ipsec user", "timestamping", "ocsp signing"),
    *("microsoft sgc", "netscape sgc"),
)
_DOMAIN = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)+"
_SIGNER = re.compile(rf"{_DOMAIN}/[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
_SIGNER_FORM = "must be a fully qualified domain and path of the form 'example.com/signer-name'"


def _signing_request(resource: Resource) -> Iterator[Cause]:
    spec = resource["spec"]
    try:
        read_request(spec["request"])
    except ValueError as error:
        yield invalid_value("spec.request", quoted(shortened(spec["request"])), str(error))
    usages = spec.get("usages") or ()
    if not usages:
        yield required("spec.usages")
    for index, usage in enumerate(usages):
        if usage not in USAGES:
            yield not_supported(f"spec.usages[{index}]", quoted(shortened(usage)), USAGES)
        elif usage in usages[:index]:
            yield Cause("FieldValueDuplicate", f"Duplicate value: {quoted(usage)}", f"spec.usages[{index}]")
    signer = spec["signerName"]
    if signer == "kubernetes.io/legacy-unknown":
        yield invalid_value(
            "spec.signerName", quoted(signer), "the legacy signerName is not allowed via this API version"
        )
    elif not _SIGNER.fullmatch(signer):
        yield invalid_value("spec.signerName", quoted(shortened(signer)), _SIGNER_FORM)
    seconds = spec.get("expirationSeconds")
    if seconds is not None and seconds < MIN_SECONDS:
        text = f"may not specify a duration less than {MIN_SECONDS} seconds (10 minutes)"
        yield invalid_value("spec.expirationSeconds", str(seconds), text)
    yield from _conditions(conditions_of(resource))


def conditions_of(resource: Resource) -> list[dict[str, Any]]:
    """Return the conditions of a request."""
    return (resource.get("status") or {}).get("conditions") or []


def _conditions(conditions: list[dict[str, Any]]) -> Iterator[Cause]:
    seen: list[str] = []
    for index, condition in enumerate(conditions):
        path, name = f"status.conditions[{index}]", condition["type"]
        if name in FINAL and condition["status"] != "True":
            yield not_supported(f"{path}.status", quoted(condition["status"]), ("True",))
        if name in seen:
            yield Cause("FieldValueDuplicate", f"Duplicate value: {quoted(name)}", f"{path}.type")
        elif name in APPROVALS and any(each in seen for each in APPROVALS):
            yield invalid_value(f"{path}.type", quoted(name), "Approved and Denied conditions are mutually exclusive")
        seen.append(name)


def _approved(stored: Resource, sent: Resource, now: datetime) -> Resource:
    """`/approval` changes conditions, and no certificate."""
    status = _status(stored, sent, now)
    certificate = (stored.get("status") or {}).get("certificate")
    kept = {name: value for name, value in status.items() if name != "certificate"}
    return _checked(stored, kept | ({"certificate": certificate} if certificate else {}), ())


def _signed(stored: Resource, sent: Resource, now: datetime) -> Resource:
    """`/status` sets the certificate, once, and conditions but for a decision."""
    status = _status(stored, sent, now)
    found, before = [], (stored.get("status") or {}).get("certificate")
    if before and status.get("certificate") != before:
        found.append(forbidden("status.certificate", "updates may not modify existing certificate content"))
    elif status.get("certificate") and not _is_chain(status["certificate"]):
        shown = quoted(shortened(str(status["certificate"])))
        found.append(invalid_value("status.certificate", shown, "must contain one or more CERTIFICATE blocks"))
    return _checked(stored, status, APPROVALS, found)


def _status(stored: Resource, sent: Resource, now: datetime) -> dict[str, Any]:
    """Return the status that was sent, with the moments of its conditions."""
    status = sent.get("status")
    if not isinstance(status, dict) or not isinstance(conditions := status.get("conditions") or [], list):
        return {}
    before = {item["type"]: item for item in conditions_of(stored)}
    timed = []
    for item in copy_json(conditions):
        if isinstance(item, dict):
            old = before.get(item.get("type"), {})
            same = old.get("status") == item.get("status")
            item.setdefault("lastUpdateTime", rfc3339(now))
            item.setdefault("lastTransitionTime", old.get("lastTransitionTime") if same else rfc3339(now))
        timed.append(item)
    return {**copy_json(status), **({"conditions": timed} if timed else {})}


def _checked(
    stored: Resource, status: dict[str, Any], closed: tuple[str, ...], found: list[Cause] | None = None
) -> Resource:
    """Return the request with a status; 422 when a final condition is gone, or one of the closed ones is new."""
    resource = {**stored, "metadata": dict(stored["metadata"]), "status": status}
    before = [item["type"] for item in conditions_of(stored)]
    after = [item.get("type") for item in conditions_of(resource) if isinstance(item, dict)]
    wrong = list(found or ())
    for name in FINAL:
        if name in before and name not in after:
            text = f'updates may not remove a condition of type "{name}"'
            wrong.append(forbidden("status.conditions", text))
        if name in closed and name in after and name not in before:
            wrong.append(forbidden("status.conditions", f'updates may not add a condition of type "{name}"'))
    if wrong:
        kind = CERTIFICATE_SIGNING_REQUEST
        raise invalid(kind.group, kind.kind, stored["metadata"]["name"], wrong)
    return resource


def _is_chain(field: Any) -> bool:
    try:
        return bool(x509.load_pem_x509_certificates(base64.b64decode(field, validate=True)))
    except (TypeError, ValueError):
        return False


SIGNING_REQUEST_RULES: Mapping[Kind, tuple[Rule, ...]] = {CERTIFICATE_SIGNING_REQUEST: (_signing_request,)}
# What subresources do that differ from `/status` of other kinds.
TRANSITIONS: Mapping[tuple[Kind, str], Transition] = {
    (CERTIFICATE_SIGNING_REQUEST, "approval"): _approved,
    (CERTIFICATE_SIGNING_REQUEST, "status"): _signed,
}
