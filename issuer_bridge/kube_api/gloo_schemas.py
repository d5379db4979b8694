"""The shapes of Gloo Mesh's certificate kinds (its certificates.mesh.gloo.solo.io CRDs, and the older API's fields)."""

from __future__ import annotations

from collections.abc import Mapping

from issuer_bridge.kube_api.shapes import (
    BYTES,
    INTEGER,
    OPEN,
    STRING,
    STRING_MAP,
    STRINGS,
    Schema,
    array,
    fields,
    one_of,
    resource,
)
from issuer_bridge.resources import GLOO_REQUEST, ISSUED_CERTIFICATE, POD_BOUNCE_DIRECTIVE, Kind

_REFERENCE = fields(name=STRING, namespace=STRING)
_PODS = array(
    fields(
        namespace=STRING,
        labels=STRING_MAP,
        waitForReplicas=INTEGER,
        rootCertSync=fields(secretRef=_REFERENCE, secretKey=STRING, configMapRef=_REFERENCE, configMapKey=STRING),
    )
)
# uids are ours: a pod of a StatefulSet comes back under its name.
_BOUNCED = array(fields(bouncedPods=STRINGS, uids=STRINGS))

_ISSUED_CERTIFICATE = resource(
    "spec",
    spec=fields(
        hosts=STRINGS,
        org=STRING,
        signingCertificateSecret=_REFERENCE,
        issuedCertificateSecret=_REFERENCE,
        podsToBounce=_PODS,
        podBounceDirective=_REFERENCE,
        certOptions=fields(
            ttlDays=INTEGER, rsaKeySizeBytes=INTEGER, orgName=STRING, secretRotationGracePeriodRatio={"type": "number"}
        ),
        glooMeshCa=fields(signingCertificateSecret=_REFERENCE),
        agentCa=OPEN,
    ),
    # What follows the state is ours: the CSR where the older API has it, and what a restart must not forget.
    status=fields(
        observedGeneration=INTEGER,
        error=STRING,
        state=one_of("PENDING", "REQUESTED", "ISSUED", "FINISHED", "FAILED"),
        certificateSigningRequest=BYTES,
        podsBounced=_BOUNCED,
        failures=INTEGER,
        failedAt=STRING,
    ),
)
_REQUEST = resource(
    "spec",
    spec=fields(certificateSigningRequest=BYTES),
    status=fields(
        observedGeneration=INTEGER,
        error=STRING,
        state=one_of("PENDING", "FINISHED", "FAILED"),
        signedCertificate=BYTES,
        signingRootCa=BYTES,
    ),
)

GLOO_SCHEMAS: Mapping[Kind, Schema] = {
    ISSUED_CERTIFICATE: _ISSUED_CERTIFICATE,
    GLOO_REQUEST: _REQUEST,
    POD_BOUNCE_DIRECTIVE: resource("spec", spec=fields(podsToBounce=_PODS), status=fields(podsBounced=_BOUNCED)),
}
