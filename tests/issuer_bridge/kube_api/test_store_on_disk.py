"""The store on disk: all that holds of the one in memory, also when every answer comes from a file that was just opened."""

import sqlite3
from datetime import UTC, datetime
from random import Random

import pytest

from issuer_bridge.kube_api import store as store_module
from issuer_bridge.kube_api.archive import SqliteArchive
from issuer_bridge.kube_api.store import EmbeddedStore
from issuer_bridge.kube_api.watch_window import WatchWindow
from issuer_bridge.resources import CERTIFICATE_REQUEST, EVENT, ORDER, SECRET, ApiError
from tests.issuer_bridge.kube_api import test_store
from tests.issuer_bridge.kube_api.test_store import *  # noqa: F403 - the same tests, of the other store
from tests.issuer_bridge.kube_api.test_store import order, request

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def connect(path=":memory:"):
    return sqlite3.connect(path, isolation_level=None)


def opened(connection, run=0):
    return EmbeddedStore(lambda: NOW, Random(run).randbytes, archive=SqliteArchive(connection, run))


class Reopened(EmbeddedStore):
    """A store whose reads are another's, which has nothing but the file."""

    def __init__(self, clock, entropy):
        self.connection = connect()
        super().__init__(clock, entropy, archive=SqliteArchive(self.connection))

    @property
    def resource_version(self):
        return opened(self.connection).resource_version

    def get(self, *arguments, **named):
        return opened(self.connection).get(*arguments, **named)

    def list(self, *arguments, **named):
        return opened(self.connection).list(*arguments, **named)


@pytest.fixture(scope="module", autouse=True)
def _on_disk():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(test_store, "EmbeddedStore", Reopened)
        yield


def event(number):
    involved = {"kind": "Order", "name": "www", "namespace": "default"}
    return {"metadata": {"name": f"www.{number}", "namespace": "default"}, "involvedObject": involved}


def test_another_process_finds_what_was_written(tmp_path):
    first = opened(connect(tmp_path / "state.db"))
    kept = first.insert(SECRET, {"metadata": {"name": "key"}, "stringData": {"tls.key": "k"}})
    second = opened(connect(tmp_path / "state.db"))
    assert kept == second.get(SECRET, "default", "key")


def test_versions_go_on_where_they_stood_after_a_deletion_too():
    connection = connect()
    store = opened(connection)
    store.insert(CERTIFICATE_REQUEST, request("a"))
    store.insert(CERTIFICATE_REQUEST, request("b"))
    store.remove(CERTIFICATE_REQUEST, "default", "b")
    before = store.resource_version
    again = opened(connection)
    assert before == again.resource_version
    made = again.insert(CERTIFICATE_REQUEST, request("c"))
    assert before < int(made["metadata"]["resourceVersion"])


def test_a_watch_that_saw_what_a_power_failure_took_is_told_to_list_again():
    connection = connect()
    opened(connection).insert(CERTIFICATE_REQUEST, request("a"))
    lost = 1 + opened(connection).resource_version
    again = opened(connection, run=1)
    window = WatchWindow(again)
    again.insert(CERTIFICATE_REQUEST, request("b"))
    with pytest.raises(ApiError, match="too old resource version"):
        window.since(lost)


def test_what_a_deletion_had_not_reached_is_deleted_when_the_file_is_opened():
    connection = connect()
    store = opened(connection)
    owner = store.insert(CERTIFICATE_REQUEST, request("owner"))
    store.insert(ORDER, order("owned", [owner]))
    SqliteArchive(connection).drop(CERTIFICATE_REQUEST, owner)
    assert opened(connection).list(ORDER) == []
    assert opened(connection).list(ORDER) == []


def test_a_write_that_cannot_be_kept_changes_nothing():
    connection = connect()
    store = opened(connection)
    stored = store.insert(CERTIFICATE_REQUEST, request("a"))
    heard = []
    store.watch(lambda *change: heard.append(change))
    connection.execute("PRAGMA query_only = on")
    changed = {**stored, "metadata": {**stored["metadata"], "labels": {"a": "b"}}}
    for attempt in (
        lambda: store.insert(CERTIFICATE_REQUEST, request("b")),
        lambda: store.replace(CERTIFICATE_REQUEST, changed),
        lambda: store.remove(CERTIFICATE_REQUEST, "default", "a"),
    ):
        with pytest.raises(ApiError, match="nothing was changed, since it cannot be kept: attempt to write a readonly"):
            attempt()
    assert ([stored], []) == (store.list(CERTIFICATE_REQUEST), heard)
    connection.execute("PRAGMA query_only = off")
    store.remove(CERTIFICATE_REQUEST, "default", "a")
    assert opened(connection).list(CERTIFICATE_REQUEST) == []


def test_the_oldest_events_make_room(monkeypatch):
    monkeypatch.setattr(store_module, "_EVENTS", 3)
    connection = connect()
    store = opened(connection)
    for number in range(3):
        store.insert(EVENT, event(number))
    again = opened(connection)
    again.insert(EVENT, event(3))
    for each in (again, opened(connection)):
        assert [item["metadata"]["name"] for item in each.list(EVENT)] == ["www.1", "www.2", "www.3"]


@pytest.mark.parametrize("change", ["kind = 'dogs.example.org'", "body = '{'", "body = '[]'", "body = '{}'"])
def test_a_row_that_is_none_of_ours_is_not_passed_over(change):
    connection = connect()
    opened(connection).insert(CERTIFICATE_REQUEST, request("a"))
    connection.execute(f"UPDATE resources SET {change}")
    with pytest.raises((ValueError, KeyError, TypeError)):
        opened(connection)
