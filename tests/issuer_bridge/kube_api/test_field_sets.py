import pytest
from hypothesis import given
from hypothesis import strategies as st

from issuer_bridge.kube_api.field_sets import all_fields, applied_fields, compare, from_json, path_text, to_json
from issuer_bridge.kube_api.schemas import SCHEMAS
from issuer_bridge.resources import SERVICE

SCHEMA = SCHEMAS[SERVICE]
SERVICES = st.fixed_dictionaries(
    {},
    optional={
        "metadata": st.fixed_dictionaries(
            {}, optional={"labels": st.dictionaries(st.sampled_from("ab"), st.sampled_from("xy")),
                          "finalizers": st.lists(st.sampled_from("fg"), unique=True)}
        ),
        "spec": st.fixed_dictionaries(
            {}, optional={"type": st.sampled_from("xy"),
                          "ports": st.lists(st.sampled_from([{"port": 1}, {"port": 2, "name": "a"}, {"port": 2, "protocol": "UDP"}]))}
        ),
    },
)  # fmt: skip


@given(SERVICES)
def test_what_is_written_as_fieldsv1_is_read_again(service):
    for fields in (frozenset(applied_fields(SCHEMA, service)), compare(SCHEMA, {}, service)[0]):
        assert fields == from_json(to_json(fields))


@given(SERVICES, SERVICES)
def test_a_comparison_turned_around_swaps_what_came_and_went(old, new):
    written, removed = compare(SCHEMA, old, new)
    written_back, removed_back = compare(SCHEMA, new, old)
    every = frozenset(all_fields(SCHEMA, new, ()))
    assert written <= every
    assert removed_back <= written
    assert removed <= written_back
    assert compare(SCHEMA, old, old) == (frozenset(), frozenset())


def test_an_item_without_a_key_takes_the_keys_default():
    fields = to_json(frozenset(applied_fields(SCHEMA, {"spec": {"ports": [{"port": 80}]}})))
    assert fields == {"f:spec": {"f:ports": {'k:{"port":80,"protocol":"TCP"}': {".": {}, "f:port": {}}}}}


@pytest.mark.parametrize("fields", [[], {"f:a": 1}, {"x": {}}, {"f:a": {"b": {}}}], ids=str)
def test_what_is_no_fieldsv1_is_a_value_error(fields):
    with pytest.raises(ValueError, match="fieldsV1"):
        from_json(fields)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (("f:spec", "f:request"), ".spec.request"),
        (("f:status", "f:conditions", 'k:{"type":"Ready"}', "f:status"), '.status.conditions[type="Ready"].status'),
        (("f:spec", "f:ports", 'k:{"port":80,"protocol":"TCP"}'), '.spec.ports[port=80,protocol="TCP"]'),
        (("f:metadata", "f:finalizers", 'v:"a.test/f"'), '.metadata.finalizers[="a.test/f"]'),
    ],
)
def test_a_path_is_told_as_kubernetes_tells_it(path, text):
    assert path_text(path) == text
