"""What the API server says when it says no: one constructor per reason, and the Status object.

The words are Kubernetes' own (staging/src/k8s.io/apimachinery/pkg/api/errors/errors.go),
since clients and people match on them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from issuer_bridge.resources import ApiError, Kind, Resource


@attrs.frozen
class Cause:
    """One thing that is wrong with one field."""

    reason: str
    message: str
    field: str


def required(field: str, text: str = "") -> Cause:
    """The field is missing."""
    return Cause("FieldValueRequired", "Required value" + (f": {text}" if text else ""), field)


def invalid_value(field: str, shown: str, text: str) -> Cause:
    """The field's value cannot be; `shown` is the value as it is to be printed."""
    return Cause("FieldValueInvalid", f"Invalid value: {shown}: {text}", field)


def forbidden(field: str, text: str) -> Cause:
    """The field must not be set, or not be changed."""
    return Cause("FieldValueForbidden", f"Forbidden: {text}", field)


def not_supported(field: str, shown: str, supported: Sequence[str]) -> Cause:
    """The field's value is not among those that exist."""
    values = ", ".join(quoted(value) for value in supported)
    return Cause("FieldValueNotSupported", f"Unsupported value: {shown}: supported values: {values}", field)


def quoted(text: str) -> str:
    """Quote as Go's %q does for plain text."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def qualified(kind: Kind) -> str:
    """`certificaterequests.cert-manager.io`, or `secrets` for the core."""
    return f"{kind.plural}.{kind.group}" if kind.group else kind.plural


def not_found(kind: Kind, name: str) -> ApiError:
    """404: there is no such object."""
    return ApiError(404, "NotFound", f"{qualified(kind)} {quoted(name)} not found", _about(kind, name))


def already_exists(kind: Kind, name: str) -> ApiError:
    """409: the name is taken."""
    return ApiError(409, "AlreadyExists", f"{qualified(kind)} {quoted(name)} already exists", _about(kind, name))


STALE = "the object has been modified; please apply your changes to the latest version and try again"


def conflict(kind: Kind, name: str, text: str = STALE) -> ApiError:
    """409: the object is not (or no more) the one that was meant."""
    message = f"Operation cannot be fulfilled on {qualified(kind)} {quoted(name)}: {text}"
    return ApiError(409, "Conflict", message, _about(kind, name))


def wrong_uid(kind: Kind, name: str, wanted: str, found: str) -> ApiError:
    """409: a write was meant for another object of that name, or for one that is gone."""
    text = f"Precondition failed: UID in precondition: {wanted}, UID in object meta: {found}"
    return conflict(kind, name, text)


def precondition_failed(kind: Kind, name: str, text: str) -> ApiError:
    """409: the object is not the one that a deletion was meant for; here Kubernetes names the kind, not the plural."""
    subject = f"{kind.kind}.{kind.group}" if kind.group else kind.kind
    details = _filled({"name": name, "group": kind.group, "kind": kind.kind})
    return ApiError(409, "Conflict", f"Operation cannot be fulfilled on {subject} {quoted(name)}: {text}", details)


def invalid(group: str, kind: str, name: str, causes: Sequence[Cause]) -> ApiError:
    """422: the object breaks rules, each named with its field."""
    told = [f"{cause.field}: {cause.message}" for cause in causes]
    text = told[0] if len(told) == 1 else f"[{', '.join(told)}]"
    subject = f"{kind}.{group}" if group else kind
    details = {"name": name, "group": group, "kind": kind, "causes": [attrs.asdict(cause) for cause in causes]}
    return ApiError(422, "Invalid", f"{subject} {quoted(name)} is invalid: {text}", _filled(details))


def forbidden_request(kind: Kind, name: str, text: str, causes: Sequence[Mapping[str, str]] = ()) -> ApiError:
    """403: a rule of the server forbids it."""
    details = _about(kind, name) | _filled({"causes": list(causes)})
    return ApiError(403, "Forbidden", f"{qualified(kind)} {quoted(name)} is forbidden: {text}", details)


def bad_request(text: str) -> ApiError:
    """400: the request itself makes no sense."""
    return ApiError(400, "BadRequest", text)


def rejected() -> ApiError:
    """422: a patch cannot be done; Kubernetes says no more."""
    return ApiError(422, "Invalid", "the server rejected our request due to an error in our request")


def too_many_operations(count: int, most: int) -> ApiError:
    """413: a JSON patch is too long."""
    text = f"The allowed maximum operations in a JSON patch is {most}, got {count}"
    return ApiError(413, "RequestEntityTooLarge", text)


def unsupported_media_type(accepted: Sequence[str]) -> ApiError:
    """415: the body is in a format that is not read here."""
    text = f"the body of the request was in an unknown format - accepted media types include: {', '.join(accepted)}"
    return ApiError(415, "UnsupportedMediaType", text)


def not_acceptable(accepted: Sequence[str], text: str = "") -> ApiError:
    """406: no form that the client accepts is served."""
    told = text or f"only the following media types are accepted: {', '.join(accepted)}"
    return ApiError(406, "NotAcceptable", told)


def expired(version: int, oldest: int) -> ApiError:
    """410: the watch asks for history that is gone; list again."""
    return ApiError(410, "Expired", f"too old resource version: {version} ({oldest})")


def expired_token(token: str) -> ApiError:
    """410: what the pages of a list were cut from is gone; the token goes on with what is there now."""
    text = (
        "The provided continue parameter is too old to display a consistent list result. You can start a new list "
        "without the continue parameter, or use the continue token in this response to retrieve the remainder of the "
        "results. Continuing with the provided token results in an inconsistent list - objects that were created, "
        "modified, or deleted between the time the first chunk was returned and now may show up in the list."
    )
    return ApiError(410, "Expired", text, metadata={"continue": token})


def too_large(version: int, current: int) -> ApiError:
    """504: the resource version lies in the future."""
    cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
    text = f"Timeout: Too large resource version: {version}, current: {current}"
    return ApiError(504, "Timeout", text, {"causes": [cause], "retryAfterSeconds": 1})


def _about(kind: Kind, name: str) -> dict[str, Any]:
    return _filled({"name": name, "group": kind.group, "kind": kind.plural})


def _filled(details: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in details.items() if value}


def failure(error: ApiError) -> Resource:
    """Return the Status object of an error."""
    document: Resource = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": dict(error.metadata),
        "status": "Failure",
        "message": error.message,
        "reason": error.reason,
        "details": dict(error.details),
        "code": error.code,
    }
    return _filled_status(document)


def deleted(kind: Kind, resource: Resource) -> Resource:
    """Return the Status object of a deletion."""
    metadata = resource["metadata"]
    details = {**_about(kind, metadata["name"]), "uid": metadata["uid"]}
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}


def _filled_status(document: Resource) -> Resource:
    """Leave out empty details and reason, as Kubernetes does; what is Invalid has details."""
    kept = ("metadata", "details") if document.get("reason") == "Invalid" else ("metadata",)
    return {key: value for key, value in document.items() if value or key in kept}
