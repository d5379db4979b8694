"""The store in memory keeps the contract; and what it is given could be kept in a file."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import attrs
import pytest

from acme_server.protocol.journal import Journal
from acme_server.store import KINDS, MemoryStore
from tests.acme_server.rig import registered
from tests.acme_server.store_contract import StoreContract


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def store(self):
        return MemoryStore(Journal())


def assert_plain(value):
    """Nothing but records, mappings and tuples of texts, numbers and moments."""
    if attrs.has(type(value)):
        for field in attrs.fields(type(value)):
            assert_plain(getattr(value, field.name))
    elif isinstance(value, Mapping):
        for name, item in value.items():
            assert isinstance(name, str)
            assert_plain(item)
    elif isinstance(value, tuple | list):
        for item in value:
            assert_plain(item)
    else:
        assert isinstance(value, str | int | datetime | None)


def test_records_of_a_whole_issuance_are_plain_values():
    client = registered()
    client.issue("www.example.org", "*.example.org")
    client.post(client.authorizations(client.order("bad.example.org"))[0]["challenges"][0]["url"], {})
    client.driver.run()
    tables = client.server.world.store._tables
    assert {kind: len(tables[kind]) > 0 for kind in KINDS} == dict.fromkeys(KINDS, True)
    for table in tables.values():
        for record in table.values():
            assert_plain(record)
