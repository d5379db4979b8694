"""JSON Patch: the examples of RFC 6902 appendix A, and what else its sections 4 and 5 demand."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from issuer_bridge.kube_api.json_patch import PatchError, json_patched


@pytest.mark.parametrize(
    ("document", "operations", "expected"),
    [
        ({"foo": "bar"}, [{"op": "add", "path": "/baz", "value": "qux"}], {"baz": "qux", "foo": "bar"}),
        ({"foo": [1, 3]}, [{"op": "add", "path": "/foo/1", "value": 2}], {"foo": [1, 2, 3]}),
        ({"baz": 1, "foo": 2}, [{"op": "remove", "path": "/baz"}], {"foo": 2}),
        ({"foo": [1, 2, 3]}, [{"op": "remove", "path": "/foo/1"}], {"foo": [1, 3]}),
        ({"baz": 1, "foo": 2}, [{"op": "replace", "path": "/baz", "value": 3}], {"baz": 3, "foo": 2}),
        ({"a": {"b": 1}, "c": {}}, [{"op": "move", "from": "/a/b", "path": "/c/d"}], {"a": {}, "c": {"d": 1}}),
        ({"foo": [1, 2, 3]}, [{"op": "move", "from": "/foo/0", "path": "/foo/2"}], {"foo": [2, 3, 1]}),
        ({"a": [1]}, [{"op": "copy", "from": "/a", "path": "/b"}, {"op": "add", "path": "/b/-", "value": 2}],
         {"a": [1], "b": [1, 2]}),
        ({"baz": "qux"}, [{"op": "test", "path": "/baz", "value": "qux"}], {"baz": "qux"}),
        ({"foo": "bar"}, [{"op": "add", "path": "/child", "value": {"a": {}}, "xyz": 1}],
         {"foo": "bar", "child": {"a": {}}}),
        ({"foo": ["bar"]}, [{"op": "add", "path": "/foo/-", "value": ["abc"]}], {"foo": ["bar", ["abc"]]}),
        ({"/": 9, "~1": 10}, [{"op": "test", "path": "/~01", "value": 10}], {"/": 9, "~1": 10}),
        ({"a/b": 1}, [{"op": "replace", "path": "/a~1b", "value": 2}], {"a/b": 2}),
        ({"a": 1}, [{"op": "add", "path": "", "value": {"b": 2}}], {"b": 2}),
        ({"a": 1}, [{"op": "add", "path": "/a", "value": None}], {"a": None}),
        ({"a": 1}, [{"op": "move", "from": "/a", "path": "/a"}], {"a": 1}),
    ],
    ids=lambda value: json.dumps(value)[:40],
)  # fmt: skip
def test_operations_are_done_in_their_order(document, operations, expected):
    before = json.dumps(document)
    assert expected == json_patched(document, operations)
    assert before == json.dumps(document)


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "test", "path": "/foo", "value": "baz"},
        {"op": "test", "path": "/one", "value": True},
        {"op": "test", "path": "/one", "value": "1"},
        {"op": "test", "path": "/list", "value": [True]},
        {"op": "add", "path": "/absent/bat", "value": 1},
        {"op": "add", "path": "/list/2", "value": 1},
        {"op": "add", "path": "/list/01", "value": 1},
        {"op": "add", "path": "/list/x", "value": 1},
        {"op": "add", "path": "/foo/x", "value": 1},
        {"op": "add", "path": "foo", "value": 1},
        {"op": "add", "path": 1, "value": 1},
        {"op": "add", "path": "/x"},
        {"op": "remove", "path": "/absent"},
        {"op": "remove", "path": "/list/-"},
        {"op": "remove", "path": ""},
        {"op": "replace", "path": "/absent", "value": 1},
        {"op": "replace", "path": "/list/1", "value": 1},
        {"op": "move", "from": "/list", "path": "/list/0"},
        {"op": "move", "from": "/absent", "path": "/x"},
        {"op": "copy", "path": "/x"},
        {"op": "nothing", "path": "/foo"},
        {"path": "/foo"},
        "add",
    ],
    ids=json.dumps,
)
def test_an_operation_that_cannot_be_done_is_an_error(operation):
    with pytest.raises(PatchError):
        json_patched({"foo": "bar", "one": 1, "list": [1]}, [operation])


PATHS = st.sampled_from(["", "/a", "/a/0", "/a/-", "/b", "/b/a", "x"])
VALUES = st.recursive(
    st.none() | st.integers(0, 2),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner),
)
OPERATIONS = st.fixed_dictionaries(
    {"op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test"]), "path": PATHS},
    optional={"value": VALUES, "from": PATHS},
)


@given(VALUES, st.lists(OPERATIONS, max_size=4))
def test_a_patch_is_done_or_an_error_and_leaves_the_document(document, operations):
    before = json.dumps(document)
    with suppress(PatchError):
        json.dumps(json_patched(document, operations))
    assert before == json.dumps(document)
