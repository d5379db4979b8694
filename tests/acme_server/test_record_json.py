"""Every field of every kind of record comes back from JSON, whoever adds one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum
from types import NoneType, UnionType
from typing import Union, get_args, get_origin, get_type_hints

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acme_server.orders import Order
from acme_server.record_json import read, write
from acme_server.store import KINDS
from tests.acme_server.store_contract import ORDER

JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=2))


def values_of(kind):
    """A strategy of values of a field's type."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return st.one_of([st.none() if argument is NoneType else values_of(argument) for argument in arguments])
    if origin is tuple:
        if arguments[-1] is Ellipsis:
            return st.lists(values_of(arguments[0]), max_size=3).map(tuple)
        return st.tuples(*map(values_of, arguments))
    if origin is Mapping:
        return st.dictionaries(st.text(), st.text() if arguments[1] is str else JSON, max_size=3)
    if kind is datetime:
        return st.datetimes(timezones=st.just(UTC))
    if issubclass(kind, Enum):
        return st.sampled_from(kind)
    if attrs.has(kind):
        hints = get_type_hints(kind)
        return st.builds(kind, **{field.name: values_of(hints[field.name]) for field in attrs.fields(kind)})
    return st.from_type(kind)


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_survives_a_round_trip(kind):
    @given(values_of(kind))
    def holds(record):
        again = read(kind, write(record))
        assert record == again
        for field in attrs.fields(kind):
            assert type(getattr(again, field.name)) is type(getattr(record, field.name)), field.name

    holds()


def changed(**members):
    document = json.loads(write(ORDER)) | members
    return json.dumps({name: value for name, value in document.items() if value != "absent"})


def test_a_field_that_is_missing_has_its_default():
    assert read(Order, changed(stage="absent", error="absent", version="absent")) == ORDER


def test_a_member_that_no_field_has_is_passed_over():
    assert read(Order, changed(of_tomorrow=[1])) == ORDER


def test_a_field_that_has_no_default_must_be_there():
    with pytest.raises(TypeError, match="account_id"):
        read(Order, changed(account_id="absent"))


def test_what_is_not_plain_is_refused():
    with pytest.raises(TypeError, match="bytes has no JSON form"):
        write(attrs.evolve(ORDER, csr=b"bytes"))
