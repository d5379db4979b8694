import pytest

from issuer_bridge.kube_api.schemas import SCHEMAS
from issuer_bridge.kube_api.strategic_merge import strategic_merge
from issuer_bridge.resources import INGRESS, POD, SECRET, SERVICE


@pytest.mark.parametrize(
    ("kind", "target", "patch", "expected"),
    [
        (SECRET, {"data": {"a": "1", "b": "2"}}, {"data": {"a": None, "c": "3"}}, {"data": {"b": "2", "c": "3"}}),
        (SECRET, {"data": {"a": "1"}}, {"data": {"$patch": "replace", "c": "3"}}, {"data": {"c": "3"}}),
        (SECRET, {"metadata": {"finalizers": ["a"]}}, {"metadata": {"finalizers": ["b", "a"]}},
         {"metadata": {"finalizers": ["a", "b"]}}),
        (SECRET, {"metadata": {"finalizers": ["a", "b"]}}, {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"]}},
         {"metadata": {"finalizers": ["b"]}}),
        (SECRET, {"metadata": {"ownerReferences": [{"uid": "1", "name": "x"}]}},
         {"metadata": {"ownerReferences": [{"uid": "1", "controller": True}, {"uid": "2", "name": "y"}]}},
         {"metadata": {"ownerReferences": [{"uid": "1", "name": "x", "controller": True}, {"uid": "2", "name": "y"}]}}),
        (SECRET, {"metadata": {"ownerReferences": [{"uid": "1"}, {"uid": "2"}]}},
         {"metadata": {"ownerReferences": [{"$patch": "delete", "uid": "1"}]}},
         {"metadata": {"ownerReferences": [{"uid": "2"}]}}),
        (SERVICE, {"spec": {"ports": [{"port": 80, "name": "a"}]}},
         {"spec": {"$setElementOrder/ports": [{"port": 443}], "ports": [{"port": 443}, {"port": 80, "name": "b"}]}},
         {"spec": {"ports": [{"port": 80, "name": "b"}, {"port": 443}]}}),
        (SERVICE, {"spec": {"ports": [{"port": 80}]}}, {"spec": {"ports": [{"$patch": "replace"}, {"port": 1}]}},
         {"spec": {"ports": [{"port": 1}]}}),
        (POD, {"spec": {"containers": [{"name": "a", "image": "x", "args": ["1"], "env": [{"name": "E", "value": "1"}]}]}},
         {"spec": {"containers": [{"name": "a", "args": ["2"], "env": [{"name": "F", "value": "2"}]}]}},
         {"spec": {"containers": [{"name": "a", "image": "x", "args": ["2"],
                                   "env": [{"name": "E", "value": "1"}, {"name": "F", "value": "2"}]}]}}),
        (INGRESS, {"spec": {"rules": [{"host": "a"}]}}, {"spec": {"rules": [{"host": "b"}]}}, {"spec": {"rules": [{"host": "b"}]}}),
    ],
    ids=["fields", "replace", "set", "set without", "by uid", "without one", "by port", "list anew", "deep", "atomic"],
)  # fmt: skip
def test_lists_are_merged_where_their_shape_says_how(kind, target, patch, expected):
    assert expected == strategic_merge(SCHEMAS[kind], target, patch)


@pytest.mark.parametrize(
    "patch", [{"metadata": None}, {"spec": {"ports": 1}}, {"spec": {"ports": [1, None, {}]}}, {"$patch": "delete"}]
)
def test_what_makes_no_sense_is_left_to_validation(patch):
    strategic_merge(SCHEMAS[SERVICE], {"metadata": {}, "spec": {"ports": [{"port": 80}]}}, patch)
