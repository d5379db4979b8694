"""A tracked dict: a dict, and a list of the keys to look at again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gravel.tracked import Tracked

KEYS = st.integers(0, 5)
STEPS = st.one_of(
    st.tuples(st.just("set"), KEYS, st.integers()),
    st.tuples(st.just("del"), KEYS, st.none()),
    st.tuples(st.just("pop"), KEYS, st.none()),
    st.tuples(st.just("update"), KEYS, st.integers()),
    st.tuples(st.just("clear"), KEYS, st.none()),
    st.tuples(st.just("copy"), KEYS, st.none()),
)


def apply(table, step, key, value):
    if step == "set":
        table[key] = value
    elif step == "del" and key in table:
        del table[key]
    elif step == "pop":
        table.pop(key, None)
    elif step == "update":
        table.update({key: value, key + 1: value})
    elif step == "clear":
        table.clear()


@given(st.dictionaries(KEYS, st.integers()), st.lists(STEPS))
def test_who_follows_what_was_touched_has_the_same_dict(items, steps):
    plain, tracked, follower = dict(items), Tracked(items), dict(items)
    for step, key, value in steps:
        apply(plain, step, key, value)
        apply(tracked, step, key, value)
        if step == "copy":
            for touched in tracked.touched:
                follower.pop(touched, None)
                if touched in tracked:
                    follower[touched] = tracked[touched]
            tracked.touched.clear()
            assert follower == tracked
    assert tracked == plain


def test_a_key_that_is_not_there_is_an_error_as_in_a_dict():
    tracked = Tracked({})
    with pytest.raises(KeyError):
        tracked.pop("a")
    with pytest.raises(KeyError):
        del tracked["a"]
