"""Annotations that change an http01 solver (upstream `pkg/controller/acmeorders/util_test.go`)."""

import pytest

from issuer_bridge.cert_manager.overrides import overridden

OVERRIDE = "acme.cert-manager.io/http01-override-ingress-"
PARENT = "acme.cert-manager.io/http01-parentref"
INGRESS = {"serviceType": "ClusterIP", "class": "old", "ingressClassName": "old", "name": "old"}
GATEWAY = {"name": "gw", "kind": "Gateway", "namespace": "default"}


def order(**annotations):
    return {"metadata": {"namespace": "default", "annotations": annotations}}


def ingress(annotations, given=INGRESS):
    return overridden({"http01": {"ingress": given}, "selector": {}}, order(**annotations))


def route(annotations, *parents):
    found = overridden(
        {"http01": {"gatewayHTTPRoute": {"labels": {}, "parentRefs": list(parents)}}}, order(**annotations)
    )
    return found["http01"]["gatewayHTTPRoute"]["parentRefs"]


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        ({}, INGRESS),
        ({f"{OVERRIDE}name": "new"}, {"serviceType": "ClusterIP", "name": "new"}),
        ({f"{OVERRIDE}class": "new"}, {"serviceType": "ClusterIP", "class": "new"}),
        ({f"{OVERRIDE}ingressclassname": "new"}, {"serviceType": "ClusterIP", "ingressClassName": "new"}),
    ],
)
def test_one_annotation_replaces_all_three_fields(annotations, expected):
    assert ingress(annotations) == {"http01": {"ingress": expected}, "selector": {}}


def test_two_annotations_contradict_each_other():
    with pytest.raises(ValueError, match="may not specify more than one of: name, class, ingressClassName override"):
        ingress({f"{OVERRIDE}name": "a", f"{OVERRIDE}class": "b"})


@pytest.mark.parametrize("solver", [{"dns01": {"webhook": {}}}, {"http01": {}}])
def test_other_solvers_stay_as_they_are(solver):
    assert solver == overridden(solver, order(**{f"{OVERRIDE}name": "new"}))


def test_the_issuer_s_own_solver_is_not_changed():
    given = dict(INGRESS)
    ingress({f"{OVERRIDE}name": "new"}, given)
    assert given == INGRESS


NAMED = {f"{PARENT}name": "gw", f"{PARENT}kind": "Gateway"}


@pytest.mark.parametrize(
    ("annotations", "parents", "expected"),
    [
        ({}, [GATEWAY], [GATEWAY]),
        (NAMED, [], [GATEWAY]),
        (NAMED, [GATEWAY], [GATEWAY]),
        (NAMED, [{"name": "gw", "namespace": "default"}], [GATEWAY]),
        (NAMED, [{"name": "gw"}], [{"name": "gw"}, GATEWAY]),
        (NAMED, [{"name": "other", "namespace": "default"}], [{"name": "other", "namespace": "default"}, GATEWAY]),
        (NAMED | {f"{PARENT}namespace": "infra"}, [GATEWAY], [GATEWAY, {**GATEWAY, "namespace": "infra"}]),
    ],
)
def test_a_parent_is_added_to_the_others(annotations, parents, expected):
    assert expected == route(annotations, *parents)


@pytest.mark.parametrize(
    ("annotations", "complaint"),
    [
        ({f"{PARENT}name": "gw"}, "cannot specify only one of parentRefName, parentRefKind"),
        ({f"{PARENT}kind": "Gateway"}, "cannot specify only one of parentRefName, parentRefKind"),
        ({}, "must specify parentRefs either through annotations or solver config"),
    ],
)
def test_a_route_without_a_parent_is_refused(annotations, complaint):
    with pytest.raises(ValueError, match=complaint):
        route(annotations)
