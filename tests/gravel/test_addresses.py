"""Addresses that a test sets, family by family."""

from __future__ import annotations

import pytest

from acme_server.protocol.vantage import Resolve
from gravel.addresses import AddressBook
from solvers.dns.answer import answer_question
from solvers.dns.zone import Zone


@pytest.fixture
def zone() -> Zone:
    return Zone()


@pytest.fixture
def book(zone) -> AddressBook:
    return AddressBook(zone)


def addresses(zone: Zone, name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return tuple(answer_question(zone, Resolve(name, rtype)).values(rtype) for rtype in ("A", "AAAA"))


def test_addresses_add_up(zone, book):
    book.add(4, "a.test", ["192.0.2.1"])
    book.add(4, "A.test.", ["192.0.2.2", "192.0.2.1"])
    assert addresses(zone, "a.test") == (("192.0.2.1", "192.0.2.2"), ())


def test_one_family_leaves_the_default_of_the_other(zone, book):
    book.add(6, "a.test", ["2001:db8::1"])
    assert addresses(zone, "a.test") == (("127.0.0.1",), ("2001:db8::1",))


def test_the_defaults_that_a_zone_has_from_the_start_are_the_books_too():
    zone = Zone(default_addresses=("192.0.2.9", "2001:db8::9"))
    book = AddressBook(zone)
    book.add(6, "a.test", ["2001:db8::1"])
    assert addresses(zone, "a.test") == (("192.0.2.9",), ("2001:db8::1",))
    book.set_default(4, "192.0.2.8")
    assert addresses(zone, "b.test") == (("192.0.2.8",), ("2001:db8::9",))


def test_clearing_one_family_leaves_the_other(zone, book):
    book.add(4, "a.test", ["192.0.2.1"])
    book.add(6, "a.test", ["2001:db8::1"])
    book.clear(4, "a.test")
    assert addresses(zone, "a.test") == (("127.0.0.1",), ("2001:db8::1",))
    book.clear(6, "a.test")
    assert addresses(zone, "a.test") == (("127.0.0.1",), ())


def test_defaults_reach_names_with_and_without_addresses_of_their_own(zone, book):
    book.add(4, "own.test", ["192.0.2.1"])
    book.set_default(4, "192.0.2.9")
    book.set_default(6, "2001:db8::9")
    assert addresses(zone, "other.test") == (("192.0.2.9",), ("2001:db8::9",))
    assert addresses(zone, "own.test") == (("192.0.2.1",), ("2001:db8::9",))


def test_an_empty_default_is_none(zone, book):
    book.set_default(4, "")
    assert addresses(zone, "a.test") == ((), ())


@pytest.mark.parametrize(("family", "text"), [(4, "::1"), (6, "127.0.0.1"), (4, "localhost"), (4, "")])
def test_an_address_of_another_family_is_refused_and_changes_nothing(zone, book, family, text):
    with pytest.raises(ValueError, match="address"):
        book.add(family, "a.test", ["192.0.2.1" if family == 4 else "2001:db8::1", text])
    assert addresses(zone, "a.test") == (("127.0.0.1",), ())


def test_a_copy_remembers_what_was_written(zone, book):
    book.add(4, "a.test", ["192.0.2.1"])
    book.set_default(6, "::1")
    twin_zone = zone.copy()
    twin = book.copy(twin_zone)
    twin.add(4, "a.test", ["192.0.2.2"])
    assert addresses(twin_zone, "a.test") == (("192.0.2.1", "192.0.2.2"), ("::1",))
    assert addresses(zone, "a.test") == (("192.0.2.1",), ("::1",))
