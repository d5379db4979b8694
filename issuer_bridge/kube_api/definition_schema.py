"""The shape of a CustomResourceDefinition (apiextensions.k8s.io/v1)."""

from __future__ import annotations

from issuer_bridge.kube_api.shapes import (
    BOOLEAN,
    INTEGER,
    OPEN,
    STRING,
    STRINGS,
    array,
    fields,
    keyed,
    one_of,
    resource,
)

_NAMES = fields(
    "kind plural",
    plural=STRING, singular=STRING, shortNames=STRINGS, kind=STRING, listKind=STRING, categories=STRINGS,
)  # fmt: skip
_COLUMN = fields(
    "jsonPath name type",
    name=STRING,
    type=one_of("boolean", "date", "integer", "number", "string"),
    format=STRING, description=STRING, priority=INTEGER, jsonPath=STRING,
)  # fmt: skip
_VERSION = fields(
    "name served storage",
    name=STRING,
    served=BOOLEAN,
    storage=BOOLEAN,
    deprecated=BOOLEAN,
    deprecationWarning=STRING,
    schema=fields(openAPIV3Schema=OPEN),
    subresources=fields(status=OPEN),
    additionalPrinterColumns=array(_COLUMN),
    selectableFields=array(fields("jsonPath", jsonPath=STRING)),
)
DEFINITION_SCHEMA = resource(
    "spec",
    spec=fields(
        "group names scope versions",
        group=STRING,
        names=_NAMES,
        scope=one_of("Cluster", "Namespaced"),
        versions=array(_VERSION),
        preserveUnknownFields=BOOLEAN,
        conversion=fields("strategy", strategy=one_of("None"), webhook=OPEN),
    ),
    status=fields(
        conditions=keyed(OPEN, "type"), acceptedNames=_NAMES, storedVersions=STRINGS, observedGeneration=INTEGER
    ),
)
