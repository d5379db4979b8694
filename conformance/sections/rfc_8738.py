"""RFC 8738: IP addresses as identifiers."""

from __future__ import annotations

from conformance.check import check
from conformance.expectations import accepted, refused
from conformance.session import Session
from conformance.verdict import Level, NotOffered, NotReachable, expect
from conformance.wire import Reply

MUST = Level.MUST
ADDRESS = "127.0.0.1"


def _ordered(session: Session, address: str) -> Reply:
    return session.account.post(session.url("newOrder"), {"identifiers": [{"type": "ip", "value": address}]})


def _authorization(session: Session) -> str:
    reply = _ordered(session, ADDRESS)
    if reply.kind in ("unsupportedIdentifier", "rejectedIdentifier", "malformed"):
        raise NotOffered(f"addresses are refused: {reply}")
    accepted(reply, 201, f"an order for {ADDRESS}")
    return str(reply.json()["authorizations"][0])


@check("RFC 8738 3", MUST, "newOrder")
def an_address_has_one_spelling(session: Session) -> None:
    """An IPv4 address is in dotted decimals, an IPv6 address as RFC 5952 has it: other spellings are refused."""
    _authorization(session)
    for address in ("127.1", "127.0.0.01", "0:0:0:0:0:0:0:1", "2001:DB8::1", "::ffff:0:0/96"):
        refused(_ordered(session, address), f"an order for the address {address}")


@check("RFC 8738 7", MUST, "newOrder")
def an_address_is_not_proved_by_dns(session: Session) -> None:
    """dns-01 is not offered for an address."""
    found = session.read_authorization(session.account, _authorization(session))
    kinds = [challenge["type"] for challenge in found["challenges"]]
    expect("dns-01" not in kinds, "no dns-01", kinds)


@check("RFC 8738 5", MUST, "newOrder")
def an_address_is_proved_by_http_01(session: Session) -> None:
    """http-01 for an address is looked for at that address."""
    client, url = session.account, _authorization(session)
    if session.answers.http is None:
        raise NotReachable("our own responder alone is at a known address (--http01-port)")
    found = session.read_authorization(client, url)
    if found["status"] != "pending":
        raise NotReachable(f"the authorization is {found['status']} from the beginning")
    challenge = session.answers.choose(found, "http-01")
    session.answers.answer(ADDRESS, challenge, client.key)
    accepted(client.post(challenge["url"], {}), 200, "the response to a challenge")
    settled = session.settled(client, challenge["url"])
    expect(settled["status"] == "valid", "a valid challenge", settled.get("error"))
