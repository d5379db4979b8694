"""Which pods are restarted next, as a table and for any selectors, pods and crashes."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from issuer_bridge.gloo.bouncing import Await, Delete, Mark, bounce, is_synced
from tests.issuer_bridge.gloo.gloo_resources import pod


def a_pod(name, namespace="istio-system", *, uid=None, ready=False, **labels):
    made = pod(name, namespace, **labels)
    conditions = [{"type": "Ready", "status": str(ready)}]
    return {**made, "metadata": {**made["metadata"], "uid": uid or name}, "status": {"conditions": conditions}}


ISTIOD = {"namespace": "istio-system", "labels": {"app": "istiod"}, "waitForReplicas": 1}
SHOP = {"namespace": "shop", "labels": {"team": "shop"}}
OLD, NEW = a_pod("istiod-0", app="istiod", ready=True), a_pod("istiod-1", app="istiod", ready=True)
WEB = a_pod("web-0", "shop", team="shop", tier="web")


def marks(*names):
    return [{"bouncedPods": [name], "uids": [name]} for name in names]


@pytest.mark.parametrize(
    ("bounced", "pods", "expected"),
    [
        ([], [OLD, WEB], Mark(tuple(marks("istiod-0")))),
        (marks("istiod-0"), [OLD, WEB], Delete([OLD])),
        (marks("istiod-0"), [WEB], Await("ready pods of selector 0")),
        (marks("istiod-0"), [a_pod("istiod-1", app="istiod"), WEB], Await("ready pods of selector 0")),
        (marks("istiod-0"), [NEW, WEB], Mark(tuple(marks("istiod-0", "web-0")))),
        (marks("istiod-0", "web-0"), [NEW, WEB], Delete([WEB])),
        (marks("istiod-0", "web-0"), [NEW, a_pod("web-1", "shop", team="shop")], None),
    ],
    ids=["marked", "deleted", "gone", "not ready", "ready", "the next", "all"],
)
@pytest.mark.seed("G12")
def test_pods_are_marked_then_deleted_and_the_next_selector_waits_for_ready_replacements(bounced, pods, expected):
    assert bounce([ISTIOD, SHOP], bounced, pods, [True, True]) == expected


@pytest.mark.parametrize(
    ("selector", "selected"),
    [
        ({"namespace": "shop", "labels": {"team": "shop"}}, ["both", "more"]),
        ({"namespace": "shop", "labels": {"team": "shop", "tier": "web"}}, ["more"]),
        ({"namespace": "shop", "labels": {"team": "other"}}, []),
        ({"namespace": "shop"}, ["both", "more", "none"]),
        ({"namespace": "sho", "labels": {"team": "shop"}}, []),
    ],
)
@pytest.mark.seed("G13")
def test_a_selector_is_one_namespace_exactly_and_labels_that_the_pods_share(selector, selected):
    pods = [
        a_pod("both", "shop", team="shop"),
        a_pod("more", "shop", team="shop", tier="web"),
        a_pod("none", "shop"),
        a_pod("elsewhere", "istio-system", team="shop", tier="web"),
    ]
    (mark,) = bounce([selector], [], pods, [True]).bounced
    assert mark["bouncedPods"] == selected


def test_a_pod_of_a_stateful_set_comes_back_under_its_name_and_counts_as_new():
    again = a_pod("istiod-0", app="istiod", uid="another", ready=True)
    assert bounce([ISTIOD], marks("istiod-0"), [again], [True]) is None


def test_a_pod_that_is_ending_is_not_deleted_again_and_is_no_replacement():
    ending = {**OLD, "metadata": {**OLD["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z"}}
    assert bounce([ISTIOD], marks("istiod-0"), [ending], [True]) == Await("ready pods of selector 0")


def test_a_proxy_is_not_restarted_before_the_root_that_it_will_be_given_is_the_new_one():
    assert bounce([SHOP], [], [WEB], [False]) == Await("the root of selector 0")
    with pytest.raises(ValueError, match=r"could not find the secret of podsToBounce\[0\]\.rootCertSync"):
        bounce([SHOP], [], [WEB], [None])


SYNC = {"rootCertSync": {"secretKey": "root-cert.pem", "configMapKey": "root"}}
SECRET_OF = {"data": {"root-cert.pem": base64.b64encode(b"new").decode()}}


@pytest.mark.parametrize(
    ("selector", "secret", "config_map", "expected"),
    [
        ({}, None, None, True),
        (SYNC, None, {"data": {"root": "new"}}, None),
        (SYNC, SECRET_OF, None, False),
        (SYNC, SECRET_OF, {"data": {"root": "old"}}, False),
        (SYNC, SECRET_OF, {"data": {"other": "new"}}, False),
        (SYNC, SECRET_OF, {"data": {"root": "new"}}, True),
    ],
)
def test_a_root_has_arrived_when_the_config_map_holds_the_secrets_bytes(selector, secret, config_map, expected):
    assert is_synced(selector, secret, config_map) is expected


LABELS = st.dictionaries(st.sampled_from("ab"), st.sampled_from("xy"))
NAMESPACE = st.sampled_from(["one", "two"])
SELECTORS = st.lists(
    st.builds(lambda namespace, labels: {"namespace": namespace, "labels": labels}, NAMESPACE, LABELS), max_size=4
)
PODS = st.lists(st.tuples(NAMESPACE, LABELS), max_size=8)


@given(SELECTORS, PODS, st.lists(st.booleans(), max_size=40))
def test_every_pod_that_is_selected_is_deleted_once_in_the_order_of_the_selectors(selectors, wanted, crashes):
    pods = {f"pod-{n}": a_pod(f"pod-{n}", namespace, **labels) for n, (namespace, labels) in enumerate(wanted)}
    before, bounced, deleted, crashes = dict(pods), (), [], iter(crashes)
    while (step := bounce(selectors, bounced, list(pods.values()), [True] * len(selectors))) is not None:
        if isinstance(step, Mark):
            bounced = step.bounced
            continue
        for old in step.pods:
            name = old["metadata"]["name"]
            del pods[name]
            deleted.append(name)
            again = a_pod(f"{name}-again", old["metadata"]["namespace"], **old["metadata"]["labels"])
            pods[again["metadata"]["name"]] = again
            if next(crashes, False):
                break
    first = {name: first_of(selectors, each) for name, each in before.items()}
    expected = sorted((name for name in before if first[name] is not None), key=lambda name: first[name])
    assert deleted == expected


def first_of(selectors, each):
    """The place of the first selector that selects a pod."""
    metadata = each["metadata"]
    return next(
        (
            place
            for place, selector in enumerate(selectors)
            if selector["namespace"] == metadata["namespace"]
            and selector["labels"].items() <= metadata["labels"].items()
        ),
        None,
    )
