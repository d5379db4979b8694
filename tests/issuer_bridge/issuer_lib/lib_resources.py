"""The fixture of issuer-lib's own tables: issuer-1 and cluster-issuer-1, Ready since T1, and requests that name them."""

import base64
from datetime import UTC, datetime, timedelta

from acme_server.protocol.times import rfc3339
from issuer_bridge.issuer_lib.conduct import ISSUER_LIB, Options
from issuer_bridge.issuer_lib.matching import IssuerKind, Place

T1 = datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC)
T2 = T1 + timedelta(hours=4)
GROUP = "testing.cert-manager.io"
TEST_ISSUER = IssuerKind(GROUP, "v1alpha1", "TestIssuer", "testissuers")
TEST_CLUSTER_ISSUER = IssuerKind(GROUP, "v1alpha1", "TestClusterIssuer", "testclusterissuers", namespaced=False)
KINDS = (TEST_ISSUER, TEST_CLUSTER_ISSUER)
PLACE = Place(TEST_ISSUER, "ns1", "issuer-1")
OWNER = "test-owner"
CHECKED = "Succeeded checking the issuer"
UPSTREAM = Options(
    field_owner=OWNER, conduct=ISSUER_LIB, max_retry_duration=timedelta(minutes=1), poll=timedelta(seconds=1)
)
OURS = Options(field_owner=OWNER, max_retry_duration=timedelta(minutes=1), poll=timedelta(seconds=1))


def condition(type_, status, reason, message, since=T2, generation=None):
    found = {
        "type": type_,
        "status": status,
        "lastTransitionTime": rfc3339(since),
        "reason": reason,
        "message": message,
    }
    return found if generation is None else {**found, "observedGeneration": generation}


def ready(status, reason, message, since=T2, generation=None):
    return condition("Ready", status, reason, message, since, generation)


APPROVED = condition("Approved", "True", "ApprovedReason", "ApprovedMessage", T1)
DENIED = condition("Denied", "True", "DeniedReason", "DeniedMessage", T1)
BEGUN = ready("Unknown", "Initializing", f"{OWNER} has started reconciling this CertificateRequest", T1)
HEALTHY = ready("True", "Checked", CHECKED, T1, 70)


def issuer(*conditions, kind=TEST_ISSUER, name="issuer-1", generation=70, spec=None):
    metadata = {"name": name, "uid": f"uid-{name}", "generation": generation, "resourceVersion": "1"}
    if kind.namespaced:
        metadata["namespace"] = "ns1"
    status = {"conditions": list(conditions)} if conditions else {}
    return {
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "metadata": metadata,
        "spec": spec or {},
        "status": status,
    }


def request(*conditions, created=T1, group=GROUP, kind="TestIssuer", name="issuer-1", **status):
    return {
        "apiVersion": "cert-manager.io/v1",
        "kind": "CertificateRequest",
        "metadata": {"name": "cr1", "namespace": "ns1", "uid": "uid-cr1", "creationTimestamp": rfc3339(created)},
        "spec": {
            "request": base64.b64encode(b"a CSR").decode(),
            "issuerRef": {"group": group, "kind": kind, "name": name},
        },
        "status": {"conditions": list(conditions), **status},
    }


def signing_request(*conditions, created=T1, signer=f"testclusterissuers.{GROUP}/cluster-issuer-1", **status):
    return {
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        "metadata": {"name": "cr1", "uid": "uid-cr1", "creationTimestamp": rfc3339(created)},
        "spec": {"request": base64.b64encode(b"a CSR").decode(), "signerName": signer, "usages": ["client auth"]},
        "status": {"conditions": list(conditions), **status},
    }
