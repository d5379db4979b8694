import re
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from issuer_bridge.kube_api.json_values import copy_json, merge_patch
from issuer_bridge.kube_api.object_meta import generated_name, new_uid, object_key, owner_uids, updated
from issuer_bridge.resources import CERTIFICATE_REQUEST, CLUSTER_ISSUER, SECRET

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(st.binary(min_size=16, max_size=16))
def test_a_uid_is_a_uuid_of_version_4(octets):
    uid = uuid.UUID(new_uid(lambda n: octets[:n]))
    assert (uid.version, uid.variant) == (4, uuid.RFC_4122)


@given(st.binary(min_size=5, max_size=5))
def test_a_generated_name_ends_in_five_characters_of_kubernetes_alphabet(octets):
    assert re.fullmatch(r"www-[bcdfghjklmnpqrstvwxz2456789]{5}", generated_name("www-", lambda n: octets[:n]))


def test_a_generated_name_fits_into_a_dns_label():
    assert generated_name("a" * 80, bytes) == "a" * 58 + "b" * 5


@pytest.mark.parametrize(
    ("kind", "metadata", "key"),
    [
        (CERTIFICATE_REQUEST, {"name": "x", "namespace": "y"}, ("y", "x")),
        (CERTIFICATE_REQUEST, {"name": "x"}, ("default", "x")),
        (CLUSTER_ISSUER, {"name": "x", "namespace": "y"}, ("", "x")),
        (SECRET, {}, ("default", "")),
    ],
)
def test_an_object_is_known_by_namespace_and_name(kind, metadata, key):
    assert object_key(kind, {"metadata": metadata}) == key


@pytest.mark.parametrize("empty", [None, "", {}, []])
def test_empty_metadata_is_absent(empty):
    stored = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x", "uid": "u"}}
    sent = {"metadata": {"name": "x", "labels": empty, "annotations": {"a": "b"}}}
    assert updated(SECRET, stored, sent)["metadata"] == {"name": "x", "uid": "u", "annotations": {"a": "b"}}


def test_owners_are_known_by_their_uids():
    assert owner_uids({"metadata": {"ownerReferences": [{"uid": "a"}, {"uid": "b"}]}}) == ["a", "b"]
    assert owner_uids({"metadata": {}}) == []


def test_a_secrets_text_that_is_none_is_left_for_validation_to_refuse():
    stored = {"metadata": {"name": "x"}}
    assert updated(SECRET, stored, {"metadata": {}, "stringData": {"a": 1}})["stringData"] == {"a": 1}


@given(JSON)
def test_a_copy_is_equal_and_shares_nothing(value):
    copy = copy_json(value)
    assert copy == value
    for one, other in zip(containers(copy), containers(value), strict=True):
        assert one is not other


def containers(value):
    if isinstance(value, dict | list):
        yield value
        for item in value.values() if isinstance(value, dict) else value:
            yield from containers(item)


# RFC 7396 appendix A.
@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
    ids=str,
)
def test_a_merge_patch_is_rfc_7396s(target, patch, result):
    before = copy_json(target)
    assert merge_patch(target, patch) == result
    assert target == before
