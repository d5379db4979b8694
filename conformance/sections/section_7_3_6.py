"""RFC 8555 section 7.3.6: account deactivation."""

from __future__ import annotations

from conformance.check import check
from conformance.client import Client
from conformance.expectations import accepted, refused
from conformance.keys import b64url
from conformance.session import Session
from conformance.verdict import Level, NotReachable, expect

MUST, SHOULD = Level.MUST, Level.SHOULD
GONE = {"status": "deactivated"}


def _deactivated(session: Session, client: Client | None = None) -> Client:
    """Return a client whose account is no more."""
    client = client or session.new_account()
    reply = client.post(str(client.kid), GONE)
    if reply.status != 200:
        raise NotReachable(f"the account cannot be deactivated: {reply}")
    return client


@check("7.3.6", MUST, "newAccount", destructive=True)
def an_account_is_deactivated(session: Session) -> None:
    """A deactivation is answered with 200 and the account, deactivated."""
    client = session.new_account()
    reply = client.post(str(client.kid), GONE)
    accepted(reply, 200, "the deactivation of an account")
    expect(reply.json().get("status") == "deactivated", "the status deactivated", reply.json().get("status"))


@check("7.3.6", MUST, "newOrder", destructive=True)
def a_deactivated_account_is_refused(session: Session) -> None:
    """Nothing is accepted any more that a deactivated account's key signed."""
    client = session.new_account()
    order = session.order(client)
    _deactivated(session, client)
    refused(client.post(session.url("newOrder"), session.identifiers()), "a newOrder of a deactivated account")
    for url in (str(client.kid), order.url, order.document["authorizations"][0]):
        refused(client.read(url), f"POST-as-GET of {url} by a deactivated account")


@check("7.3.6", MUST, "newOrder", destructive=True)
def a_deactivated_account_is_told_401(session: Session) -> None:
    """A request of a deactivated account is answered with 401 and unauthorized."""
    client = _deactivated(session)
    reply = client.post(session.url("newOrder"), session.identifiers())
    refused(reply, "a newOrder of a deactivated account", "unauthorized", 401)


@check("7.3.6", MUST, "revokeCert", "newOrder", destructive=True)
def a_deactivated_account_cannot_revoke(session: Session) -> None:
    """A deactivated account cannot revoke its certificates either."""
    client = session.new_account()
    issued = session.issue(client)
    _deactivated(session, client)
    reply = client.post(session.url("revokeCert"), {"certificate": b64url(issued.der)})
    refused(reply, "a revokeCert of a deactivated account")


@check("7.3.6", MUST, "newAccount", destructive=True)
def a_deactivated_account_is_not_revived(session: Session) -> None:
    """A deactivated account's key gets no account again, neither the old one nor a new one."""
    client = _deactivated(session)
    client.kid = None
    reply = client.post(session.url("newAccount"), session.registration(client))
    refused(reply, "a newAccount with a deactivated account's key")
