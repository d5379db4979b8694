"""RFC 8555 section 6.3: GET and POST-as-GET requests."""

from __future__ import annotations

from conformance.check import check
from conformance.expectations import accepted, refused
from conformance.session import Session
from conformance.verdict import Level, expect

MUST = Level.MUST


@check("6.3", MUST, "newOrder")
def get_is_refused(session: Session) -> None:
    """A GET of anything but the directory and newNonce is answered with 405 and malformed."""
    client = session.account
    order = session.order(client)
    for url in (str(client.kid), order.url, order.document["authorizations"][0], session.url("newOrder")):
        refused(client.get(url), f"GET {url}", "malformed", 405)


@check("6.3", MUST, "newOrder")
def post_as_get_shows_what_is_there(session: Session) -> None:
    """A POST-as-GET reads the resource: the order is what newOrder said it is."""
    order = session.order(session.account)
    reply = session.account.read(order.url)
    accepted(reply, 200, "POST-as-GET of an order")
    for member in ("status", "expires", "identifiers", "authorizations", "finalize"):
        found, wanted = reply.json().get(member), order.document.get(member)
        expect(found == wanted, f"{member} as in newOrder's reply, {wanted}", found)


@check("6.3", MUST, "newOrder")
def post_as_get_is_for_the_owner(session: Session) -> None:
    """A POST-as-GET is authenticated and access is controlled: orders and authorizations of others are refused."""
    order, other = session.order(session.account), session.new_account()
    for url in (order.url, order.document["authorizations"][0]):
        refused(other.read(url), f"POST-as-GET of another account's {url}")


@check("6.3", MUST, "newNonce")
def the_directory_and_nonces_may_be_got(session: Session) -> None:
    """The directory and newNonce may be read with GET."""
    accepted(session.account.get(session.options.directory), 200, "GET of the directory")
    accepted(session.account.get(session.url("newNonce")), 204, "GET of newNonce")


@check("6.3", MUST, "newNonce")
def the_directory_and_nonces_may_be_posted_for(session: Session) -> None:
    """The directory and newNonce may be read with POST-as-GET too."""
    for url in (session.options.directory, session.url("newNonce")):
        reply = session.account.read(url)
        expect(reply.status in (200, 204), f"200 or 204 for POST-as-GET of {url}", reply)
