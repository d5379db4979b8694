"""The shapes of Kubernetes' own kinds, as far as anything here reads them; the rest of an object is kept as it came."""

from __future__ import annotations

from collections.abc import Mapping

from issuer_bridge.kube_api.shapes import (
    BOOLEAN,
    BYTES,
    INTEGER,
    LABEL_SELECTOR,
    OPEN,
    STRING,
    STRING_MAP,
    STRINGS,
    Schema,
    array,
    atomic,
    conditions,
    fields,
    keyed,
    mapping,
    one_of,
    resource,
)
from issuer_bridge.resources import (
    CERTIFICATE_SIGNING_REQUEST,
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    CONFIG_MAP,
    DEPLOYMENT,
    EVENT,
    EVENT_VIEW,
    HTTP_ROUTE,
    INGRESS,
    LEASE,
    NAMESPACE,
    POD,
    ROLE,
    ROLE_BINDING,
    SECRET,
    SERVICE,
    SERVICE_ACCOUNT,
    VALIDATING_WEBHOOKS,
    Kind,
)

_PROTOCOL: Schema = {"type": "string", "default": "TCP"}
_SECRET = resource(type=STRING, data=mapping(BYTES), stringData=STRING_MAP, immutable=BOOLEAN)

_EVENT = resource(
    involvedObject=atomic(OPEN),
    reason=STRING,
    message=STRING,
    type=STRING,
    source=fields(component=STRING, host=STRING),
    firstTimestamp=STRING,
    lastTimestamp=STRING,
    count=INTEGER,
    eventTime=STRING,
    series=OPEN,
    action=STRING,
    related=atomic(OPEN),
    reportingComponent=STRING,
    reportingInstance=STRING,
)

# What the core's names of an Event's fields are in events.k8s.io (pkg/apis/events/v1/conversion.go).
EVENT_NAMES: Mapping[str, str] = {
    "involvedObject": "regarding",
    "message": "note",
    "reportingComponent": "reportingController",
    "source": "deprecatedSource",
    "firstTimestamp": "deprecatedFirstTimestamp",
    "lastTimestamp": "deprecatedLastTimestamp",
    "count": "deprecatedCount",
}
_EVENT_VIEW: Schema = {
    **_EVENT,
    "properties": {EVENT_NAMES.get(name, name): shape for name, shape in _EVENT["properties"].items()},
}

_LEASE = resource(
    spec=fields(
        holderIdentity=STRING,
        leaseDurationSeconds=INTEGER,
        acquireTime=STRING,
        renewTime=STRING,
        leaseTransitions=INTEGER,
        strategy=STRING,
        preferredHolder=STRING,
    )
)

_INGRESS = resource(
    spec=fields(
        ingressClassName=STRING,
        defaultBackend=OPEN,
        tls=array(fields(hosts=STRINGS, secretName=STRING)),
        rules=array(
            fields(
                host=STRING,
                http=fields(
                    "paths", paths=array(fields("backend pathType", path=STRING, pathType=STRING, backend=OPEN))
                ),
            )
        ),
    ),
    status=OPEN,
)

_CONTAINER = {
    **fields(
        name=STRING,
        ports=keyed({**fields(containerPort=INTEGER, protocol=_PROTOCOL), **OPEN}, "containerPort", "protocol"),
        env=keyed({**fields(name=STRING), **OPEN}, "name"),
    ),
    **OPEN,
}
_POD = {
    **fields(
        containers=keyed(_CONTAINER, "name"),
        initContainers=keyed(_CONTAINER, "name"),
        volumes=keyed({**fields(name=STRING), **OPEN}, "name"),
    ),
    **OPEN,
}
_DEPLOYMENT = {
    **fields("selector template", selector=LABEL_SELECTOR, template=fields(metadata=OPEN, spec=_POD)),
    **OPEN,
}
_SERVICE = {
    **fields(
        ports=keyed({**fields(port=INTEGER, protocol=_PROTOCOL), **OPEN}, "port", "protocol"),
        selector=atomic(STRING_MAP),
    ),
    **OPEN,
}
_RULES = array(
    fields("verbs", verbs=STRINGS, apiGroups=STRINGS, resources=STRINGS, resourceNames=STRINGS, nonResourceURLs=STRINGS)
)
_BINDING = resource(
    "roleRef",
    subjects=array(fields("kind name", kind=STRING, apiGroup=STRING, name=STRING, namespace=STRING)),
    roleRef=fields("kind name", apiGroup=STRING, kind=one_of("Role", "ClusterRole"), name=STRING),
)

_SPEC_AND_STATUS = resource(spec=OPEN, status=OPEN)

_SIGNING_REQUEST = resource(
    "spec",
    spec=fields(
        "request signerName",
        request=BYTES,
        signerName=STRING,
        expirationSeconds=INTEGER,
        usages=STRINGS,
        username=STRING,
        uid=STRING,
        groups=STRINGS,
        extra=mapping(STRINGS),
    ),
    status=fields(
        conditions=conditions(lastUpdateTime=STRING),
        certificate=BYTES,
    ),
)

WEBHOOKS = resource(
    webhooks=keyed(
        fields(
            "admissionReviewVersions clientConfig name sideEffects",
            name=STRING,
            clientConfig=fields(url=STRING, caBundle=BYTES, service=OPEN),
            rules=array(
                fields(
                    "apiGroups apiVersions operations resources",
                    operations=array(one_of("*", "CREATE", "UPDATE", "DELETE", "CONNECT")),
                    apiGroups=STRINGS,
                    apiVersions=STRINGS,
                    resources=STRINGS,
                    scope={**one_of("*", "Cluster", "Namespaced"), "default": "*"},
                )
            ),
            failurePolicy={**one_of("Fail", "Ignore"), "default": "Fail"},
            matchPolicy={**one_of("Equivalent", "Exact"), "default": "Equivalent"},
            namespaceSelector={**LABEL_SELECTOR, "default": {}},
            objectSelector={**LABEL_SELECTOR, "default": {}},
            sideEffects=one_of("None", "NoneOnDryRun"),
            timeoutSeconds={**INTEGER, "default": 10},
            admissionReviewVersions=STRINGS,
            matchConditions=array(OPEN),
        ),
        "name",
    )
)

CORE_SCHEMAS: Mapping[Kind, Schema] = {
    NAMESPACE: _SPEC_AND_STATUS,
    SECRET: _SECRET,
    CONFIG_MAP: resource(data=STRING_MAP, binaryData=mapping(BYTES), immutable=BOOLEAN),
    SERVICE_ACCOUNT: resource(secrets=array(OPEN), imagePullSecrets=array(OPEN), automountServiceAccountToken=BOOLEAN),
    POD: resource(spec=_POD, status=OPEN),
    SERVICE: resource(spec=_SERVICE, status=OPEN),
    DEPLOYMENT: resource(spec=_DEPLOYMENT, status=OPEN),
    EVENT: _EVENT,
    EVENT_VIEW: _EVENT_VIEW,
    INGRESS: _INGRESS,
    HTTP_ROUTE: _SPEC_AND_STATUS,
    LEASE: _LEASE,
    ROLE: resource(rules=_RULES),
    ROLE_BINDING: _BINDING,
    CLUSTER_ROLE: resource(rules=_RULES, aggregationRule=OPEN),
    CLUSTER_ROLE_BINDING: _BINDING,
    CERTIFICATE_SIGNING_REQUEST: _SIGNING_REQUEST,
    VALIDATING_WEBHOOKS: WEBHOOKS,
}
