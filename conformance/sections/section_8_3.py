"""RFC 8555 section 8.3: http-01."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conformance.check import check
from conformance.http_responder import PATH
from conformance.session import Session
from conformance.verdict import Level, NotReachable, expect

MUST, SHOULD = Level.MUST, Level.SHOULD


def _status(session: Session, before: str = "", after: str = "") -> str:
    """Show the key authorization with something around it; return what became of the challenge."""

    def show(_: str, challenge: Mapping[str, Any], text: str) -> None:
        session.answers.show_text(challenge["token"], f"{before}{text}{after}")

    _, challenge = session.tried("http-01", show)
    return str(challenge["status"])


@check("8.3", MUST, "newOrder")
def http_01_is_valid_by_its_text(session: Session) -> None:
    """The key authorization below /.well-known/acme-challenge/ makes http-01 valid."""
    expect((status := _status(session)) == "valid", "a valid challenge", status)


@check("8.3", MUST, "newOrder")
def http_01_asks_for_the_token_at_the_name(session: Session) -> None:
    """http-01 is looked for with a GET of /.well-known/acme-challenge/TOKEN at the identifier's name, in clear."""
    responder = session.answers.http
    if responder is None:
        raise NotReachable("who asks for what is seen by our own responder alone (--http01-port)")
    order, challenge = session.tried(
        "http-01", lambda _, challenge, text: session.answers.show_text(challenge["token"], text)
    )
    asked = [
        (method, host.partition(":")[0]) for method, path, host in responder.asked if path == PATH + challenge["token"]
    ]
    expect(("GET", order.names[0]) in asked, f"GET {PATH}TOKEN with the Host {order.names[0]}", asked)


@check("8.3", MUST, "newOrder", destructive=True)
def http_01_is_not_valid_by_another_text(session: Session) -> None:
    """A text with something before or after the key authorization is not the key authorization."""
    for before, after in (("x", ""), ("", "x")):
        status = _status(session, before, after)
        expect(status == "invalid", f"an invalid challenge with {before!r} before and {after!r} after the text", status)


@check("8.3", SHOULD, "newOrder")
def whitespace_after_the_text_is_ignored(session: Session) -> None:
    """Whitespace at the end of the text is ignored."""
    expect((status := _status(session, after=" \t\r\n")) == "valid", "a valid challenge", status)


@check("8.3", SHOULD, "newOrder")
def redirects_are_followed(session: Session) -> None:
    """http-01 follows redirects."""

    def show(_: str, challenge: Mapping[str, Any], text: str) -> None:
        session.answers.show_text(f"{challenge['token']}.moved", text)
        session.answers.redirect(challenge["token"], f"{PATH}{challenge['token']}.moved")

    _, challenge = session.tried("http-01", show)
    expect(challenge["status"] == "valid", "a valid challenge", challenge["status"])
