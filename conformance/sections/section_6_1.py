"""RFC 8555 section 6.1: HTTPS requests."""

from __future__ import annotations

from conformance.check import check
from conformance.expectations import refused
from conformance.jws import Envelope
from conformance.session import Session
from conformance.verdict import Level, expect

MUST, SHOULD = Level.MUST, Level.SHOULD


@check("6.1", MUST)
def every_url_in_the_directory_is_https(session: Session) -> None:
    """The server is spoken to over HTTPS only: every URL that the directory names is https."""
    for name, url in session.directory.items():
        if name != "meta":
            expect(str(url).startswith("https://"), f"an https URL as {name}", url)


@check("6.1", MUST, "newAccount")
def padded_base64url_is_refused(session: Session) -> None:
    """A base64url value that ends in '=' is refused, whichever member of the JWS it is."""
    for member in ("protected", "payload", "signature"):

        def pad(envelope: Envelope, member: str = member) -> Envelope:
            return {**envelope, member: envelope[member] + "=" * (-len(envelope[member]) % 4 or 4)}

        client = session.stranger()
        reply = client.post(session.url("newAccount"), session.registration(client), bend=pad)
        refused(reply, f"'=' padding in {member!r}")


@check("6.1", SHOULD)
def browsers_may_read_the_directory(session: Session) -> None:
    """The server lets pages of any origin speak to it: Access-Control-Allow-Origin is '*'."""
    reply = session.account.get(session.options.directory)
    origin = reply.header("Access-Control-Allow-Origin")
    expect(origin == "*", "Access-Control-Allow-Origin: *", origin or "no such header")
