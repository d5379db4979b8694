"""The shapes of cert-manager's kinds (its v1 CRDs, deploy/crds), and all shapes by kind."""

from __future__ import annotations

from collections.abc import Mapping

from issuer_bridge.acme_issuer.parameters import own_fields, spec_name
from issuer_bridge.acme_issuer.translation import FIELDS
from issuer_bridge.kube_api.certificate_schema import CERTIFICATE_SCHEMA
from issuer_bridge.kube_api.core_schemas import CORE_SCHEMAS
from issuer_bridge.kube_api.definition_schema import DEFINITION_SCHEMA
from issuer_bridge.kube_api.gloo_schemas import GLOO_SCHEMAS
from issuer_bridge.kube_api.policy_schemas import POLICY_SCHEMAS
from issuer_bridge.kube_api.shapes import (
    ANYTHING,
    BOOLEAN,
    BYTES,
    CONDITIONS,
    INTEGER,
    ISSUER_REFERENCE,
    KEY_REFERENCE,
    OPEN,
    STRING,
    STRING_MAP,
    STRINGS,
    Schema,
    array,
    fields,
    mapping,
    one_of,
    resource,
)
from issuer_bridge.resources import (
    ACME_CLUSTER_ISSUER,
    ACME_ISSUER,
    CERTIFICATE,
    CERTIFICATE_REQUEST,
    CHALLENGE,
    CLUSTER_ISSUER,
    CUSTOM_RESOURCE_DEFINITION,
    ISSUER,
    ORDER,
    Kind,
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
CA = fields(
    "secretName",
    secretName=STRING,
    crlDistributionPoints=STRINGS,
    ocspServers=STRINGS,
    issuingCertificateURLs=STRINGS,
)
ISSUER_TYPES: Mapping[str, Schema] = {
    "acme": ACME,
    "ca": CA,
    "selfSigned": fields(crlDistributionPoints=STRINGS),
    "vault": OPEN,
    "venafi": OPEN,
}
_ISSUER = resource(
    "spec",
    spec=fields(**ISSUER_TYPES),
    status=fields(
        conditions=CONDITIONS,
        acme=fields(uri=STRING, lastRegisteredEmail=STRING, lastPrivateKeyHash=STRING),
    ),
)
_ACME_ISSUER = resource(
    "spec",
    spec=fields(
        "directory accountKeySecretRef",
        directory=STRING,
        eab=fields("keyID secretRef", keyID=STRING, secretRef=KEY_REFERENCE),
        accountKeySecretRef=KEY_REFERENCE,
        enableDuration=BOOLEAN,
        **{name: ACME["properties"][name] for name in FIELDS if name in ACME["properties"]},
        **{spec_name(field.name): INTEGER if isinstance(field.default, int) else STRING for field in own_fields()},
    ),
    status=fields(
        conditions=CONDITIONS,
        accountURL=STRING,
        lastRegisteredEmail=STRING,
        lastKeyHash=STRING,
        notBefore=STRING,
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

# A kind that nobody described.
_UNKNOWN: Schema = {**resource(), **ANYTHING}

SCHEMAS: Mapping[Kind, Schema] = {
    ISSUER: _ISSUER,
    CLUSTER_ISSUER: _ISSUER,
    **dict.fromkeys((ACME_ISSUER, ACME_CLUSTER_ISSUER), _ACME_ISSUER),
    CERTIFICATE: CERTIFICATE_SCHEMA,
    CERTIFICATE_REQUEST: _CERTIFICATE_REQUEST,
    ORDER: _ORDER,
    CHALLENGE: _CHALLENGE,
    **POLICY_SCHEMAS,
    **CORE_SCHEMAS,
    **GLOO_SCHEMAS,
    CUSTOM_RESOURCE_DEFINITION: DEFINITION_SCHEMA,
}


def schema_of(kind: Kind) -> Schema:
    """Return the schema of whole objects of a kind."""
    if kind.definition:
        found: Schema = kind.definition.schema
        return found
    return SCHEMAS.get(kind, _UNKNOWN)
