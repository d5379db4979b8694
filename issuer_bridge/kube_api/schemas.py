"""The shapes of the kinds, as OpenAPI v3 schemas in the subset that CRDs use.

The fields are those of cert-manager's v1 CRDs (deploy/crds) and of core v1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from issuer_bridge.resources import (
    CERTIFICATE_REQUEST,
    CHALLENGE,
    CLUSTER_ISSUER,
    EVENT,
    ISSUER,
    ORDER,
    SECRET,
    Kind,
)

Schema: TypeAlias = Mapping[str, Any]

ANYTHING: Schema = {"x-kubernetes-preserve-unknown-fields": True}
OPEN: Schema = {"type": "object", **ANYTHING}
STRING: Schema = {"type": "string"}
BYTES: Schema = {"type": "string", "format": "byte"}
INTEGER: Schema = {"type": "integer"}
BOOLEAN: Schema = {"type": "boolean"}


def fields(required: str = "", /, **properties: Schema) -> Schema:
    """Return an object with these fields; `required` names some of them, separated by blanks."""
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    return schema | {"required": required.split()} if required else schema


def array(items: Schema) -> Schema:
    """Return a list of items of one shape."""
    return {"type": "array", "items": items}


def mapping(values: Schema) -> Schema:
    """Return an object with any names and values of one shape."""
    return {"type": "object", "additionalProperties": values}


def one_of(*values: str) -> Schema:
    """Return a string that is one of these."""
    return {"type": "string", "enum": list(values)}


STRINGS, STRING_MAP = array(STRING), mapping(STRING)
KEY_REFERENCE = fields("name", name=STRING, key=STRING)
ISSUER_REFERENCE = fields("name", name=STRING, kind=STRING, group=STRING)

METADATA = fields(
    name=STRING,
    generateName=STRING,
    namespace=STRING,
    labels=STRING_MAP,
    annotations=STRING_MAP,
    finalizers=STRINGS,
    ownerReferences=array(
        fields(
            "apiVersion kind name uid",
            apiVersion=STRING,
            kind=STRING,
            name=STRING,
            uid=STRING,
            controller=BOOLEAN,
            blockOwnerDeletion=BOOLEAN,
        )
    ),
    uid=STRING,
    resourceVersion=STRING,
    generation=INTEGER,
    creationTimestamp=STRING,
    deletionTimestamp=STRING,
    deletionGracePeriodSeconds=INTEGER,
    selfLink=STRING,
    managedFields=array(OPEN),
)


def resource(required: str = "", /, **properties: Schema) -> Schema:
    """Return the schema of a whole object."""
    return fields(required, apiVersion=STRING, kind=STRING, metadata=METADATA, **properties)


CONDITIONS = array(
    fields(
        "type status",
        type=STRING,
        status=one_of("True", "False", "Unknown"),
        reason=STRING,
        message=STRING,
        lastTransitionTime=STRING,
        observedGeneration=INTEGER,
    )
)
STATE = one_of("", "valid", "ready", "pending", "processing", "invalid", "expired", "errored")

DNS01_PROVIDERS: Mapping[str, Schema] = {
    "akamai": OPEN,
    "cloudDNS": OPEN,
    "cloudflare": OPEN,
    "route53": OPEN,
    "azureDNS": OPEN,
    "digitalocean": OPEN,
    "acmeDNS": fields("host accountSecretRef", host=STRING, accountSecretRef=KEY_REFERENCE),
    "rfc2136": fields(
        "nameserver",
        nameserver=STRING,
        tsigSecretSecretRef=KEY_REFERENCE,
        tsigKeyName=STRING,
        tsigAlgorithm=STRING,
        protocol=one_of("TCP", "UDP"),
    ),
    "webhook": fields("groupName solverName", groupName=STRING, solverName=STRING, config=ANYTHING),
}
SOLVER = fields(
    selector=fields(matchLabels=STRING_MAP, dnsNames=STRINGS, dnsZones=STRINGS),
    http01=fields(
        ingress=fields(
            serviceType=one_of("ClusterIP", "NodePort"),
            ingressClassName=STRING,
            name=STRING,
            podTemplate=OPEN,
            ingressTemplate=OPEN,
            **{"class": STRING},
        ),
        gatewayHTTPRoute=fields(
            serviceType=one_of("ClusterIP", "NodePort"),
            labels=STRING_MAP,
            parentRefs=array(OPEN),
            podTemplate=OPEN,
        ),
    ),
    dns01=fields(cnameStrategy=one_of("None", "Follow"), nameservers=STRINGS, **DNS01_PROVIDERS),
    waitInsteadOfSelfCheck=STRING,
)
ACME = fields(
    "privateKeySecretRef server",
    server=STRING,
    email=STRING,
    preferredChain={"type": "string", "maxLength": 64},
    caBundle=BYTES,
    skipTLSVerify=BOOLEAN,
    externalAccountBinding=fields(
        "keyID keySecretRef",
        keyID=STRING,
        keySecretRef=KEY_REFERENCE,
        keyAlgorithm=one_of("HS256", "HS384", "HS512"),
    ),
    privateKeySecretRef=KEY_REFERENCE,
    solvers=array(SOLVER),
    disableAccountKeyGeneration=BOOLEAN,
    enableDurationFeature=BOOLEAN,
    profile=STRING,
    renewalInformationSource=one_of("ARI", "None"),
)
ISSUER_TYPES: Mapping[str, Schema] = {"acme": ACME, "ca": OPEN, "selfSigned": OPEN, "vault": OPEN, "venafi": OPEN}
_ISSUER = resource(
    "spec",
    spec=fields(**ISSUER_TYPES),
    status=fields(
        conditions=CONDITIONS,
        acme=fields(uri=STRING, lastRegisteredEmail=STRING, lastPrivateKeyHash=STRING),
    ),
)

_CERTIFICATE_REQUEST = resource(
    "spec",
    spec=fields(
        "issuerRef request",
        request=BYTES,
        issuerRef=ISSUER_REFERENCE,
        duration=STRING,
        isCA=BOOLEAN,
        usages=STRINGS,
        username=STRING,
        uid=STRING,
        groups=STRINGS,
        extra=mapping(STRINGS),
    ),
    status=fields(
        conditions=CONDITIONS,
        certificate=BYTES,
        ca=BYTES,
        failureTime=STRING,
    ),
)

_ORDER = resource(
    "spec",
    spec=fields(
        "issuerRef request",
        request=BYTES,
        issuerRef=ISSUER_REFERENCE,
        commonName=STRING,
        dnsNames=STRINGS,
        ipAddresses=STRINGS,
        duration=STRING,
        profile=STRING,
        replaces=STRING,
    ),
    status=fields(
        url=STRING,
        finalizeURL=STRING,
        authorizations=array(
            fields(
                "url",
                url=STRING,
                identifier=STRING,
                wildcard=BOOLEAN,
                initialState=STATE,
                challenges=array(fields("url token type", url=STRING, token=STRING, type=STRING)),
            )
        ),
        certificate=BYTES,
        state=STATE,
        reason=STRING,
        failureTime=STRING,
    ),
)

_CHALLENGE = resource(
    "spec",
    spec=fields(
        "authorizationURL dnsName issuerRef key solver token type url",
        url=STRING,
        authorizationURL=STRING,
        dnsName=STRING,
        wildcard=BOOLEAN,
        type=one_of("HTTP-01", "DNS-01"),
        token=STRING,
        key=STRING,
        solver=SOLVER,
        issuerRef=ISSUER_REFERENCE,
    ),
    status=fields(processing=BOOLEAN, presented=BOOLEAN, presentedAt=STRING, reason=STRING, state=STATE),
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

SCHEMAS: Mapping[Kind, Schema] = {
    ISSUER: _ISSUER,
    CLUSTER_ISSUER: _ISSUER,
    CERTIFICATE_REQUEST: _CERTIFICATE_REQUEST,
    ORDER: _ORDER,
    CHALLENGE: _CHALLENGE,
    SECRET: _SECRET,
    EVENT: _EVENT,
}
