"""RFC 8555 section 7.4.1: authorizations before any order."""

from __future__ import annotations

from conformance.check import check
from conformance.expectations import accepted, refused
from conformance.session import Session
from conformance.verdict import Level, expect
from conformance.wire import Reply

MUST, SHOULD = Level.MUST, Level.SHOULD


def _asked(session: Session, value: str, kind: str = "dns") -> Reply:
    return session.account.post(session.url("newAuthz"), {"identifier": {"type": kind, "value": value}})


@check("7.4.1", MUST, "newAuthz")
def an_authorization_is_made_beforehand(session: Session) -> None:
    """A newAuthz is answered with 201, the authorization's URL as Location, and the authorization of that identifier."""
    name = session.name()
    reply = _asked(session, name)
    accepted(reply, 201, "newAuthz")
    expect(reply.header("Location").startswith("https://"), "its URL as Location", reply.header("Location") or "none")
    found = reply.json().get("identifier")
    expect(found == {"type": "dns", "value": name}, f"the identifier {name}", found)


@check("7.4.1", MUST, "newAuthz")
def what_nobody_proved_is_pending(session: Session) -> None:
    """An authorization that was asked for beforehand, and that nobody proved, is pending."""
    reply = _asked(session, session.name())
    accepted(reply, 201, "newAuthz")
    expect(reply.json().get("status") == "pending", "a pending authorization", reply.json().get("status"))


@check("7.4.1", MUST, "newAuthz")
def no_wildcard_is_authorized_beforehand(session: Session) -> None:
    """A newAuthz for a wildcard is refused."""
    refused(_asked(session, f"*.{session.name()}"), "a newAuthz for a wildcard")


@check("7.4.1", SHOULD, "newAuthz")
def an_unknown_identifier_is_not_authorized(session: Session) -> None:
    """A newAuthz for an identifier of a type that the server does not know is an error."""
    refused(_asked(session, "a", "x-unknown"), "a newAuthz for the type x-unknown")
