"""RFC 8737 section 3: tls-alpn-01."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from conformance.check import check
from conformance.session import Session
from conformance.tls_alpn_responder import Shown
from conformance.verdict import Level, NotReachable, expect

MUST = Level.MUST


def _status(session: Session, shown: Callable[[str, str], Shown]) -> str:
    """Show a certificate for a name and a key authorization; return what became of the challenge."""

    def show(name: str, _: Mapping[str, Any], text: str) -> None:
        session.answers.show_certificate(name, shown(name, text))

    return str(session.tried("tls-alpn-01", show)[1]["status"])


@check("RFC 8737 3", MUST, "newOrder")
def tls_alpn_01_is_valid_by_its_certificate(session: Session) -> None:
    """A self-signed certificate for the name, with the digest in acmeIdentifier, makes tls-alpn-01 valid."""
    status = _status(session, lambda name, text: Shown(text, (name,)))
    expect(status == "valid", "a valid challenge", status)


@check("RFC 8737 3", MUST, "newOrder")
def tls_alpn_01_asks_for_the_name(session: Session) -> None:
    """tls-alpn-01 names the identifier in SNI."""
    responder = session.answers.tls
    if responder is None:
        raise NotReachable("who asks for what is seen by our own responder alone (--tls-alpn-port)")
    order, _ = session.tried(
        "tls-alpn-01", lambda name, _, text: session.answers.show_certificate(name, Shown(text, (name,)))
    )
    expect(order.names[0] in responder.asked, f"the name {order.names[0]} in SNI", responder.asked[-3:])


WRONG: Mapping[str, Callable[[str, str], Shown]] = {
    "another digest": lambda name, text: Shown(f"{text}x", (name,)),
    "another name": lambda name, text: Shown(text, (f"other.{name}",)),
    "a second name": lambda name, text: Shown(text, (name, f"other.{name}")),
    "an acmeIdentifier that is not critical": lambda name, text: Shown(text, (name,), critical=False),
}


@check("RFC 8737 3", MUST, "newOrder", destructive=True)
def tls_alpn_01_is_not_valid_by_another_certificate(session: Session) -> None:
    """The certificate is for one name, the right one, and its acmeIdentifier is right and critical: or it is refused."""
    for what, shown in WRONG.items():
        status = _status(session, shown)
        expect(status == "invalid", f"an invalid challenge with {what}", status)


@check("RFC 8737 3", MUST, "newOrder", destructive=True)
def another_protocol_is_not_acme_tls(session: Session) -> None:
    """A server that does not choose acme-tls/1 proves nothing, whatever its certificate."""
    status = _status(session, lambda name, text: Shown(text, (name,), protocol="http/1.1"))
    expect(status == "invalid", "an invalid challenge without acme-tls/1", status)
