"""The store on disk keeps the contract, also when every answer comes from a file that was just opened."""

from __future__ import annotations

import random
import sqlite3

import attrs
import pytest

from acme_server import authorizations
from acme_server.accounts import Account, deactivate
from acme_server.authorizations import Authorization
from acme_server.certificates import Certificate
from acme_server.orders import Order
from acme_server.protocol.journal import Dropped, Fact, Journal
from acme_server.server import Server
from acme_server.settings import Settings
from acme_server.sqlite_store import APPLICATION, SqliteStore, Unusable
from acme_server.store import CERTIFICATE_BY_SERIAL, HOUSE, INDEXES, KINDS, Conflict
from acme_server.world import create_world
from tests.acme_server.rig import BASE, Client, Driver
from tests.acme_server.store_contract import (
    ACCOUNT,
    AUTHORIZATION,
    CERTIFICATE,
    FACT,
    NOW,
    ORDER,
    RECORDS,
    StoreContract,
    stored,
)


class TestSqliteStore(StoreContract):
    @pytest.fixture
    def store(self, tmp_path):
        store = SqliteStore(tmp_path / "state.db")
        yield store
        store.close()


class Reopening:
    """A store whose file is closed and opened after every commit."""

    def __init__(self, path):
        self.path = path
        self.store = SqliteStore(path)

    def commit(self, changes, facts, at):
        try:
            self.store.commit(changes, facts, at)
        finally:
            self.store.close()
            self.store = SqliteStore(self.path)

    def __getattr__(self, name):
        return getattr(self.store, name)


class TestReopenedStore(StoreContract):
    @pytest.fixture
    def store(self, tmp_path):
        store = Reopening(tmp_path / "state.db")
        yield store
        store.close()


@pytest.fixture
def path(tmp_path):
    """A file with one record of each kind and one fact."""
    store = SqliteStore(tmp_path / "state.db")
    store.commit(RECORDS, (FACT,), NOW)
    store.close()
    return tmp_path / "state.db"


def test_the_digest_chain_goes_on_where_it_ended(path):
    store = SqliteStore(path)
    twin = store.copy()
    for each in (store, twin):
        each.commit((), (FACT,), NOW)
    store.close()
    store = SqliteStore(path)
    assert list(twin.journal) == list(store.journal)
    store.close()


@pytest.mark.parametrize("opened_again", [False, True])
def test_only_recent_facts_are_in_memory_and_all_can_be_read(tmp_path, opened_again):
    store, whole = SqliteStore(tmp_path / "state.db", recent=3), Journal()
    for number in range(20):
        fact = Fact("Counted", {}, {"number": number})
        store.commit((), (fact,), NOW)
        whole.append(HOUSE, (fact,), NOW)
    if opened_again:
        store.close()
        store = SqliteStore(tmp_path / "state.db", recent=3)
    assert len(store.journal._entries) <= 6
    assert (20, whole.digest) == (len(store.journal), store.journal.digest)
    for after in range(-1, 22):
        assert store.journal.since(after) == whole.since(after)
    assert list(whole) == list(store.journal) == list(store.journal.copy())
    store.close()


@pytest.mark.parametrize("opened_again", [False, True])
def test_a_limit_drops_the_oldest_facts_from_the_file_too(tmp_path, opened_again):
    store, whole = SqliteStore(tmp_path / "state.db", recent=3, limit=7), Journal()
    for number in range(40):
        fact = Fact("Counted", {}, {"number": number})
        store.commit((), (fact,), NOW)
        whole.append(HOUSE, (fact,), NOW)
        if opened_again:
            store.close()
            store = SqliteStore(tmp_path / "state.db", recent=3, limit=7)
    journal = store.journal
    assert 7 <= len(journal) - journal.oldest + 1 < 7 + 2 * 3
    assert list(journal) == list(journal.copy()) == list(whole.since(journal.oldest - 1))
    # One more is there, for the digest of the oldest.
    assert store._file.execute("SELECT min(seq) FROM journal").fetchone() == (journal.oldest - 1,)
    with pytest.raises(Dropped, match=f"dropped the entries before {journal.oldest};"):
        journal.since(journal.oldest - 2)
    store.close()


def test_a_dropped_beginning_is_no_gap_and_a_lost_one_is(tmp_path):
    store = SqliteStore(tmp_path / "state.db", recent=3, limit=7)
    for _ in range(40):
        store.commit((), (FACT,), NOW)
    store._file.execute("DELETE FROM journal WHERE seq = (SELECT min(seq) FROM journal)")
    store.close()
    with pytest.raises(Unusable, match="its journal has gaps"):
        SqliteStore(tmp_path / "state.db", recent=3, limit=7)


def test_records_of_an_earlier_run_are_read_when_somebody_asks(path):
    store = SqliteStore(path)
    assert [type(store._tables[type(record)][record.id]) for record in RECORDS] == [str] * 4
    assert store.get(Order, "o1") == stored(ORDER)
    assert store.all(Authorization, "processing") == ()
    assert store.all(Authorization) == (stored(AUTHORIZATION),)
    assert isinstance(store._tables[Certificate]["c1"], str)
    assert store.find(CERTIFICATE_BY_SERIAL, "5e1") == (stored(CERTIFICATE),)
    store.close()


def test_a_challenge_that_was_processing_is_found_without_reading_the_others(path):
    store = SqliteStore(path)
    waiting = authorizations.respond(attrs.evolve(AUTHORIZATION, id="z2"), 0, NOW)
    store.commit((waiting,), (), NOW)
    store.close()
    store = SqliteStore(path)
    assert store.all(Authorization, "processing") == (stored(waiting),)
    assert isinstance(store._tables[Authorization]["z1"], str)
    store.close()


def test_a_record_whose_text_has_other_members_is_one_sentence_when_it_is_read(path):
    spoil("""UPDATE orders SET body = '{"id":"o1"}'""")(path)
    store = SqliteStore(path)
    with pytest.raises(Unusable, match="is damaged or no file of gravel \\(order o1"):
        store.get(Order, "o1")
    store.close()


def test_a_big_file_is_read_whole_and_found_by_every_index(tmp_path):
    store, entropy = SqliteStore(tmp_path / "state.db"), random.Random(1).randbytes
    client = Client(Server(create_world(BASE, Settings(), entropy, NOW, store=store), Driver()))
    client.register()
    for number in range(300):
        client.issue(f"n{number}.example.org")
    before = {kind: store.all(kind) for kind in KINDS}
    found = {index: {index.key(record) for record in before[index.kind]} for index in INDEXES}
    by_index = {index: {key: store.find(index, key) for key in found[index]} for index in INDEXES}
    history = list(store.journal)
    store.close()
    store = SqliteStore(tmp_path / "state.db")
    assert by_index == {index: {key: store.find(index, key) for key in found[index]} for index in INDEXES}
    assert before == {kind: store.all(kind) for kind in KINDS}
    assert history == list(store.journal)
    store.close()


def test_rows_beside_the_records_are_written_changed_and_removed_together(path):
    store = SqliteStore(path)
    store.write_rows([("zone", "b.test", "1"), ("zone", "a.test", "2"), ("clock", "", "3")])
    store.write_rows([("zone", "b.test", "4"), ("clock", "", None)])
    with pytest.raises(sqlite3.ProgrammingError):
        store.write_rows([("zone", "c.test", "5"), ("zone", "d.test", object())])
    store.close()
    store = SqliteStore(path)
    assert store.rows("zone") == (("b.test", "4"), ("a.test", "2"))
    assert store.rows("clock") == ()
    store.close()


def test_what_others_append_to_the_journal_is_kept_too(path):
    store = SqliteStore(path)
    store.journal.append("scheduler", [Fact("ChallengeQueued", {"challenge": "c"})], NOW)
    written = store.journal.since(1)
    store.close()
    store = SqliteStore(path)
    assert written == store.journal.since(1)
    store.close()


def test_a_listener_hears_of_a_fact_when_it_is_on_disk(path):
    store = SqliteStore(path)
    seen = []
    store.journal.subscribe(lambda entry: seen.append((entry.seq, store._file.in_transaction)))
    store.commit((), (FACT,), NOW)
    assert seen == [(2, False)]
    store.close()


def test_what_cannot_be_written_leaves_memory_and_file_as_they_were(path):
    store = SqliteStore(path)
    digest = store.journal.digest
    with pytest.raises(TypeError, match="bytes has no JSON form"):
        store.commit((deactivate(stored(ACCOUNT)), attrs.evolve(stored(ORDER), csr=b"bytes")), (FACT,), NOW)
    assert (digest, stored(ACCOUNT)) == (store.journal.digest, store.get(Account, "a1"))
    store.close()
    store = SqliteStore(path)
    assert (digest, stored(ACCOUNT)) == (store.journal.digest, store.get(Account, "a1"))
    store.close()


def test_the_file_holds_unique_keys_by_itself(path):
    file = sqlite3.connect(path)
    with pytest.raises(sqlite3.IntegrityError, match=r"certificates\.serial"):
        file.execute("INSERT INTO certificates SELECT 9, 'c2', '{}', serial, 'f2', '' FROM certificates")
    file.close()


@pytest.mark.parametrize(("sync", "level"), [("normal", 1), ("full", 2)])
def test_sync_says_when_a_commit_is_on_the_disk(tmp_path, sync, level):
    store = SqliteStore(tmp_path / "state.db", sync=sync)
    assert ("wal", level) == tuple(
        store._file.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")
    )
    store.close()


def test_openings_are_counted(tmp_path):
    runs = []
    for _ in range(3):
        store = SqliteStore(tmp_path / "state.db")
        runs.append(store.runs)
        store.close()
    assert runs == [0, 1, 2]


def test_a_second_owner_is_told_that_there_is_one(path):
    store = SqliteStore(path)
    with pytest.raises(Unusable, match="is in use by another gravel; stop that one or choose another folder"):
        SqliteStore(path)
    store.commit((), (FACT,), NOW)
    store.close()


def spoil(statement):
    def change(path):
        with sqlite3.connect(path) as file:
            file.execute(statement)
        file.close()

    return change


def patch(before, after):
    def change(path):
        path.write_bytes(path.read_bytes().replace(before, after))

    return change


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda path: path.write_bytes(b"no database" * 99), "is damaged or no file of gravel"),
        (lambda path: path.write_bytes(path.read_bytes()[:5000]), "is damaged or no file of gravel"),
        (spoil("PRAGMA application_id = 1"), "is not gravel's"),
        (spoil("PRAGMA user_version = 99"), "has version 99, this gravel reads 2"),
        (spoil("UPDATE orders SET body = 'x'"), "is damaged"),
        (spoil("UPDATE orders SET body = '{}'"), "is damaged"),
        (spoil("UPDATE orders SET body = '[]'"), "is damaged"),
        (spoil("UPDATE orders SET body = CAST(x'ff' AS TEXT)"), "is damaged"),
        (patch(b"CREATE TABLE orders", b"CREATE TABLE \xffrders"), "is damaged"),
        (patch(b"CREATE TABLE orders", b"CRE\xffTE TABLE orders"), "is damaged"),
        (spoil("UPDATE journal SET seq = 7"), "its journal has gaps"),
        (spoil("UPDATE journal SET entry = '{}'"), "is damaged"),
    ],
)
def test_a_foreign_or_damaged_file_is_one_sentence(path, change, sentence):
    change(path)
    with pytest.raises(Unusable, match=sentence):
        SqliteStore(path)


def test_a_lost_page_is_noticed_whichever_it_is(path):
    whole, size = path.read_bytes(), 4096
    for start in range(0, len(whole), size):
        path.write_bytes(whole[:start] + bytes(size) + whole[start + size :])
        with pytest.raises(Unusable, match="is damaged"):
            SqliteStore(path)


def test_a_foreign_file_is_left_as_it_is(tmp_path):
    with sqlite3.connect(tmp_path / "state.db") as file:
        file.execute("CREATE TABLE theirs (n)")
    file.close()
    before = (tmp_path / "state.db").read_bytes()
    with pytest.raises(Unusable, match="is not gravel's"):
        SqliteStore(tmp_path / "state.db")
    assert before == (tmp_path / "state.db").read_bytes()


def test_a_file_from_before_a_kind_of_record_was_added_is_read(path):
    spoil("DROP TABLE certificates")(path)
    store = SqliteStore(path)
    store.commit((CERTIFICATE,), (), NOW)
    assert store.all(Order) == (stored(ORDER),)
    store.close()


def test_the_mark_of_our_files_is_ascii():
    assert APPLICATION.to_bytes(4) == b"grav"


def test_a_conflict_does_not_reach_the_file(path):
    store = SqliteStore(path)
    with pytest.raises(Conflict):
        store.commit((ACCOUNT,), (FACT,), NOW)
    store.close()
    store = SqliteStore(path)
    assert len(store.journal) == 1
    store.close()
