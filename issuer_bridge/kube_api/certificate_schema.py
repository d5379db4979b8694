"""The shape of a Certificate (deploy/crds of cert-manager)."""

from __future__ import annotations

from issuer_bridge.kube_api.shapes import (
    BOOLEAN,
    CONDITIONS,
    INTEGER,
    ISSUER_REFERENCE,
    KEY_REFERENCE,
    OPEN,
    STRING,
    STRING_MAP,
    STRINGS,
    array,
    fields,
    one_of,
    resource,
)

_PERMITTED = fields(dnsDomains=STRINGS, ipRanges=STRINGS, emailAddresses=STRINGS, uriDomains=STRINGS)
_PASSWORD = {"create": BOOLEAN, "password": STRING, "passwordSecretRef": KEY_REFERENCE}
CERTIFICATE_SCHEMA = resource(
    "spec",
    spec=fields(
        "issuerRef secretName",
        secretName=STRING,
        secretTemplate=fields(annotations=STRING_MAP, labels=STRING_MAP),
        issuerRef=ISSUER_REFERENCE,
        commonName=STRING,
        dnsNames=STRINGS,
        ipAddresses=STRINGS,
        uris=STRINGS,
        emailAddresses=STRINGS,
        otherNames=array(fields(oid=STRING, utf8Value=STRING)),
        subject=fields(
            organizations=STRINGS,
            countries=STRINGS,
            organizationalUnits=STRINGS,
            localities=STRINGS,
            provinces=STRINGS,
            streetAddresses=STRINGS,
            postalCodes=STRINGS,
            serialNumber=STRING,
        ),
        literalSubject=STRING,
        duration=STRING,
        renewBefore=STRING,
        renewBeforePercentage=INTEGER,
        renewal=fields(policy=one_of("RenewBefore", "Disabled"), windows=array(OPEN)),
        usages=array(
            one_of(
                *("signing", "digital signature", "content commitment", "key encipherment", "key agreement"),
                *("data encipherment", "cert sign", "crl sign", "encipher only", "decipher only", "any"),
                *("server auth", "client auth", "code signing", "email protection", "s/mime", "ipsec end system"),
                *("ipsec tunnel", "ipsec user", "timestamping", "ocsp signing", "microsoft sgc", "netscape sgc"),
            )
        ),
        encodeUsagesInRequest=BOOLEAN,
        isCA=BOOLEAN,
        privateKey=fields(
            algorithm=one_of("RSA", "ECDSA", "Ed25519"),
            encoding=one_of("PKCS1", "PKCS8"),
            rotationPolicy=one_of("Never", "Always"),
            size=INTEGER,
        ),
        signatureAlgorithm=STRING,
        revisionHistoryLimit=INTEGER,
        additionalOutputFormats=array(fields("type", type=one_of("DER", "CombinedPEM"))),
        keystores=fields(
            jks=fields("create", alias=STRING, **_PASSWORD), pkcs12=fields("create", profile=STRING, **_PASSWORD)
        ),
        nameConstraints=fields(critical=BOOLEAN, permitted=_PERMITTED, excluded=_PERMITTED),
    ),
    status=fields(
        conditions=CONDITIONS,
        lastFailureTime=STRING,
        failedIssuanceAttempts=INTEGER,
        notBefore=STRING,
        notAfter=STRING,
        renewalTime=STRING,
        revision=INTEGER,
        nextPrivateKeySecretName=STRING,
        acme=OPEN,
    ),
)
