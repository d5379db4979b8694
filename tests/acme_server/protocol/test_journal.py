"""The journal: gapless, stamped, chained."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acme_server.protocol.journal import Dropped, Fact, Journal

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def test_entries_are_numbered_from_one_without_gaps():
    journal = Journal()
    journal.append("acme_server", [Fact("OrderCreated", {"order": "a"}), Fact("OrderCreated", {"order": "b"})], NOON)
    journal.append("scheduler", [Fact("ChallengeQueued", {"challenge": "c"})], NOON)
    assert [entry.seq for entry in journal] == [1, 2, 3]


def test_an_entry_says_when_where_and_what():
    journal = Journal("w1")
    journal.append("solvers", [Fact("RecordAdded", {"name": "a"}, {"ttl": 60})], NOON + timedelta(microseconds=7))
    (entry,) = journal
    assert entry.to_json() == {
        "seq": 1,
        "at": "2026-01-01T12:00:00.000007Z",
        "world": "w1",
        "house": "solvers",
        "kind": "RecordAdded",
        "subject": {"name": "a"},
        "data": {"ttl": 60},
        "digest": entry.digest,
    }


def written(*facts):
    journal = Journal()
    for fact in facts:
        journal.append("acme_server", [fact], NOON)
    return journal


def test_two_histories_have_one_digest_exactly_when_they_are_the_same():
    a, b = Fact("A", {"order": "1"}), Fact("B", {"order": "1"})
    assert written(a, b).digest == written(a, b).digest
    assert (
        len({written(a, b).digest, written(b, a).digest, written(a).digest, written(a, a).digest, Journal().digest})
        == 5
    )


def test_the_digest_does_not_depend_on_the_order_of_keys():
    one = Fact("A", {"order": "1", "account": "2"}, {"x": 1, "y": 2})
    other = Fact("A", {"account": "2", "order": "1"}, {"y": 2, "x": 1})
    assert written(one).digest == written(other).digest


def test_since_returns_what_came_after():
    journal = written(Fact("A", {}), Fact("B", {}), Fact("C", {}))
    assert [entry.kind for entry in journal.since(1)] == ["B", "C"]
    assert journal.since(3) == ()
    assert [entry.kind for entry in journal.since(-5)] == ["A", "B", "C"]


def test_a_listener_hears_every_new_entry_until_it_stops():
    journal, heard = Journal(), []
    stop = journal.subscribe(lambda entry: heard.append(entry.kind))
    journal.append("a", [Fact("A", {})], NOON)
    stop()
    journal.append("a", [Fact("B", {})], NOON)
    assert heard == ["A"]


def test_a_listener_that_writes_finds_the_journal_consistent():
    journal = Journal()
    journal.subscribe(lambda entry: entry.kind == "A" and journal.append("b", [Fact("Echo", {})], NOON))
    journal.append("a", [Fact("A", {}), Fact("B", {})], NOON)
    assert [(entry.seq, entry.kind) for entry in journal] == [(1, "A"), (2, "B"), (3, "Echo")]


def test_a_copy_goes_on_from_the_same_history_unheard():
    journal, heard = written(Fact("A", {})), []
    journal.subscribe(heard.append)
    copy = journal.copy()
    assert list(copy) == list(journal)
    copy.append("a", [Fact("B", {})], NOON)
    assert ([entry.kind for entry in copy], len(journal), heard) == (["A", "B"], 1, [])
    journal.append("a", [Fact("B", {})], NOON)
    assert copy.digest == journal.digest


def test_a_history_is_the_same_whenever_it_is_looked_at():
    facts = [Fact("A", {}), Fact("B", {}), Fact("C", {})]
    often = Journal()
    for fact in facts:
        often.append("acme_server", [fact], NOON)
        assert often.since(0)[-1].kind == fact.kind
    assert list(often) == list(written(*facts))
    assert len(written(*facts)) == 3


def test_whoever_listens_hears_each_entry_once_and_nothing_from_before():
    journal, heard = written(Fact("A", {})), []
    journal.subscribe(lambda entry: heard.append((entry.seq, entry.kind)))
    journal.append("acme_server", [Fact("B", {}), Fact("C", {})], NOON)
    assert heard == [(2, "B"), (3, "C")]


def text(entries):
    """What people get, order of members included."""
    return [json.dumps(entry.to_json()) for entry in entries]


LOOKS = {
    "nothing": lambda journal, number: None,
    "digest": lambda journal, number: journal.digest,
    "since": lambda journal, number: journal.since(number),
    "listen": lambda journal, number: journal.subscribe(lambda entry: None),
    "catch up": lambda journal, number: next(journal.catch_up(), None),
}


@given(
    st.lists(st.tuples(st.integers(0, 7), st.sampled_from(sorted(LOOKS)), st.integers(0, 60)), max_size=30),
    st.integers(1, 5),
)
def test_what_is_packed_reads_as_if_it_had_never_been(steps, recent):
    packed, whole = Journal(recent=recent), Journal(recent=10_000)
    for number, (count, look, place) in enumerate(steps):
        facts = [
            Fact("Counted", {"z": "1", "a": "ü"}, {"step": number, "b": [1.5, None], "a": index})
            for index in range(count)
        ]
        for journal in (packed, whole):
            journal.append("acme_server", facts, NOON + timedelta(microseconds=number))
        LOOKS[look](packed, min(place, len(whole)))
    assert len(packed) == len(whole)
    assert len(packed._entries) + len(packed._noted) <= 2 * recent
    for after in range(len(whole) + 1):
        assert text(packed.since(after)) == text(whole.since(after))
    assert text(packed.copy()) == text(whole)
    assert packed.digest == packed.copy().digest == whole.digest


def test_packed_facts_cost_a_tenth():
    journal = Journal()
    facts = [
        Fact("ChallengeValidated", {"account": "a" * 22, "challenge": f"{n:022}"}, {"type": "dns-01"})
        for n in range(1024)
    ]
    journal.append("acme_server", facts, NOON)
    written = sum(map(len, text(journal)))
    assert sum(map(len, journal._pieces)) * 10 < written


def test_a_limit_drops_the_oldest_and_the_digests_go_on():
    journal, whole = Journal(recent=4, limit=10), Journal()
    for number in range(50):
        fact = Fact("Counted", {}, {"number": number})
        for each in (journal, whole):
            each.append("acme_server", [fact], NOON)
        assert min(len(journal), 10) <= len(journal) - journal.oldest + 1 < 10 + 2 * 4
    assert list(journal) == list(whole.since(journal.oldest - 1))
    assert list(journal.copy()) == list(journal)
    assert journal.digest == whole.digest


def test_before_entries_are_dropped_somebody_may_read_them():
    journal, seen = Journal(recent=4, limit=8), []
    journal.before_drop = lambda until: seen.extend(
        entry.seq for entry in journal.since(len(seen)) if entry.seq <= until
    )
    for _ in range(40):
        journal.append("acme_server", [Fact("Counted", {})], NOON)
    assert seen == list(range(1, journal.oldest))


def test_what_was_dropped_is_asked_for_in_vain_and_told_the_oldest():
    journal = Journal(recent=4, limit=8)
    journal.append("acme_server", [Fact("Counted", {})] * 30, NOON)
    sentence = f"the journal has dropped the entries before {journal.oldest}; ask for since={journal.oldest - 1}"
    for ask in (journal.check, journal.since, lambda seq: next(journal.pieces(seq))):
        with pytest.raises(Dropped) as caught:
            ask(journal.oldest - 2)
        assert str(caught.value) == sentence
    assert journal.since(journal.oldest - 1)[0].seq == journal.oldest


def test_pieces_are_those_that_there_were_when_the_reader_began():
    journal = written(*[Fact("A", {})] * 700)
    seen = []
    for piece in journal.pieces(100):
        seen += piece
        journal.append("acme_server", [Fact("B", {})] * 300, NOON)
    assert [entry.seq for entry in seen] == list(range(101, 701))
