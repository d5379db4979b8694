"""RFC 8555 section 7.4: orders and their finalization."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from conformance.check import check
from conformance.expectations import accepted, refused
from conformance.keys import Key, new_key
from conformance.session import Placed, Session, csr
from conformance.verdict import Level, NotOffered, expect
from conformance.wire import Reply

MUST, SHOULD = Level.MUST, Level.SHOULD
AT_ONCE = 8


def _dated(session: Session, **dates: str) -> Reply:
    return session.account.post(session.url("newOrder"), {**session.identifiers(), **dates})


def _moment(days: float) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


@check("7.4", MUST, "newOrder")
def an_order_is_created(session: Session) -> None:
    """A newOrder is answered with 201, the order's URL as Location, and the order, pending."""
    reply = session.account.post(session.url("newOrder"), session.identifiers())
    accepted(reply, 201, "newOrder")
    expect(reply.header("Location").startswith("https://"), "the order's URL as Location", reply.header("Location"))
    expect(reply.json().get("status") == "pending", "a pending order", reply.json().get("status"))


@check("7.4", MUST, "newOrder")
def an_order_with_an_unreadable_date_is_refused(session: Session) -> None:
    """An order that cannot be fulfilled as it is asked for is an error: a notBefore or notAfter that is no moment."""
    for dates in ({"notBefore": "tomorrow"}, {"notAfter": "2030-13-41"}):
        refused(_dated(session, **dates), f"an order with {dates}")


@check("7.4", SHOULD, "newOrder")
def an_order_that_ends_before_it_begins_is_refused(session: Session) -> None:
    """An order whose notAfter is earlier than its notBefore is refused."""
    refused(_dated(session, notBefore=_moment(20), notAfter=_moment(10)), "notAfter ten days before notBefore")


@check("7.4", MUST, "newOrder")
def dates_are_honoured_or_refused(session: Session) -> None:
    """An order for certain dates is an error, or shows them: it is never silently for others."""
    dates = {"notBefore": _moment(0.1), "notAfter": _moment(5)}
    reply = _dated(session, **dates)
    if reply.status >= 400:
        raise NotOffered(f"orders with dates are refused: {reply}")
    for member, wanted in dates.items():
        found = reply.json().get(member)
        expect(_same_moment(found, wanted), f"{member} {wanted}", found)


def _same_moment(found: Any, wanted: str) -> bool:
    try:
        return datetime.fromisoformat(found) == datetime.fromisoformat(wanted)
    except (TypeError, ValueError):
        return False


@check("7.4", MUST, "newOrder")
def an_identifier_of_an_unknown_type_is_refused(session: Session) -> None:
    """An order for an identifier of a type that the server does not know is an error."""
    reply = session.account.post(session.url("newOrder"), {"identifiers": [{"type": "x-unknown", "value": "a"}]})
    refused(reply, "an identifier of type x-unknown")


@check("7.4", MUST, "newOrder")
def a_pending_order_is_not_finalized(session: Session) -> None:
    """Finalizing an order that is not ready is answered with 403 and orderNotReady."""
    order = session.order(session.account)
    reply = session.account.post(order.document["finalize"], {"csr": csr(new_key(), *order.names)})
    refused(reply, "finalize of a pending order", "orderNotReady", 403)


def _finalized(session: Session, order: Placed, key: Key, *names: str) -> Reply:
    return session.account.post(order.document["finalize"], {"csr": csr(key, *names)})


@check("7.4", MUST, "newOrder")
def a_csr_for_other_names_is_refused(session: Session) -> None:
    """The names of the CSR are those of the order, no more and no fewer: any other CSR is refused."""
    order = session.ready_order(session.account, session.name(), session.name())
    for what, names in {
        "a name too many": (*order.names, session.name()),
        "a name too few": order.names[:1],
        "other names": (session.name(),),
    }.items():
        refused(_finalized(session, order, new_key(), *names), f"a CSR with {what}")


@check("7.4", SHOULD, "newOrder")
def a_bad_csr_is_named_so(session: Session) -> None:
    """A CSR that is refused is refused as badCSR."""
    order = session.ready_order(session.account)
    refused(_finalized(session, order, new_key(), *order.names, session.name()), "a CSR with a name too many", "badCSR")


@check("7.4", SHOULD, "newOrder")
def a_refused_csr_leaves_the_order_ready(session: Session) -> None:
    """After a CSR was refused the order is still ready, and is finalized by the right one."""
    order = session.ready_order(session.account)
    refused(_finalized(session, order, new_key(), session.name()), "a CSR with another name")
    status = session.account.read(order.url).json().get("status")
    expect(status == "ready", "an order that is still ready", status)
    accepted(_finalized(session, order, new_key(), *order.names), 200, "finalize with the right CSR")


@check("7.4", MUST, "newOrder")
def a_csr_in_another_encoding_is_refused(session: Session) -> None:
    """The CSR is base64url without padding (section 6.1): padded, it is refused."""
    order = session.ready_order(session.account)
    text = csr(new_key(), *order.names)
    padded = text + "=" * (-len(text) % 4 or 4)
    refused(session.account.post(order.document["finalize"], {"csr": padded}), "a CSR with '=' padding")


@check("7.4", MUST, "newOrder")
def an_order_is_finalized_by_its_owner(session: Session) -> None:
    """An order is finalized by the account that placed it: another one is refused."""
    order, other = session.ready_order(session.account), session.new_account()
    reply = other.post(order.document["finalize"], {"csr": csr(new_key(), *order.names)})
    refused(reply, "finalize of another account's order")


@check("7.4", MUST, "newOrder")
def finalize_shows_the_order(session: Session) -> None:
    """Finalize is answered with 200 and the order, which is being issued or has been."""
    order = session.ready_order(session.account)
    reply = _finalized(session, order, new_key(), *order.names)
    accepted(reply, 200, "finalize")
    expect(reply.json().get("status") in ("processing", "valid"), "an order processing or valid", reply.json())


@check("7.4", MUST, "newOrder")
def an_order_is_finalized_once_even_at_the_same_time(session: Session) -> None:
    """Of several finalizes of one order that come at the same time one is accepted: the others are orderNotReady."""
    client, order = session.account, session.ready_order(session.account)
    url = order.document["finalize"]
    payloads = [{"csr": csr(new_key(), *order.names)} for _ in range(AT_ONCE)]
    bodies = [client.request(url, payload, nonce=client.fresh_nonce()) for payload in payloads]
    # A server may refuse a good nonce, as Pebble does at random.
    replies = [reply for reply in session.at_once(url, bodies) if reply.kind != "badNonce"]
    found = sorted("200" if reply.status == 200 else reply.kind for reply in replies)
    expect(found == ["200", *["orderNotReady"] * (len(found) - 1)], "one 200, and orderNotReady for all others", found)


@check("7.4", MUST, "newOrder")
def the_certificate_is_what_was_asked_for(session: Session) -> None:
    """The certificate is for the order's names, no more and no fewer, and for the CSR's key."""
    issued = session.issued
    expect(issued.names == sorted(issued.order.names), f"the names {issued.order.names}", issued.names)
    ours, theirs = (
        key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        for key in (issued.key.private.public_key(), issued.leaf.public_key())
    )
    expect(ours == theirs, "the CSR's key", "another key")


@check("11.1", MUST, "newOrder")
def an_account_key_is_not_certified(session: Session) -> None:
    """A CSR with the public key of an account, be it the client's or another's, is refused."""
    order, other = session.ready_order(session.account), session.new_account()
    for what, key in {"the account's own key": session.account.key, "another account's key": other.key}.items():
        refused(_finalized(session, order, key, *order.names), f"a CSR with {what}")
