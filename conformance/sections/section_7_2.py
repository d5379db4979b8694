"""RFC 8555 section 7.2: getting a nonce."""

from __future__ import annotations

from conformance.check import check
from conformance.session import Session
from conformance.verdict import Level, expect

MUST, SHOULD = Level.MUST, Level.SHOULD


@check("7.2", MUST, "newNonce")
def head_gives_a_nonce(session: Session) -> None:
    """HEAD of newNonce brings a Replay-Nonce."""
    reply = session.stranger().head(session.url("newNonce"))
    expect(reply.header("Replay-Nonce") != "", "a Replay-Nonce", f"{reply} without")


@check("7.2", SHOULD, "newNonce")
def head_is_answered_with_200(session: Session) -> None:
    """HEAD of newNonce is answered with 200."""
    reply = session.stranger().head(session.url("newNonce"))
    expect(reply.status == 200, "200 for HEAD of newNonce", reply)


@check("7.2", MUST, "newNonce")
def get_gives_a_nonce_and_nothing_else(session: Session) -> None:
    """GET of newNonce is answered with 204, an empty body and a Replay-Nonce."""
    reply = session.stranger().get(session.url("newNonce"))
    expect(reply.status == 204, "204 for GET of newNonce", reply)
    expect(reply.body == b"", "an empty body", reply.body[:80])
    expect(reply.header("Replay-Nonce") != "", "a Replay-Nonce", f"{reply} without")


@check("7.2", MUST, "newNonce")
def nonces_are_not_cached(session: Session) -> None:
    """Replies of newNonce have Cache-Control with no-store."""
    client, url = session.stranger(), session.url("newNonce")
    for method, reply in (("HEAD", client.head(url)), ("GET", client.get(url))):
        found = reply.header("Cache-Control")
        directives = [directive.strip().lower() for directive in found.split(",")]
        expect("no-store" in directives, f"Cache-Control: no-store for {method}", found or "no Cache-Control")
