"""The shapes of Kubernetes' own kinds, as far as anything here reads them; the rest of an object is kept as it came."""

from __future__ import annotations

from collections.abc import Mapping

from issuer_bridge.kube_api.shapes import (
    BOOLEAN,
    BYTES,
    INTEGER,
    OPEN,
    STRING,
    STRING_MAP,
    STRINGS,
    Schema,
    array,
    fields,
    mapping,
    resource,
)
from issuer_bridge.resources import (
    CONFIG_MAP,
    EVENT,
    HTTP_ROUTE,
    INGRESS,
    LEASE,
    NAMESPACE,
    POD,
    SECRET,
    SERVICE,
    SERVICE_ACCOUNT,
    Kind,
)

_SECRET = resource(type=STRING, data=mapping(BYTES), stringData=STRING_MAP, immutable=BOOLEAN)

_EVENT = resource(
    involvedObject=OPEN,
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
    related=OPEN,
    reportingComponent=STRING,
    reportingInstance=STRING,
)

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

_SPEC_AND_STATUS = resource(spec=OPEN, status=OPEN)

CORE_SCHEMAS: Mapping[Kind, Schema] = {
    NAMESPACE: _SPEC_AND_STATUS,
    SECRET: _SECRET,
    CONFIG_MAP: resource(data=STRING_MAP, binaryData=mapping(BYTES), immutable=BOOLEAN),
    SERVICE_ACCOUNT: resource(secrets=array(OPEN), imagePullSecrets=array(OPEN), automountServiceAccountToken=BOOLEAN),
    POD: _SPEC_AND_STATUS,
    SERVICE: _SPEC_AND_STATUS,
    EVENT: _EVENT,
    INGRESS: _INGRESS,
    HTTP_ROUTE: _SPEC_AND_STATUS,
    LEASE: _LEASE,
}
