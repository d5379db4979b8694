"""The shape of CertificateRequestPolicy (approver-policy deploy/crds)."""

from __future__ import annotations

from collections.abc import Mapping

from issuer_bridge.kube_api.shapes import (
    BOOLEAN,
    CONDITIONS,
    INTEGER,
    STRING,
    STRING_MAP,
    STRINGS,
    Schema,
    array,
    fields,
    keyed,
    mapping,
    resource,
)
from issuer_bridge.resources import CERTIFICATE_REQUEST_POLICY, Kind

_RULES = keyed(fields("rule", rule=STRING, message=STRING), "rule")
_ONE = fields(required=BOOLEAN, value=STRING, validations=_RULES)
_MANY = fields(required=BOOLEAN, values=STRINGS, validations=_RULES)
_BY_OID = keyed(fields("oid", oid=STRING, required=BOOLEAN, values=STRINGS, validations=_RULES), "oid")

POLICY_SCHEMAS: Mapping[Kind, Schema] = {
    CERTIFICATE_REQUEST_POLICY: resource(
        "spec",
        spec=fields(
            "selector",
            allowed=fields(
                commonName=_ONE,
                dnsNames=_MANY,
                ipAddresses=_MANY,
                uris=_MANY,
                emailAddresses=_MANY,
                isCA=BOOLEAN,
                usages=array(STRING),
                otherNames=_BY_OID,
                subject=fields(
                    organizations=_MANY,
                    countries=_MANY,
                    organizationalUnits=_MANY,
                    localities=_MANY,
                    provinces=_MANY,
                    streetAddresses=_MANY,
                    postalCodes=_MANY,
                    serialNumber=_ONE,
                    otherAttributes=_BY_OID,
                ),
            ),
            constraints=fields(
                minDuration=STRING,
                maxDuration=STRING,
                privateKey=fields(algorithm=STRING, minSize=INTEGER, maxSize=INTEGER),
            ),
            plugins=mapping(fields(values=STRING_MAP)),
            selector=fields(
                issuerRef=fields(name=STRING, kind=STRING, group=STRING),
                namespace=fields(matchNames=STRINGS, matchLabels=STRING_MAP),
            ),
        ),
        status=fields(conditions=CONDITIONS),
    )
}
