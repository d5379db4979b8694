"""RFC 8555 section 7.3.5: account key rollover."""

from __future__ import annotations

from typing import Any

from conformance.check import check
from conformance.client import Client
from conformance.expectations import accepted, refused
from conformance.jws import ABSENT, sign
from conformance.keys import Key, new_key
from conformance.session import Session
from conformance.verdict import Level, expect
from conformance.wire import Reply

MUST, SHOULD = Level.MUST, Level.SHOULD


def _roll(
    session: Session,
    client: Client,
    new: Key,
    header: dict[str, Any] | None = None,
    change: dict[str, Any] | None = None,
    signer: Key | None = None,
) -> Reply:
    """Ask for a key change; header, change, signer: what is wrong with the inner JWS."""
    url = session.url("keyChange")
    wanted = {"account": client.kid, "oldKey": dict(client.key.jwk), **(change or {})}
    own = {"url": url, "jwk": dict(new.jwk), **(header or {})}
    return client.post(url, sign(own, wanted, new, (signer or new).sign))


@check("7.3.5", MUST, "keyChange", destructive=True)
def a_key_is_changed(session: Session) -> None:
    """A key change that is right is answered with 200: the new key then speaks for the account, the old one not."""
    client, new = session.new_account(), new_key()
    old = client.key
    accepted(_roll(session, client, new), 200, "keyChange")
    client.key = new
    accepted(client.read(str(client.kid)), 200, "the account read with its new key")
    refused(client.read(str(client.kid), key=old), "the account read with its old key")


@check("7.3.5", MUST, "keyChange", "newOrder", destructive=True)
def a_key_change_leaves_orders_as_they_are(session: Session) -> None:
    """A key change invalidates no pending order and no pending authorization."""
    client, new = session.new_account(), new_key()
    order = session.order(client)
    accepted(_roll(session, client, new), 200, "keyChange")
    client.key = new
    for url in (order.url, order.document["authorizations"][0]):
        status = client.read(url).json().get("status")
        expect(status == "pending", f"{url} still pending", status)


@check("7.3.5", MUST, "keyChange", destructive=True)
def a_wrong_key_change_is_refused(session: Session) -> None:
    """A key change is refused when its inner JWS is for another url, account or old key, or is not signed right."""
    other = new_key()
    wrong: dict[str, dict[str, Any]] = {
        "another url": {"header": {"url": session.url("newAccount")}},
        "no url": {"header": {"url": ABSENT}},
        "no jwk": {"header": {"jwk": ABSENT}},
        "another account": {"change": {"account": f"{session.account.kid}x"}},
        "another old key": {"change": {"oldKey": dict(other.jwk)}},
        "a signature of another key": {"signer": other},
    }
    client = session.new_account()
    for what, bent in wrong.items():
        refused(_roll(session, client, new_key(), **bent), f"an inner JWS with {what}")
    accepted(client.read(str(client.kid)), 200, "the account read with its key, which did not change")


@check("7.3.5", SHOULD, "keyChange", destructive=True)
def an_inner_nonce_is_refused(session: Session) -> None:
    """The inner JWS of a key change has no nonce: with one, it is refused."""
    client = session.new_account()
    refused(_roll(session, client, new_key(), {"nonce": client.fresh_nonce()}), "an inner JWS with a nonce")


@check("7.3.5", MUST, "keyChange", destructive=True)
def a_key_of_another_account_is_refused(session: Session) -> None:
    """A key change to a key that has an account is refused."""
    reply = _roll(session, session.new_account(), session.new_account().key)
    expect(reply.status >= 400, "an error for a key that has an account", reply)


@check("7.3.5", SHOULD, "keyChange", destructive=True)
def a_conflict_names_the_other_account(session: Session) -> None:
    """A key change to a key that has an account is answered with 409 and that account's URL as Location."""
    other = session.new_account()
    reply = _roll(session, session.new_account(), other.key)
    refused(reply, "a key that has an account", status=409)
    expect(reply.header("Location") == other.kid, f"the Location {other.kid}", reply.header("Location") or "none")


@check("7.3.5", MUST, "keyChange", destructive=True)
def a_refused_key_change_is_explained(session: Session) -> None:
    """A key change that fails is answered with a problem document that says why."""
    reply = _roll(session, session.new_account(), session.new_account().key)
    expect(bool(reply.kind), "a problem document", reply)
