"""What cert-manager's webhook checks of a Certificate (internal/apis/certmanager/validation/certificate.go); keys in requests."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any

from cryptography import x509

from issuer_bridge.durations import format_duration, parse_duration
from issuer_bridge.kube_api.schema_check import shortened
from issuer_bridge.kube_api.statuses import Cause, forbidden, invalid_value, not_supported, quoted, required
from issuer_bridge.pem import holds_private_key
from issuer_bridge.references import is_of_our_group, issuer_kind
from issuer_bridge.resources import CERTIFICATE, Kind, Resource

MIN_DURATION, DEFAULT_DURATION, MIN_RENEW_BEFORE = timedelta(hours=1), timedelta(days=90), timedelta(minutes=5)
MAX_COMMON_NAME, RSA_SIZES, EC_SIZES = 64, (2048, 8192), (256, 384, 521)
_NAMES = ("commonName", "dnsNames", "uris", "emailAddresses", "ipAddresses", "otherNames", "literalSubject")
_SIGNATURES = {"RSA": "WithRSA", "ECDSA": "ECDSAWith", "Ed25519": "Ed25519"}
_ONE_OF_TWO = "renewBefore and renewBeforePercentage are mutually exclusive and cannot both be set"


def no_private_key(request: Resource) -> Iterator[Cause]:
    """Refuse a CertificateRequest with a key: it is nobody's but its owner's, and would be kept, shown and sent on here."""
    if holds_private_key(request["spec"].get("request")):
        yield invalid_value("spec.request", '"..."', "it holds a private key; make another one, and send its CSR alone")


def _certificate(certificate: Resource) -> Iterator[Cause]:
    spec = certificate["spec"]
    for rule in (_secret, _names, _key, _times, _template, _keystores):
        yield from rule(spec)


def _secret(spec: Mapping[str, Any]) -> Iterator[Cause]:
    reference = spec["issuerRef"]
    if not spec["secretName"]:
        yield required("spec.secretName", "must be specified")
    if not reference.get("name"):
        yield required("spec.issuerRef.name", "must be specified")
    if is_of_our_group(reference) and issuer_kind(reference) is None:
        text = "must be one of Issuer or ClusterIssuer"
        hint = "" if reference.get("group") else " (did you forget to set spec.issuerRef.group?)"
        yield invalid_value("spec.issuerRef.kind", quoted(shortened(reference["kind"])), text + hint)


def _names(spec: Mapping[str, Any]) -> Iterator[Cause]:
    if not any(spec.get(name) for name in _NAMES):
        text = "commonName (from the commonName field or from a literalSubject), dnsNames, emailSANs, ipAddresses"
        yield invalid_value("spec", '""', f"at least one of {text}, otherNames, or uriSANs must be set")
    common_name = spec.get("commonName") or ""
    if len(common_name) > MAX_COMMON_NAME:
        yield Cause("FieldValueTooLong", f"Too long: may not be more than {MAX_COMMON_NAME} bytes", "spec.commonName")
    for index, address in enumerate(spec.get("ipAddresses") or ()):
        try:
            ipaddress.ip_address(address)
        except ValueError:
            yield invalid_value(f"spec.ipAddresses[{index}]", quoted(shortened(address)), "invalid IP address")
    literal = spec.get("literalSubject")
    if literal:
        try:
            x509.Name.from_rfc4514_string(literal)
        except ValueError:
            yield invalid_value("spec.literalSubject", quoted(shortened(literal)), "is not an RFC 4514 name")
        for field in ("commonName", "subject"):
            if spec.get(field):
                yield forbidden(f"spec.{field}", "cannot be set beside literalSubject")


def _key(spec: Mapping[str, Any]) -> Iterator[Cause]:
    key = spec.get("privateKey") or {}
    algorithm, size = key.get("algorithm") or "RSA", key.get("size") or 0
    low, high = RSA_SIZES
    if algorithm == "RSA" and size and not low <= size <= high:
        yield invalid_value("spec.privateKey.size", str(size), f"must be between {low} and {high} for rsa keyAlgorithm")
    if algorithm == "ECDSA" and size and size not in EC_SIZES:
        yield not_supported("spec.privateKey.size", str(size), [str(each) for each in EC_SIZES])
    signature = spec.get("signatureAlgorithm")
    if signature and _SIGNATURES[algorithm] not in signature:
        text = f"is no signature algorithm for a key of the algorithm {algorithm}"
        yield invalid_value("spec.signatureAlgorithm", quoted(shortened(signature)), text)


def _times(spec: Mapping[str, Any]) -> Iterator[Cause]:
    limit = spec.get("revisionHistoryLimit")
    if limit is not None and limit < 1:
        yield invalid_value("spec.revisionHistoryLimit", str(limit), "must not be less than 1")
    found: dict[str, timedelta] = {}
    for field in ("duration", "renewBefore"):
        text = spec.get(field) or ""
        try:
            found |= {field: parse_duration(text)} if text else {}
        except (ValueError, OverflowError):
            yield invalid_value(f"spec.{field}", quoted(shortened(text)), "must be a duration such as 2160h or 1h30m")
            return
    duration, before, percentage = (
        found.get("duration", DEFAULT_DURATION),
        found.get("renewBefore"),
        spec.get("renewBeforePercentage"),
    )
    if duration < MIN_DURATION:
        text = f"certificate duration must be greater than {format_duration(MIN_DURATION)}"
        yield invalid_value("spec.duration", quoted(spec["duration"]), text)
    if percentage is not None:
        if before is not None:
            yield invalid_value("spec.renewBefore", quoted(spec["renewBefore"]), _ONE_OF_TWO)
        if not 0 < percentage < 100:
            text = "certificate renewBeforePercentage must result in a renewBefore less than duration"
            yield invalid_value("spec.renewBeforePercentage", str(percentage), text)
    if before is not None and not MIN_RENEW_BEFORE <= before < duration:
        limits = f"{format_duration(MIN_RENEW_BEFORE)}, and less than the duration {format_duration(duration)}"
        text = f"certificate renewBefore must be at least {limits}"
        yield invalid_value("spec.renewBefore", quoted(spec["renewBefore"]), text)
    renewal = spec.get("renewal") or {}
    if renewal.get("policy") == "Disabled" and renewal.get("windows"):
        yield forbidden("spec.renewal.windows", "windows cannot be set when `renewal.policy` is set to Disabled")


def _template(spec: Mapping[str, Any]) -> Iterator[Cause]:
    for name in (spec.get("secretTemplate") or {}).get("annotations") or {}:
        if name.startswith("cert-manager.io/") and name != "cert-manager.io/allow-direct-injection":
            text = "cert-manager.io/* annotations are not allowed"
            yield invalid_value("spec.secretTemplate.annotations", quoted(shortened(name)), text)
    types = [item["type"] for item in spec.get("additionalOutputFormats") or ()]
    for each in dict.fromkeys(each for each in types if types.count(each) > 1):
        yield Cause("FieldValueDuplicate", f"Duplicate value: {quoted(each)}", "spec.additionalOutputFormats[type]")


def _keystores(spec: Mapping[str, Any]) -> Iterator[Cause]:
    for name, called in (("jks", "JKS"), ("pkcs12", "PKCS#12")):
        keystore = (spec.get("keystores") or {}).get(name)
        if keystore is None:
            continue
        named, literal = bool((keystore.get("passwordSecretRef") or {}).get("name")), keystore.get("password")
        if named == (literal is not None):
            text = f"exactly one of passwordSecretRef and password must be set for {called} keystores"
            yield forbidden(f"spec.keystores.{name}", text)
        elif literal == "":
            text = f"literal password cannot be empty if set on {called} keystores"
            yield forbidden(f"spec.keystores.{name}.password", text)


CERTIFICATE_RULES: Mapping[Kind, tuple[Callable[[Resource], Iterator[Cause]], ...]] = {CERTIFICATE: (_certificate,)}
