"""What the account resources answer (RFC 8555 section 7.3); `acme_server.endpoints` has all others."""

from __future__ import annotations

from itertools import islice

from acme_server import orders as order_records
from acme_server import resources
from acme_server.accounts import Account
from acme_server.endpoints import Answer, Call, not_found
from acme_server.exchange import Reply, json_reply
from acme_server.execution import carry_out
from acme_server.limits import ask_new_account
from acme_server.protocol.problem import unauthorized
from acme_server.protocol.status import OrderStatus
from acme_server.registration_authority import accounts, terms
from acme_server.registration_authority.key_change import change_key
from acme_server.store import ORDERS_BY_ACCOUNT, authorizations_of


def new_account(call: Call) -> Answer:
    """Sections 7.3 and 7.3.1."""
    outcome = accounts.new_account(call.world, call.signature.jwk, call.payload, call.now)
    limits = call.world.limits
    asked = ask_new_account(limits, call.peer, call.now) if limits.rates and outcome.changes else {}
    carry_out(call.world, outcome, call.now)
    limits.take(asked, call.now)
    links, account = call.world.links, outcome.record
    location = ("Location", links.account(account.id))
    return Answer(json_reply(201 if outcome.changes else 200, _shown(call, account), location))


def account(call: Call) -> Answer:
    """Sections 7.3.2 and 7.3.6."""
    record = _own_account(call)
    if call.document is not None:
        outcome = accounts.update_account(record, call.document)
        carry_out(call.world, outcome, call.now)
        record = outcome.record
    return Answer(json_reply(200, _shown(call, record)))


def account_orders(call: Call) -> Answer:
    """Section 7.1.2.1: every order but the invalid ones, a page at a time, each from after the last of the one before."""
    record = _own_account(call, "foreign orders")
    store, links, size = call.world.store, call.world.links, call.world.settings.orders_per_page
    orders_left = store.find(ORDERS_BY_ACCOUNT, record.id)
    if "after" in call.parameters:
        ids = [order.id for order in orders_left]
        if call.parameters["after"] not in ids:
            raise not_found()
        orders_left = orders_left[ids.index(call.parameters["after"]) + 1 :]
    listed = (
        order
        for order in orders_left
        if order_records.status_of(order, authorizations_of(store, order), call.now) is not OrderStatus.INVALID
    )
    found = list(islice(listed, size + 1))
    document = resources.orders(links, found[:size])
    if len(found) <= size:
        return Answer(json_reply(200, document))
    rest = links.orders_after(record.id, found[size - 1].id)
    return Answer(json_reply(200, document, ("Link", f'<{rest}>;rel="next"')))


def key_change(call: Call) -> Answer:
    """Section 7.3.5."""
    record = call.world.store.get(Account, call.account.id)
    assert record is not None
    outcome = change_key(call.world, record, call.payload)
    carry_out(call.world, outcome, call.now)
    return Answer(json_reply(200, _shown(call, outcome.record)))


def terms_of_service(call: Call) -> Answer:
    """Section 7.3.3: the page on which a human agrees to terms that have changed, by its button."""
    record = call.world.store.get(Account, call.parameters["account"])
    if record is None:
        raise not_found()
    if call.method == "POST":
        outcome = terms.agree(call.world, record)
        carry_out(call.world, outcome, call.now)
        record = outcome.record
    page = resources.terms_page(record, call.world.settings.terms_of_service)
    return Answer(Reply(200, (("Content-Type", "text/html; charset=utf-8"),), page.encode()))


def _shown(call: Call, record: Account) -> resources.Document:
    document = resources.account(call.world.links, record)
    if call.world.settings.personality.pebble_accounts:
        document.pop("termsOfServiceAgreed", None)
        document["key"] = dict(record.jwk)
        if not record.contact:
            del document["contact"]
    return document


def _own_account(call: Call, case: str = "") -> Account:
    record = call.world.store.get(Account, call.parameters["account"])
    if record is None:
        raise not_found()
    if record.id != call.account.id:
        raise unauthorized("this is another account", case=case)
    return record
