"""Which changes are worth a look: issuer-lib's own tables of predicates."""

import pytest

from issuer_bridge.issuer_lib.triggers import essence, issuer_changed, issuer_moved, request_changed
from tests.issuer_bridge.issuer_lib.lib_resources import T1, T2, condition, issuer, ready, request

A, B = ready("True", "a", "m", T1, 1), ready("False", "b", "m", T1, 1)
OTHER = condition("Other", "True", "a", "m", T1)
APPROVED = condition("Approved", "True", "a", "m", T1)


def with_metadata(resource, **metadata):
    return {**resource, "metadata": {**resource["metadata"], **metadata}}


ANNOTATED = {"annotations": {"a": "b"}}
REQUESTS = [
    ("nothing known", None, request(), True),
    ("label", request(), with_metadata(request(), labels={"a": "b"}), False),
    ("annotation", request(), with_metadata(request(), **ANNOTATED), True),
    ("Ready's status", request(A), request(B), False),
    ("Ready came", request(), request(A), True),
    ("Ready came as another went", request(OTHER), request(A), True),
    ("Approved's status", request(APPROVED), request({**APPROVED, "status": "False"}), True),
    ("only a reason", request(APPROVED), request({**APPROVED, "reason": "b"}), False),
]


@pytest.mark.seed("L22")
@pytest.mark.parametrize(("old", "new", "expected"), [row[1:] for row in REQUESTS], ids=[row[0] for row in REQUESTS])
def test_a_request(old, new, expected):
    assert request_changed(old and essence(old), new) is expected


def test_of_a_kubernetes_request_every_condition_counts():
    failed = condition("Failed", "True", "a", "m", T1)
    assert request_changed(request(failed), request({**failed, "status": "False"}), None)
    assert request_changed(request(A), request(B), None)


LINKED = [
    ("nothing known", None, issuer(), True),
    ("another condition", issuer(OTHER), issuer({**OTHER, "status": "False"}), False),
    ("Ready came", issuer(), issuer(A), True),
    ("Ready came beside another", issuer(OTHER), issuer(OTHER, A), True),
    ("only reason and message", issuer(A), issuer({**A, "reason": "b", "message": "n"}), False),
    ("another generation seen", issuer(A), issuer({**A, "observedGeneration": 2}), True),
    ("Ready's status", issuer(A), issuer(B), True),
]


@pytest.mark.seed("L22", "B25")
@pytest.mark.parametrize(("old", "new", "expected"), [row[1:] for row in LINKED], ids=[row[0] for row in LINKED])
def test_the_requests_of_an_issuer(old, new, expected):
    assert issuer_moved(old and essence(old), new) is expected


ISSUERS = [
    ("nothing known", None, issuer(), True),
    ("nothing", issuer(A), issuer({**A, "lastTransitionTime": str(T2)}), False),
    ("generation", issuer(A), issuer(A, generation=71), True),
    ("annotation", issuer(A), with_metadata(issuer(A), **ANNOTATED), True),
    ("Ready came", issuer(), issuer(A), True),
    ("Ready's status", issuer(A), issuer(B), False),
]


@pytest.mark.seed("L23")
@pytest.mark.parametrize(("old", "new", "expected"), [row[1:] for row in ISSUERS], ids=[row[0] for row in ISSUERS])
def test_an_issuer(old, new, expected):
    assert issuer_changed(old and essence(old), new) is expected
