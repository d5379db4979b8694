"""What every store must do; a store's test module inherits StoreContract and gives it a `store` fixture."""

from __future__ import annotations

from datetime import UTC, datetime

import attrs
import pytest

from acme_server import authorizations
from acme_server.accounts import Account, deactivate
from acme_server.authorizations import Authorization, Challenge
from acme_server.certificates import Certificate
from acme_server.orders import Order
from acme_server.protocol.identifier import Identifier
from acme_server.protocol.journal import Fact
from acme_server.protocol.problem import Problem
from acme_server.store import (
    ACCOUNT_BY_THUMBPRINT,
    AUTHORIZATIONS_BY_CLAIM,
    CERTIFICATE_BY_FINGERPRINT,
    CERTIFICATE_BY_SERIAL,
    ORDERS_BY_ACCOUNT,
    Conflict,
    claim,
)

NOW = datetime(2026, 11, 22, 1, 2, 3, 456_789, tzinfo=UTC)
NAME = Identifier("dns", "example.org")
JWK = {"crv": "P-256", "kty": "EC", "x": "x", "y": "y"}
ACCOUNT = Account("a1", "thumb", JWK, NOW, ("mailto:a@example.org",), terms_agreed=True)
ORDER = Order("o1", "a1", (NAME,), ("z1",), NOW, NOW, not_before=NOW)
AUTHORIZATION = Authorization("z1", "a1", NAME, True, (Challenge("dns-01", "token"),), NOW, NOW.replace(year=2027))
CERTIFICATE = Certificate("c1", "a1", "o1", (NAME,), "5e1", "f1", "thumb", "LEAF", "ISSUERS", NOW, NOW)
RECORDS = (ACCOUNT, ORDER, AUTHORIZATION, CERTIFICATE)
FACT = Fact("AccountCreated", {"account": "a1"}, {"contact": []})


def stored(record):
    return attrs.evolve(record, version=record.version + 1)


class StoreContract:
    """Inherit, and define a fixture `store` that returns an empty one."""

    @pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
    def test_a_record_comes_back_as_it_was_one_version_on(self, store, record):
        store.commit((record,), (), NOW)
        assert stored(record) == store.get(type(record), record.id)

    def test_what_is_not_there_is_none(self, store):
        store.commit(RECORDS, (), NOW)
        assert store.get(Order, "a1") is None
        assert store.find(ACCOUNT_BY_THUMBPRINT, "other") == ()

    def test_a_decided_authorization_keeps_error_and_record(self, store):
        problem = Problem("dns", "no TXT", extra={"hint": ["a", 1, None]})
        tried = authorizations.fail(
            authorizations.respond(AUTHORIZATION, 0, NOW), 0, problem, ({"question": "TXT"},), NOW
        )
        store.commit((tried,), (), NOW)
        assert stored(tried) == store.get(Authorization, "z1")

    @pytest.mark.parametrize(
        ("index", "key", "record"),
        [
            (ACCOUNT_BY_THUMBPRINT, "thumb", ACCOUNT),
            (ORDERS_BY_ACCOUNT, "a1", ORDER),
            (AUTHORIZATIONS_BY_CLAIM, claim("a1", Identifier("dns", "*.example.org")), AUTHORIZATION),
            (CERTIFICATE_BY_SERIAL, "5e1", CERTIFICATE),
            (CERTIFICATE_BY_FINGERPRINT, "f1", CERTIFICATE),
        ],
        ids=lambda value: getattr(value, "name", ""),
    )
    def test_a_record_is_found_by_its_key(self, store, index, key, record):
        store.commit(RECORDS, (), NOW)
        assert store.find(index, key) == (stored(record),)
        assert store.find(index, key + "x") == ()

    def test_records_are_found_in_the_order_of_their_creation_not_of_their_change(self, store):
        orders = [attrs.evolve(ORDER, id=name) for name in ("o3", "o1", "o2")]
        for order in orders:
            store.commit((order,), (), NOW)
        store.commit((attrs.evolve(stored(orders[0]), expires=NOW.replace(year=2028)),), (), NOW)
        assert [order.id for order in store.find(ORDERS_BY_ACCOUNT, "a1")] == ["o3", "o1", "o2"]
        assert [order.id for order in store.all(Order)] == ["o3", "o1", "o2"]
        assert store.all(Account) == ()

    def test_an_index_follows_its_record(self, store):
        store.commit((ACCOUNT,), (), NOW)
        store.commit((attrs.evolve(stored(ACCOUNT), thumbprint="new"),), (), NOW)
        assert store.find(ACCOUNT_BY_THUMBPRINT, "thumb") == ()
        assert [account.version for account in store.find(ACCOUNT_BY_THUMBPRINT, "new")] == [2]

    def test_a_stale_record_is_a_conflict(self, store):
        store.commit((ACCOUNT,), (), NOW)
        read = store.get(Account, "a1")
        store.commit((deactivate(read),), (), NOW)
        with pytest.raises(Conflict):
            store.commit((deactivate(read),), (), NOW)

    def test_a_new_record_with_a_taken_id_is_a_conflict(self, store):
        store.commit((ORDER,), (), NOW)
        with pytest.raises(Conflict):
            store.commit((ORDER,), (), NOW)

    def test_a_change_to_a_record_that_is_not_there_is_a_conflict(self, store):
        with pytest.raises(Conflict):
            store.commit((stored(ORDER),), (), NOW)

    def test_no_two_accounts_have_one_key_and_no_two_certificates_one_serial(self, store):
        store.commit((ACCOUNT, CERTIFICATE), (), NOW)
        with pytest.raises(Conflict):
            store.commit((attrs.evolve(ACCOUNT, id="a2"),), (), NOW)
        with pytest.raises(Conflict):
            store.commit((attrs.evolve(CERTIFICATE, id="c2", fingerprint="f2"),), (), NOW)

    def test_no_two_records_of_one_commit_share_a_unique_key(self, store):
        with pytest.raises(Conflict):
            store.commit((ACCOUNT, attrs.evolve(ACCOUNT, id="a2")), (), NOW)
        assert store.find(ACCOUNT_BY_THUMBPRINT, "thumb") == ()

    def test_a_conflict_leaves_neither_records_nor_facts(self, store):
        store.commit((ORDER,), (FACT,), NOW)
        digest = store.journal.digest
        with pytest.raises(Conflict):
            store.commit((ACCOUNT, AUTHORIZATION, ORDER), (FACT,), NOW)
        assert store.get(Account, "a1") is None
        assert store.find(AUTHORIZATIONS_BY_CLAIM, claim("a1", AUTHORIZATION.covers)) == ()
        assert (digest, 1) == (store.journal.digest, len(store.journal))

    def test_facts_are_journalled_with_the_moment_and_the_house(self, store):
        store.commit((ACCOUNT,), (FACT, FACT), NOW)
        store.commit((), (FACT,), NOW)
        entries = list(store.journal)
        assert [entry.seq for entry in entries] == [1, 2, 3]
        assert {(entry.house, entry.kind, entry.at) for entry in entries} == {
            ("acme_server", "AccountCreated", "2026-11-22T01:02:03.456789Z")
        }

    def test_a_copy_has_all_that_was_there_and_goes_its_own_way(self, store):
        store.commit((ACCOUNT, ORDER), (FACT,), NOW)
        copy = store.copy()
        assert copy.get(Account, "a1") == store.get(Account, "a1") == stored(ACCOUNT)
        assert copy.find(ACCOUNT_BY_THUMBPRINT, "thumb") == (stored(ACCOUNT),)
        store.commit((deactivate(stored(ACCOUNT)),), (FACT,), NOW)
        copy.commit((CERTIFICATE,), (), NOW)
        assert copy.get(Account, "a1") == stored(ACCOUNT)
        assert store.find(CERTIFICATE_BY_SERIAL, "5e1") == ()
        assert (len(store.journal), len(copy.journal)) == (2, 1)
