"""What a CustomResourceDefinition must be (apiextensions-apiserver, pkg/apis/apiextensions/validation)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from issuer_bridge.kube_api.core_rules import Rule, UpdateRule
from issuer_bridge.kube_api.schema_check import causes, type_name
from issuer_bridge.kube_api.shapes import (
    ANYTHING,
    BOOLEAN,
    OPEN,
    STRING,
    STRINGS,
    Schema,
    array,
    fields,
    mapping,
    one_of,
)
from issuer_bridge.kube_api.statuses import Cause, forbidden, invalid_value, quoted, required
from issuer_bridge.resources import CUSTOM_RESOURCE_DEFINITION, Kind, Resource

_LABEL = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
_TYPES = ("array", "boolean", "integer", "number", "object", "string")
_UNTYPED = ("x-kubernetes-preserve-unknown-fields", "x-kubernetes-int-or-string")
_FORBIDDEN = (
    "$ref",
    "definitions",
    "dependencies",
    "deprecated",
    "discriminator",
    "id",
    "patternProperties",
    "readOnly",
)
_BELOW = ("items", "additionalProperties", "not")
_JUNCTIONS = ("allOf", "anyOf", "oneOf")
_LIST: Schema = {"type": "array", "items": ANYTHING}
_NUMBER: Schema = {"type": "number"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
# What the keywords of a schema hold.
_KEYWORDS = fields(
    type=one_of(*_TYPES),
    properties=mapping(OPEN),
    required=STRINGS,
    enum={**_LIST, "minItems": 1},
    format=STRING,
    pattern=STRING,
    nullable=BOOLEAN,
    multipleOf={**_NUMBER, "minimum": 0, "exclusiveMinimum": True},
    **dict.fromkeys(("minimum", "maximum"), _NUMBER),
    **dict.fromkeys(("exclusiveMinimum", "exclusiveMaximum", "uniqueItems"), BOOLEAN),
    **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"), _COUNT),
    **dict.fromkeys(("items", "not"), OPEN),
    **dict.fromkeys(_JUNCTIONS, array(OPEN)),
    **dict.fromkeys((*_UNTYPED, "x-kubernetes-embedded-resource"), BOOLEAN),
    **{
        "x-kubernetes-list-type": one_of("atomic", "map", "set"),
        "x-kubernetes-map-type": one_of("atomic", "granular"),
        "x-kubernetes-list-map-keys": {**STRINGS, "minItems": 1},
    },
)


def _definition(crd: Resource) -> Iterator[Cause]:
    spec = crd["spec"]
    names, versions = spec["names"], spec["versions"]
    wanted = f"{names['plural']}.{spec['group']}"
    if crd["metadata"]["name"] != wanted:
        text = 'must be spec.names.plural+"."+spec.group'
        yield invalid_value("metadata.name", quoted(crd["metadata"]["name"]), text)
    if "." not in spec["group"]:
        yield invalid_value("spec.group", quoted(spec["group"]), "should be a domain with at least one dot")
    for name in ("plural", "singular"):
        if not _LABEL.fullmatch(names[name]):
            yield invalid_value(
                f"spec.names.{name}", quoted(names[name]), "a DNS-1035 label is lower case, and begins with a letter"
            )
    if names["kind"] == names["listKind"]:
        yield invalid_value("spec.names.listKind", quoted(names["listKind"]), "kind and listKind may not be the same")
    if sum(version["storage"] for version in versions) != 1:
        yield invalid_value("spec.versions", '""', "must have exactly one version marked as storage version")
    if len({version["name"] for version in versions}) < len(versions):
        yield invalid_value("spec.versions", '""', "must contain unique version names")
    if not any(version["served"] for version in versions):
        yield invalid_value("spec.versions", '""', "must have at least one version that is served")
    for index, version in enumerate(versions):
        yield from _version(version, f"spec.versions[{index}]")


def _version(version: Mapping[str, Any], path: str) -> Iterator[Cause]:
    if not _LABEL.fullmatch(version["name"]):
        yield invalid_value(
            f"{path}.name", quoted(version["name"]), "a DNS-1035 label is lower case, and begins with a letter"
        )
    path = f"{path}.schema.openAPIV3Schema"
    schema = (version.get("schema") or {}).get("openAPIV3Schema")
    if schema is None:
        yield required(path, "schemas are required")
    elif schema.get("type") != "object":
        yield invalid_value(f"{path}.type", quoted(str(schema.get("type", ""))), "must be object at the root")
    else:
        yield from _structural(schema, path)


def _structural(schema: Schema, path: str, *, typed: bool = True) -> Iterator[Cause]:
    """A structural schema names the type of each value, so that everything else can be pruned."""
    found = list(causes(_KEYWORDS, schema, path))
    if found:
        yield from found
        return
    kind, list_type = schema.get("type"), schema.get("x-kubernetes-list-type")
    if typed and kind is None and not any(schema.get(flag) for flag in _UNTYPED):
        yield required(f"{path}.type", "must not be empty for specified object fields")
    for name in (*_FORBIDDEN, *(() if typed else ("default", "additionalProperties", "nullable"))):
        if name in schema:
            yield forbidden(f"{path}.{name}", "must be empty to be structural")
    if (kind == "array" or list_type) and not (kind == "array" and "items" in schema) and typed:
        yield required(f"{path}.items", "must be specified")
    if list_type == "map" and "x-kubernetes-list-map-keys" not in schema:
        yield required(f"{path}.x-kubernetes-list-map-keys", "must not be empty if x-kubernetes-list-type is map")
    if schema.get("uniqueItems"):
        yield forbidden(f"{path}.uniqueItems", "uniqueItems cannot be set to true; x-kubernetes-list-type: set can be")
    if schema.get("properties") and schema.get("additionalProperties"):
        yield forbidden(f"{path}.additionalProperties", "additionalProperties and properties are mutual exclusive")
    try:
        re.compile(schema.get("pattern", ""))
    except re.error:
        yield invalid_value(f"{path}.pattern", quoted(schema["pattern"]), "must be a regular expression")
    below = [(f"properties[{name}]", item, typed) for name, item in schema.get("properties", {}).items()]
    below += [(name, schema[name], typed and name != "not") for name in _BELOW if schema.get(name) not in (None, True)]
    below += [(f"{name}[{n}]", item, False) for name in _JUNCTIONS for n, item in enumerate(schema.get(name, ()))]
    wrong = [cause for name, item, all_typed in below for cause in _part(item, f"{path}.{name}", all_typed)]
    yield from wrong or (causes(schema, schema["default"], f"{path}.default") if "default" in schema else ())


def _part(schema: Any, path: str, typed: bool) -> Iterator[Cause]:
    if isinstance(schema, dict):
        return _structural(schema, path, typed=typed)
    return iter([invalid_value(path, quoted(type_name(schema)), "must be a schema")])


def _stays(crd: Resource, changed: Resource) -> Iterator[Cause]:
    before, after = crd["spec"], changed["spec"]
    for path in ("group", "scope", "names.plural", "names.kind"):
        old: Any = before
        new: Any = after
        for name in path.split("."):
            old, new = old[name], new[name]
        if old != new:
            yield invalid_value(f"spec.{path}", quoted(new), "field is immutable")
    listed = [version["name"] for version in after["versions"]]
    for index, name in enumerate((changed.get("status") or {}).get("storedVersions") or ()):
        if name not in listed:
            text = (
                f"missing from spec.versions; {name} was previously a storage version, and must remain in spec.versions"
            )
            yield invalid_value(f"status.storedVersions[{index}]", quoted(name), text)


DEFINITION_RULES: Mapping[Kind, tuple[Rule, ...]] = {CUSTOM_RESOURCE_DEFINITION: (_definition,)}
DEFINITION_UPDATE_RULES: Mapping[Kind, tuple[UpdateRule, ...]] = {CUSTOM_RESOURCE_DEFINITION: (_stays,)}
