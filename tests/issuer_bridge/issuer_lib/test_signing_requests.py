"""CertificateSigningRequests of Kubernetes: issuer-lib's own table; a wait is an event only, and there is no Ready."""

import base64
from datetime import timedelta

import pytest

from acme_server.protocol.times import rfc3339
from issuer_bridge.issuer_lib.forms import SIGNING_REQUESTS
from issuer_bridge.issuer_lib.outcomes import Bundle, Pending, Permanent, WithCondition
from issuer_bridge.issuer_lib.reading import request_of
from issuer_bridge.issuer_lib.requests import decide, mine, signed
from issuer_bridge.issuer_lib.steps import NOTHING, Ask, Event, Step
from issuer_bridge.outcomes import Done, Retry, Wait
from tests.issuer_bridge.issuer_lib.lib_resources import (
    APPROVED,
    DENIED,
    GROUP,
    HEALTHY,
    KINDS,
    OURS,
    T1,
    T2,
    TEST_CLUSTER_ISSUER,
    UPSTREAM,
    condition,
    issuer,
    ready,
    signing_request,
)

LATE = T2 - timedelta(minutes=2)
ERROR = Exception("test error")
NOT_READY = "Waiting for issuer to become ready. Current issuer ready condition"
FAILURE = "CertificateSigningRequest has failed permanently: test error"
SECOND, FIVE = Wait(timedelta(seconds=1)), Wait(timedelta(seconds=5))


def updated(*arguments):
    return {**condition(*arguments), "lastUpdateTime": rfc3339(T2)}


OWN = updated("Own", "True", "OwnReason", "test error")
KNOWN = condition("Own", "True", "OldReason", "old", T1)
OWN_SINCE = {**OWN, "lastTransitionTime": rfc3339(T1)}
FAILED = updated("Failed", "True", "Failed", FAILURE)


def cluster_issuer(*conditions, generation=70):
    return issuer(*conditions, kind=TEST_CLUSTER_ISSUER, name="cluster-issuer-1", generation=generation)


def own(inner):
    return WithCondition(inner, "Own", "True", "OwnReason")


def step(*conditions, event, then=None, **fields):
    status = {**({"conditions": list(conditions)} if conditions else {}), **fields}
    return Step(status, Event(*event), then or Done())


RETRIED = ("Warning", "RetryableError", "Failed to sign CertificateSigningRequest, will retry: test error")
ENDED = ("Warning", "PermanentError", FAILURE)
TWICE = "Signing still in progress. Reason: Signing still in progress. Reason: test error"
POLLED = ("Warning", "Pending", TWICE)
ISSUED = step(
    event=("Normal", "Issued", "Succeeded signing the CertificateSigningRequest"),
    certificate=base64.b64encode(b"a chain").decode(),
)
FINE = cluster_issuer(HEALTHY)


def usual(*conditions, created=T1, **fields):
    return signing_request(APPROVED, *conditions, created=created, **fields)


def waits(text, reason):
    return step(event=("Normal", reason, text))


TABLE = {
    "2 neither approved nor denied": (signing_request(), FINE, ERROR, NOTHING),
    "3 another group": (usual(signer="testclusterissuers.other/name"), FINE, ERROR, NOTHING),
    "4 another kind": (usual(signer=f"unknown.{GROUP}/name"), FINE, ERROR, NOTHING),
    "5 ready": (usual(certificate="x"), FINE, ERROR, NOTHING),
    "6 failed": (usual(condition("Failed", "True", "Failed", "m")), FINE, ERROR, NOTHING),
    "7 denied": (usual(DENIED), FINE, ERROR, NOTHING),
    "10 no issuer": (
        usual(),
        None,
        ERROR,
        waits(
            f'testclusterissuers.{GROUP} "cluster-issuer-1" not found. Waiting for it to be created.',
            "WaitingForIssuerExist",
        ),
    ),
    "11 issuer without Ready": (
        usual(),
        cluster_issuer(),
        ERROR,
        waits(f"{NOT_READY}: <none>.", "WaitingForIssuerReady"),
    ),
    "12 issuer not ready": (
        usual(),
        cluster_issuer(ready("False", "[REASON]", "[MESSAGE]", T1, 70)),
        ERROR,
        waits(f'{NOT_READY} is "[REASON]": [MESSAGE].', "WaitingForIssuerReady"),
    ),
    "13 issuer outdated": (
        usual(),
        cluster_issuer(HEALTHY, generation=71),
        ERROR,
        waits(f"{NOT_READY} is outdated.", "WaitingForIssuerReady"),
    ),
    "14 too late to retry": (usual(created=LATE), FINE, ERROR, step(FAILED, event=ENDED)),
    "15 pending": (usual(created=LATE), FINE, Pending("test error"), step(event=POLLED, then=SECOND)),
    "16 pending for so long": (
        usual(created=LATE),
        FINE,
        Pending("test error", timedelta(seconds=5)),
        step(event=POLLED, then=FIVE),
    ),
    "17 own condition, new": (usual(created=T2), FINE, own(ERROR), step(OWN, event=RETRIED)),
    "18 own condition, known": (
        usual(KNOWN, created=T2),
        FINE,
        own(ERROR),
        step(OWN_SINCE, event=RETRIED, then=Retry("test error")),
    ),
    "19 own condition, new, too late": (usual(created=LATE), FINE, own(ERROR), step(OWN, FAILED, event=ENDED)),
    "20 own condition, known, too late": (
        usual(KNOWN, created=LATE),
        FINE,
        own(ERROR),
        step(OWN_SINCE, FAILED, event=ENDED),
    ),
    "21 own condition and pending": (
        usual(created=LATE),
        FINE,
        own(Pending("test error")),
        step(OWN, event=POLLED),
    ),
    "22 own condition and permanent": (
        usual(created=T2),
        FINE,
        own(Permanent("test error")),
        step(OWN, FAILED, event=ENDED),
    ),
    "23 permanent": (usual(created=T2), FINE, Permanent("test error"), step(FAILED, event=ENDED)),
    "24 retry": (usual(created=T2), FINE, ERROR, step(event=RETRIED, then=Retry("test error"))),
    "25 a namespaced issuer": (usual(signer=f"testissuers.{GROUP}/ns1.issuer-1"), FINE, Bundle(b"a chain"), NOTHING),
    "26 issued": (usual(), FINE, Bundle(b"a chain"), ISSUED),
}


@pytest.mark.seed("L11")
@pytest.mark.parametrize(("resource", "found", "said", "expected"), TABLE.values(), ids=list(TABLE))
def test_as_issuer_lib(resource, found, said, expected):
    assert look(resource, found, UPSTREAM, said) == expected


def look(resource, found, options, said):
    place = mine(resource, SIGNING_REQUESTS, KINDS, options)
    if place is None:
        return NOTHING
    found_step = decide(SIGNING_REQUESTS, resource, place, found, T2, options)
    return signed(SIGNING_REQUESTS, resource, found, said, T2, options) if isinstance(found_step, Ask) else found_step


def test_by_default_a_denied_one_is_left_alone_too():
    assert look(signing_request(DENIED), FINE, OURS, ERROR) == NOTHING


@pytest.mark.parametrize(
    ("annotations", "spec", "duration", "is_ca"),
    [
        ({}, {}, timedelta(days=90), False),
        ({}, {"expirationSeconds": 600}, timedelta(minutes=10), False),
        ({"duration": "1h"}, {"expirationSeconds": 600}, timedelta(hours=1), False),
        ({"is-ca": "true"}, {}, timedelta(days=90), True),
        ({"is-ca": "yes"}, {}, timedelta(days=90), False),
    ],
)
def test_what_it_has_no_field_for_is_in_annotations(annotations, spec, duration, is_ca):
    resource = signing_request()
    resource["metadata"]["annotations"] = {
        f"experimental.cert-manager.io/request-{key}": value for key, value in annotations.items()
    }
    resource["spec"].update(spec)
    request = request_of(resource)
    assert (request.duration, request.is_ca, request.usages) == (duration, is_ca, ("client auth",))
    assert (request.kind, request.namespace, request.csr) == ("CertificateSigningRequest", "", b"a CSR")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"annotations": {"experimental.cert-manager.io/request-duration": "soon"}}, "is not a duration"),
        ({"request": "%"}, "the request cannot be read"),
    ],
)
def test_one_that_cannot_be_read_fails_for_good(changes, why):
    resource = signing_request()
    resource["metadata"]["annotations"] = changes.get("annotations", {})
    resource["spec"]["request"] = changes.get("request", resource["spec"]["request"])
    with pytest.raises(Permanent, match=why):
        request_of(resource)
