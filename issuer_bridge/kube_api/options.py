"""The options of a request, from its query or (deletions) its body: checked, and refused with 422 as Kubernetes does.

Source: staging/src/k8s.io/apimachinery/pkg/apis/meta/v1/validation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from issuer_bridge.kube_api.deletion import POLICIES
from issuer_bridge.kube_api.statuses import (
    Cause,
    bad_request,
    forbidden,
    invalid,
    invalid_value,
    not_supported,
    quoted,
)

_DRY_RUN = ("All",)
_VALIDATIONS = ("Ignore", "Strict", "Warn")
MAX_MANAGER = 128


@attrs.frozen
class WriteOptions:
    """What a create, update or patch was asked to do beside its body; manager "": nobody named one."""

    dry: bool = False
    validation: str = "Warn"
    manager: str = ""
    force: bool = False


@attrs.frozen
class DeleteOptions:
    """policy: see `deletion.POLICIES`; None leaves it to the object; preconditions: uid, resourceVersion."""

    policy: str | None = None
    dry: bool = False
    preconditions: Mapping[str, Any] = attrs.field(factory=dict)


def flag(query: Mapping[str, str], name: str) -> bool:
    """Read a truth value as Kubernetes does (apimachinery/pkg/runtime/conversion.go): all that is there and no `false`."""
    return query.get(name, "false").lower() not in ("false", "0")


def resource_version(query: Mapping[str, str]) -> int:
    """Read the query's resourceVersion; 0 is any."""
    text = query.get("resourceVersion") or "0"
    if not text.isascii() or not text.isdigit():
        raise bad_request(f"resourceVersion: Invalid value: {quoted(text[:64])}: must be a number")
    return int(text)


def write_options(kind: str, query: Mapping[str, str]) -> WriteOptions:
    """Read the query of a write; `kind` is CreateOptions, UpdateOptions or PatchOptions."""
    dry, causes = _dry([query["dryRun"]] if query.get("dryRun") else [])
    validation, manager = query.get("fieldValidation") or "Warn", query.get("fieldManager", "")
    if validation not in _VALIDATIONS:
        causes.append(not_supported("fieldValidation", quoted(validation[:64]), ("", *_VALIDATIONS)))
    if len(manager) > MAX_MANAGER:
        causes.append(Cause("FieldValueTooLong", f"Too long: may not be more than {MAX_MANAGER} bytes", "fieldManager"))
    elif not manager.isprintable():
        causes.append(invalid_value("fieldManager", quoted(manager), "should only contain printable characters"))
    _refuse(kind, causes)
    return WriteOptions(dry, validation, manager, flag(query, "force"))


def check_patch_options(options: WriteOptions, query: Mapping[str, str], *, apply: bool) -> None:
    """Raise 422 when an apply has no manager, or something else is forced."""
    if apply and not options.manager:
        _refuse(
            "PatchOptions", [Cause("FieldValueRequired", "Required value: is required for apply patch", "fieldManager")]
        )
    if not apply and query.get("force"):
        _refuse("PatchOptions", [forbidden("force", "may not be specified for non-apply patch")])


def delete_options(query: Mapping[str, str], body: Mapping[str, Any]) -> DeleteOptions:
    """Read the options of a deletion from its body, or from the query when there is none."""
    sent: Mapping[str, Any] = body or {
        "propagationPolicy": query.get("propagationPolicy"),
        "orphanDependents": {"true": True, "false": False}.get(query.get("orphanDependents", "").lower()),
        "dryRun": [query["dryRun"]] if query.get("dryRun") else [],
    }
    if (body.get("kind") or "DeleteOptions") != "DeleteOptions":
        raise bad_request(f"the body of a deletion is DeleteOptions, not {str(body['kind'])[:64]}")
    policy, orphan, wanted = (
        sent.get("propagationPolicy"),
        sent.get("orphanDependents"),
        sent.get("preconditions") or {},
    )
    if not isinstance(wanted, dict):
        raise bad_request("the preconditions of DeleteOptions are no object")
    dry, causes = _dry(sent.get("dryRun") or [])
    if policy is not None and orphan is not None:
        text = "orphanDependents and deletionPropagation cannot be both set"
        causes.append(invalid_value("propagationPolicy", quoted(str(policy)[:64]), text))
    if policy is not None and (not isinstance(policy, str) or policy not in POLICIES):
        causes.append(not_supported("propagationPolicy", quoted(str(policy)[:64]), (*POLICIES, "nil")))
    _refuse("DeleteOptions", causes)
    if orphan is not None:
        policy = "Orphan" if orphan else "Background"
    return DeleteOptions(policy, dry, wanted)


def _dry(sent: Any) -> tuple[bool, list[Cause]]:
    items = sent if isinstance(sent, list) else [sent]
    if all(item in _DRY_RUN for item in items):
        return bool(items), []
    shown = ", ".join(quoted(str(item)[:64]) for item in items)
    return False, [not_supported("dryRun", f"[]string{{{shown}}}", _DRY_RUN)]


def _refuse(kind: str, causes: Sequence[Cause]) -> None:
    if causes:
        raise invalid("meta.k8s.io", kind, "", causes)
