"""What is checked before an object is stored, by kind: names, schemas, and the rules of cert-manager's webhook.

Sources: internal/apis/{certmanager,acme}/validation and apimachinery's validation of names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from issuer_bridge.cert_manager.dns_providers import nameserver_of
from issuer_bridge.durations import parse_duration
from issuer_bridge.kube_api.certificate_rules import CERTIFICATE_RULES
from issuer_bridge.kube_api.core_rules import CORE_RULES, CORE_UPDATE_RULES, Rule, UpdateRule
from issuer_bridge.kube_api.definition_rules import DEFINITION_RULES, DEFINITION_UPDATE_RULES
from issuer_bridge.kube_api.deletion import is_deleting
from issuer_bridge.kube_api.identity import identity_stays
from issuer_bridge.kube_api.schema_check import causes, pruned, shortened
from issuer_bridge.kube_api.schemas import DNS01_PROVIDERS, ISSUER_TYPES, schema_of
from issuer_bridge.kube_api.signing_requests import SIGNING_REQUEST_RULES
from issuer_bridge.kube_api.statuses import (
    Cause,
    bad_request,
    conflict,
    forbidden,
    invalid,
    invalid_value,
    not_supported,
    quoted,
    required,
    wrong_uid,
)
from issuer_bridge.kube_api.webhook_rules import WEBHOOK_RULES
from issuer_bridge.pem import holds_private_key
from issuer_bridge.policy.problems import problems
from issuer_bridge.resources import (
    CERTIFICATE_REQUEST,
    CERTIFICATE_REQUEST_POLICY,
    CHALLENGE,
    CLUSTER_ISSUER,
    ISSUER,
    ORDER,
    RBAC,
    Kind,
    Resource,
)
from solvers.dns01.rfc2136 import TSIG_ALGORITHMS

MAX_NAME = 253
_SUBDOMAIN = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN_RULE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start "
    f"and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '{_SUBDOMAIN}')"
)
_LABEL_RULE = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end "
    f"with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '{_LABEL}')"
)
# gravel://WORLD is the ACME server of this very process.
_SERVER = re.compile(r"(https?|gravel)://[^\s/]+\S*")
# A recursive nameserver: HOST:PORT, or DNS over HTTPS.
_RECURSIVE = re.compile(r"(\[[0-9a-fA-F:.]+\]|[\w.-]+):\d{1,5}|https://[^/\s]\S*", re.ASCII)
# The webhook's rules are about these groups' issuers; other groups' requests are other controllers' business.
_OWN_GROUPS = ("", "cert-manager.io")


def check_new(kind: Kind, resource: Resource) -> None:
    """Raise 422 Invalid when the object must not be created."""
    found = [*_name_causes(kind, resource), *_schema_causes(kind, resource)]
    _refuse(kind, resource, found or [cause for rule in RULES.get(kind, ()) for cause in rule(resource)])


def check_change(kind: Kind, stored: Resource, resource: Resource) -> None:
    """Raise 422 Invalid when the stored object must not become this one."""
    found = [*_finalizer_causes(stored, resource), *_schema_causes(kind, resource, stored)]
    if not found:
        found = [cause for update_rule in UPDATE_RULES.get(kind, ()) for cause in update_rule(stored, resource)]
        found += [cause for rule in RULES.get(kind, ()) for cause in rule(resource)]
    _refuse(kind, resource, found)


def check_current(kind: Kind, stored: Resource, resource: Resource) -> None:
    """Raise 409 Conflict, or 422 Invalid, when the object that is to be changed is another one, or an older state."""
    sent, kept = resource["metadata"], stored["metadata"]
    name, version = kept["name"], sent.get("resourceVersion")
    if not version and kind.custom:
        cause = invalid_value("metadata.resourceVersion", "0x0", "must be specified for an update")
        raise invalid(kind.group, kind.kind, name, [cause])
    if (sent.get("uid") or kept["uid"]) != kept["uid"]:
        raise wrong_uid(kind, name, sent["uid"], kept["uid"])
    if version and version != kept["resourceVersion"]:
        raise conflict(kind, name)


def without_unknown_fields(kind: Kind, resource: Resource) -> tuple[Resource, list[str]]:
    """Return the object as the schema knows it, and a sentence on each field that it does not know."""
    kept, unknown = pruned(schema_of(kind), resource)
    return kept, unknown


def check_strictly(kind: Kind, unknown: list[str]) -> None:
    """Raise 400 when there are unknown fields (fieldValidation=Strict)."""
    if unknown:
        told = ", ".join(unknown)
        text = f"{kind.kind} in version {quoted(kind.version)} cannot be handled as a {kind.kind}"
        raise bad_request(f"{text}: strict decoding error: {told}")


def _refuse(kind: Kind, resource: Resource, found: list[Cause]) -> None:
    if found:
        raise invalid(kind.group, kind.kind, str(resource["metadata"].get("name") or ""), found)


def _schema_causes(kind: Kind, resource: Resource, stored: Resource | None = None) -> list[Cause]:
    """Check all parts but those that are the stored object's very own: they were checked when they came."""
    schema, known = schema_of(kind), stored or {}
    found = [required(name) for name in schema.get("required", ()) if resource.get(name) is None]
    for name, part in resource.items():
        if part is not None and part is not known.get(name) and name in schema["properties"]:
            found += causes(schema["properties"][name], part, name)
    return found


def _finalizer_causes(stored: Resource, resource: Resource) -> Iterator[Cause]:
    """What is being deleted takes no new finalizers."""
    if is_deleting(stored):
        known, finalizers = stored["metadata"].get("finalizers") or (), resource["metadata"].get("finalizers")
        new = [name for name in finalizers if name not in known] if isinstance(finalizers, list) else []
        if new:
            shown = ", ".join(quoted(str(name)) for name in new)
            text = "no new finalizers can be added if the object is being deleted, found new finalizers"
            yield forbidden("metadata.finalizers", f"{text} []string{{{shown}}}")


def _name_causes(kind: Kind, resource: Resource) -> Iterator[Cause]:
    metadata = resource["metadata"]
    name, namespace = metadata.get("name"), metadata.get("namespace")
    if not name:
        yield required("metadata.name", "name or generateName is required")
    elif isinstance(name, str):
        for why in _role_name(name) if kind.group == RBAC else _name(name):
            yield invalid_value("metadata.name", quoted(shortened(name)), why)
    if isinstance(namespace, str) and namespace:
        if len(namespace) > 63:
            yield invalid_value(
                "metadata.namespace", quoted(shortened(namespace)), "must be no more than 63 characters"
            )
        if not re.fullmatch(_LABEL, namespace):
            yield invalid_value("metadata.namespace", quoted(shortened(namespace)), _LABEL_RULE)


def _name(name: str) -> Iterator[str]:
    if len(name) > MAX_NAME:
        yield f"must be no more than {MAX_NAME} characters"
    if not re.fullmatch(_SUBDOMAIN, name):
        yield _SUBDOMAIN_RULE


def _role_name(name: str) -> Iterator[str]:
    """Yield what is odd about a name of RBAC, such as system:node: a segment of a path (api/validation/path)."""
    if name in (".", ".."):
        yield f"may not be '{name}'"
    yield from (f"may not contain '{each}'" for each in "/%" if each in name)


def _issuer(resource: Resource) -> Iterator[Cause]:
    spec = resource["spec"]
    types = [name for name in ISSUER_TYPES if spec.get(name) is not None]
    if not types:
        yield required("spec", "at least one issuer must be configured")
    for name in types[1:]:
        yield forbidden(f"spec.{name}", "may not specify more than one issuer type")
    acme = spec.get("acme")
    if acme is not None:
        if not _SERVER.fullmatch(acme["server"]):
            yield invalid_value(
                "spec.acme.server", quoted(acme["server"]), "must be an http(s) URL, or gravel://default"
            )
        for index, solver in enumerate(acme.get("solvers") or ()):
            yield from _solver(solver, f"spec.acme.solvers[{index}]")


def _solver(solver: Mapping[str, Any], path: str) -> Iterator[Cause]:
    http01, dns01 = solver.get("http01"), solver.get("dns01")
    if http01 is None and dns01 is None:
        yield required(path, "no solver type configured; give it http01 or dns01")
    if http01 is not None and dns01 is not None:
        yield forbidden(path, "may not specify more than one solver type in a solver")
    if http01 is not None and http01.get("ingress") is not None and http01.get("gatewayHTTPRoute") is not None:
        yield forbidden(f"{path}.http01", "may not specify both ingress and gatewayHTTPRoute")
    if dns01 is not None:
        providers = [name for name in DNS01_PROVIDERS if dns01.get(name) is not None]
        if not providers:
            yield required(f"{path}.dns01", "no DNS01 provider configured")
        for name in providers[1:]:
            yield forbidden(f"{path}.dns01.{name}", "may not specify more than one provider type")
        yield from _dns01(dns01, f"{path}.dns01")
    yield from _wait(solver.get("waitInsteadOfSelfCheck"), f"{path}.waitInsteadOfSelfCheck")


def _dns01(dns01: Mapping[str, Any], path: str) -> Iterator[Cause]:
    for index, server in enumerate(dns01.get("nameservers") or ()):
        if not _RECURSIVE.fullmatch(server):
            text = "must be in the format <ip address>:<port>"
            yield invalid_value(f"{path}.nameservers[{index}]", quoted(shortened(server)), text)
    if dns01.get("rfc2136") is not None:
        yield from _rfc2136(dns01["rfc2136"], f"{path}.rfc2136")


def _rfc2136(config: Mapping[str, Any], path: str) -> Iterator[Cause]:
    try:
        nameserver_of(config["nameserver"])
    except ValueError as error:
        yield invalid_value(f"{path}.nameserver", quoted(shortened(config["nameserver"])), str(error))
    algorithm = config.get("tsigAlgorithm")
    if algorithm and algorithm.upper() not in TSIG_ALGORITHMS:
        yield not_supported(f"{path}.tsigAlgorithm", quoted(shortened(algorithm)), tuple(TSIG_ALGORITHMS))
    reference = config.get("tsigSecretSecretRef") or {}
    missing = [part for part in ("name", "key") if not reference.get(part)]
    if config.get("tsigKeyName"):
        for part in missing:
            yield required(f"{path}.tsigSecretSecretRef.{part}", f"secret {part} is required")
    elif not missing:
        yield required(f"{path}.tsigKeyName")


def _wait(text: str | None, path: str) -> Iterator[Cause]:
    try:
        negative = text is not None and parse_duration(text) < timedelta(0)
    except (ValueError, OverflowError):
        yield invalid_value(path, quoted(shortened(text or "")), "must be a duration such as 30s or 1h30m")
        return
    if negative:
        yield invalid_value(path, quoted(text or ""), "waitInsteadOfSelfCheck must not be negative")


def _no_private_key(resource: Resource) -> Iterator[Cause]:
    """A key is nobody's but its owner's; here it would be kept, shown and sent on."""
    if holds_private_key(resource["spec"].get("request")):
        yield invalid_value("spec.request", '"..."', "it holds a private key; make another one, and send its CSR alone")


def _approval(resource: Resource) -> Iterator[Cause]:
    """Approved and Denied are decisions: each at most once, only True, never both."""
    found = [item["type"] for item in _decisions(resource)]
    for item in _decisions(resource):
        if item["status"] != "True":
            yield invalid_value("status.conditions", quoted(item["status"]), f"{item['type']} can only be True")
    if len(found) > len(set(found)):
        yield forbidden("status.conditions", f"the condition {found[0]} is there more than once")
    if "Approved" in found and "Denied" in found:
        yield forbidden("status.conditions", "a request cannot be both Approved and Denied")


def _approval_stays(stored: Resource, resource: Resource) -> Iterator[Cause]:
    now = [item["type"] for item in _decisions(resource)]
    for item in _decisions(stored):
        if item["type"] not in now:
            yield forbidden("status.conditions", f"the condition {item['type']} cannot be taken back")


def _decisions(resource: Resource) -> list[Mapping[str, Any]]:
    conditions = (resource.get("status") or {}).get("conditions") or ()
    return [item for item in conditions if item["type"] in ("Approved", "Denied")]


def _immutable(*path: str) -> UpdateRule:
    """Return the rule that a field keeps its value."""

    def rule(stored: Resource, resource: Resource) -> Iterator[Cause]:
        if stored["spec"]["issuerRef"].get("group", "") not in _OWN_GROUPS:
            return
        before: Any = stored
        after: Any = resource
        for name in path:
            before, after = before.get(name), after.get(name)
        if before != after:
            yield forbidden(".".join(path), "cannot change after creation; delete the object, or use another name")

    return rule


RULES: Mapping[Kind, tuple[Rule, ...]] = {
    ISSUER: (_issuer,),
    CLUSTER_ISSUER: (_issuer,),
    **CERTIFICATE_RULES,
    CERTIFICATE_REQUEST: (_approval, _no_private_key),
    CERTIFICATE_REQUEST_POLICY: (problems,),
    **CORE_RULES,
    **DEFINITION_RULES,
    **SIGNING_REQUEST_RULES,
    **WEBHOOK_RULES,
}
UPDATE_RULES: Mapping[Kind, tuple[UpdateRule, ...]] = {
    CERTIFICATE_REQUEST: (_immutable("spec"), identity_stays, _approval_stays),
    ORDER: (_immutable("spec", "request"),),
    CHALLENGE: (_immutable("spec"),),
    **CORE_UPDATE_RULES,
    **DEFINITION_UPDATE_RULES,
}
