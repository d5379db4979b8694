"""Windows on long lists."""

from __future__ import annotations

import asyncio
import re
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gravel.page.windows import MOST, Window, shown, window_of

WORDS = ["Alpha", "beta", "alphabet", "gamma"]


def look(records, window):
    return asyncio.run(
        shown(
            records, window, str, lambda record: "long" if len(record) > 5 else "short", lambda record: {"id": record}
        )
    )


def rows(page):
    return [row["id"] for row in page["rows"]]


def test_the_newest_come_first_and_every_status_is_counted():
    page = look(WORDS, Window())
    assert rows(page) == ["gamma", "alphabet", "beta", "Alpha"]
    assert (page["total"], page["matching"], page["statuses"]) == (4, 4, {"short": 3, "long": 1})


def test_a_search_knows_no_case_and_counts_what_it_finds():
    page = look(WORDS, Window(text="alpha"))
    assert (rows(page), page["total"], page["matching"]) == (["alphabet", "Alpha"], 4, 2)
    assert page["statuses"] == {"long": 1, "short": 1}


def test_a_status_leaves_the_counts_of_the_others():
    page = look(WORDS, Window(status="long"))
    assert (rows(page), page["matching"], page["statuses"]) == (["alphabet"], 1, {"short": 3, "long": 1})


@given(
    st.lists(st.text("ab", max_size=8), max_size=40),
    st.integers(1, 9),
    st.sampled_from(["", "a", "bb"]),
    st.booleans(),
)
def test_windows_side_by_side_are_the_whole_list(records, count, text, counted):
    windows = [Window(first, count, text, counted=counted) for first in range(0, len(records) + 1, count)]
    parts = [rows(look(records, window)) for window in windows]
    assert [*chain(*parts)] == [record for record in reversed(records) if text in record]


def test_where_nothing_is_to_be_counted_no_status_is_looked_at_but_those_that_are_seen():
    def status(_):
        raise AssertionError

    page = asyncio.run(shown(WORDS, Window(1, 2, counted=False), str, status, lambda record: {"id": record}))
    assert (rows(page), page["total"], page["matching"], page["statuses"]) == (["alphabet", "beta"], 4, 4, None)


async def test_others_have_their_turn_while_a_long_list_is_looked_at():
    turns = []

    async def other():
        while True:
            turns.append(len(turns))
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    page = await shown(range(10_000), Window(count=1), str, lambda _: "", lambda record: {"id": record})
    task.cancel()
    assert page["matching"] == 10_000
    assert len(turns) >= 10


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ({"first": "-1"}, "first='-1' is not a number from 0 to 1000000000"),
        ({"count": "501"}, f"count='501' is not a number from 0 to {MOST}"),
        ({"count": "٣"}, "count='٣' is not a number"),
        ({"page": "2"}, "'page' is not known here; known are first, count, text, status, counted"),
    ],
)
def test_what_is_no_window_is_refused_with_a_sentence(query, complaint):
    with pytest.raises(ValueError, match=re.escape(complaint)):
        window_of(query)


def test_a_window_is_read_from_a_query():
    query = {"first": "10", "count": "5", "text": "WWW", "status": "valid", "counted": "0"}
    assert window_of(query) == Window(10, 5, "www", "valid", counted=False)
