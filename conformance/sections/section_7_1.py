"""RFC 8555 section 7.1: resources."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from conformance.check import check
from conformance.expectations import accepted, refused
from conformance.objects import shaped
from conformance.session import Session
from conformance.verdict import Level, NotOffered, NotReachable, expect

MUST, SHOULD = Level.MUST, Level.SHOULD
MAX_PAGES = 200


@check("7.1", MUST)
def the_directory_names_new_nonce(session: Session) -> None:
    """The server provides a directory, a JSON object, and in it newNonce."""
    reply = session.wire.send("GET", session.options.directory, {})
    accepted(reply, 200, "GET of the directory")
    expect(isinstance(reply.json().get("newNonce"), str), "a URL as newNonce", reply.json())


@check("7.1", MUST, "newOrder")
def replies_link_to_the_directory(session: Session) -> None:
    """Every resource but the directory links to it with the relation 'index'."""
    client = session.account
    order = session.order(client)
    for url in (str(client.kid), order.url, order.document["authorizations"][0]):
        links = client.read(url).header("Link").replace(" ", "").replace("'", '"')
        expect(
            f'<{session.options.directory}>;rel="index"' in links, "a Link to the directory, rel=index", links or "none"
        )


@check("7.1", SHOULD, "newOrder")
def challenges_link_to_their_authorization(session: Session) -> None:
    """A challenge links to its authorization with the relation 'up'."""
    client = session.account
    url, authorization = session.authorization(client, session.order(client))
    links = client.read(authorization["challenges"][0]["url"]).header("Link").replace(" ", "").replace("'", '"')
    expect(f'<{url}>;rel="up"' in links, "a Link to the authorization, rel=up", links or "none")


@check("7.1.1", MUST)
def meta_is_an_object(session: Session) -> None:
    """The directory's meta, if there is one, is a JSON object."""
    if "meta" not in session.directory:
        raise NotOffered("the directory has no meta")
    expect(isinstance(session.directory["meta"], dict), "an object as meta", session.directory["meta"])


@check("7.1.1", MUST, "newAuthz")
def new_authz_is_named_only_if_it_works(session: Session) -> None:
    """The directory names newAuthz only where authorizations may be asked for beforehand."""
    identifier = session.identifiers()["identifiers"][0]
    accepted(session.account.post(session.url("newAuthz"), {"identifier": identifier}), 201, "newAuthz")


@check("7.1.2", MUST, "newAccount")
def accounts_have_status_and_orders(session: Session) -> None:
    """An account object has its status and the URL of its orders."""
    document = session.account.read(str(session.account.kid)).json()
    expect(document.get("status") == "valid", "the status valid", document.get("status"))
    expect(isinstance(document.get("orders"), str), "a URL as orders", document)


def _orders(session: Session) -> str:
    url = session.account.read(str(session.account.kid)).json().get("orders")
    if not isinstance(url, str):
        raise NotOffered("the account has no list of orders")
    return url


@check("7.1.2.1", MUST, "newOrder")
def the_list_of_orders_is_an_object(session: Session) -> None:
    """The list of an account's orders is a JSON object with an array of URLs as 'orders'."""
    session.order(session.account)
    reply = session.account.read(_orders(session))
    accepted(reply, 200, "POST-as-GET of the list of orders")
    found = reply.json().get("orders")
    expect(isinstance(found, list) and all(isinstance(url, str) for url in found), "an array of URLs as orders", found)


def _listed(session: Session) -> list[str]:
    """Return the account's orders, on all pages of the list."""
    url, listed = _orders(session), []
    for _ in range(MAX_PAGES):
        reply = session.account.read(url)
        accepted(reply, 200, "a page of the list of orders")
        listed += shaped(reply.json(), {"orders": list}, "7.1.2.1")["orders"]
        following = [link for link in reply.header("Link").split(",") if 'rel="next"' in link]
        if not following:
            return listed
        url = following[0].partition("<")[2].partition(">")[0]
    raise NotReachable(f"the list of orders has more than {MAX_PAGES} pages")


@check("7.1.2.1", SHOULD, "newOrder")
def pending_orders_are_listed(session: Session) -> None:
    """The list of orders has the pending ones, on one of its pages."""
    order = session.order(session.account)
    expect(order.url in _listed(session), "the pending order in the list", "it is on no page")


@check("7.1.2.1", SHOULD, "newOrder", destructive=True)
def invalid_orders_are_not_listed(session: Session) -> None:
    """The list of orders has none that is invalid."""
    order = session.order(session.account)
    session.account.post(order.document["authorizations"][0], {"status": "deactivated"})
    status = session.account.read(order.url).json().get("status")
    if status != "invalid":
        raise NotReachable(f"an order whose authorization was deactivated is {status}, not invalid")
    expect(order.url not in _listed(session), "no invalid order in the list", f"{order.url} in it")


@check("7.1.3", MUST, "newOrder")
def orders_have_their_members(session: Session) -> None:
    """An order has status, identifiers, authorizations and finalize; pending, it also says when it expires."""
    document = session.order(session.account).document
    expect(document["status"] == "pending", "the status pending", document["status"])
    for member in ("identifiers", "authorizations"):
        expect(isinstance(document.get(member), list), f"an array as {member}", document.get(member))
    expect(isinstance(document["finalize"], str), "a URL as finalize", document["finalize"])
    expect(_is_moment(document.get("expires")), "a moment (RFC 3339) as expires", document.get("expires"))


@check("7.1.3", MUST, "newOrder")
def orders_are_for_what_was_asked(session: Session) -> None:
    """The identifiers of an order are those that were asked for, all and no others."""
    names = [session.name() for _ in range(3)]
    order = session.order(session.account, *names)
    expect(sorted(order.names) == sorted(names), f"the identifiers {sorted(names)}", sorted(order.names))


@check("7.1.3", MUST, "newOrder")
def identifiers_and_authorizations_stay(session: Session) -> None:
    """The identifiers and authorizations of an order never change, whatever becomes of it."""
    issued = session.issued
    later = issued.client.read(issued.order.url).json()
    for member in ("identifiers", "authorizations"):
        before, after = _sorted(issued.order.document[member]), _sorted(later.get(member))
        expect(before == after, f"{member} as in the beginning, {before}", after)


@check("7.1.3", MUST, "newOrder")
def an_authorization_of_a_wildcard_says_so(session: Session) -> None:
    """The authorization of '*.NAME' is for NAME, without the asterisk, and has wildcard: true."""
    name = session.name()
    reply = session.account.post(session.url("newOrder"), session.identifiers(f"*.{name}"))
    if reply.status in (400, 403) and reply.kind in ("rejectedIdentifier", "malformed", "unsupportedIdentifier"):
        raise NotOffered(f"wildcards are refused: {reply}")
    accepted(reply, 201, "an order for a wildcard")
    found = session.account.read(reply.json()["authorizations"][0]).json()
    expect(found["identifier"]["value"] == name, f"the identifier {name}", found["identifier"])
    expect(found.get("wildcard") is True, "wildcard: true", found.get("wildcard"))


@check("7.1.4", MUST, "newOrder")
def other_authorizations_have_no_wildcard(session: Session) -> None:
    """The authorization of a name that is no wildcard has no member 'wildcard'."""
    _, found = session.authorization(session.account, session.order(session.account))
    expect("wildcard" not in found, "no member wildcard", found.get("wildcard"))


@check("7.1.4", MUST, "newOrder")
def authorizations_have_their_members(session: Session) -> None:
    """A new authorization has its identifier, the status pending, and challenges with type, url and status."""
    order = session.order(session.account)
    _, found = session.authorization(session.account, order)
    expect(
        found.get("identifier") == order.document["identifiers"][0], "the order's identifier", found.get("identifier")
    )
    expect(found.get("status") == "pending", "the status pending", found.get("status"))
    expect(bool(found.get("challenges")), "challenges", found.get("challenges"))
    for challenge in found["challenges"]:
        expect({"type", "url", "status"} <= {*challenge}, "a challenge with type, url and status", challenge)
        expect(challenge["status"] == "pending", "a pending challenge", challenge["status"])


@check("7.1.4", MUST, "newOrder")
def names_are_in_certificate_form(session: Session) -> None:
    """A DNS name is ordered as it would stand in a certificate: U-labels and broken 'xn--' labels are refused."""
    for value in (f"b\u00fccher.{session.options.domain}", f"xn--999999999.{session.options.domain}"):
        reply = session.account.post(session.url("newOrder"), session.identifiers(value))
        refused(reply, f"an order for {value!r}")


@check("7.1.6", MUST, "newOrder")
def an_order_becomes_ready_with_its_authorizations(session: Session) -> None:
    """An order becomes ready when all its authorizations are valid, and has no certificate before it is valid."""
    order = session.order(session.account)
    expect("certificate" not in order.document, "no certificate in a pending order", order.document)
    session.authorize(session.account, order)
    found = session.account.read(order.url).json()
    expect(found["status"] == "ready" and "certificate" not in found, "a ready order without certificate", found)


@check("7.1.6", MUST, "newOrder")
def a_valid_order_has_a_certificate_and_expires(session: Session) -> None:
    """An order is valid once its certificate is there, and then has its URL; its 'expires' stays (section 7.1.3)."""
    found = session.issued.client.read(session.issued.order.url).json()
    expect(found["status"] == "valid", "the status valid", found["status"])
    expect(isinstance(found.get("certificate"), str), "a URL as certificate", found.get("certificate"))
    expect(_is_moment(found.get("expires")), "a moment (RFC 3339) as expires", found.get("expires"))


@check("7.1.6", MUST, "newOrder", destructive=True)
def an_order_ends_with_an_authorization_that_is_given_up(session: Session) -> None:
    """An order becomes invalid when one of its authorizations is deactivated."""
    order = session.order(session.account)
    reply = session.account.post(order.document["authorizations"][0], {"status": "deactivated"})
    if reply.status != 200:
        raise NotReachable(f"the authorization cannot be deactivated: {reply}")
    status = session.account.read(order.url).json().get("status")
    expect(status == "invalid", "an invalid order", status)


def _sorted(value: Any) -> list[str]:
    return sorted(str(item) for item in value or ())


def _is_moment(value: Any) -> bool:
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except (TypeError, ValueError):
        return False
