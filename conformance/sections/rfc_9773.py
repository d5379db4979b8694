"""RFC 9773: renewal information (ARI)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from cryptography import x509

from conformance.check import check
from conformance.client import Client
from conformance.expectations import accepted, refused
from conformance.keys import b64url
from conformance.session import Issued, Session
from conformance.verdict import Level, NotOffered, NotReachable, expect
from conformance.wire import Reply

MUST, SHOULD = Level.MUST, Level.SHOULD
NEEDS = ("renewalInfo", "newOrder")


def _certid(issued: Issued) -> str:
    """Section 4.1: the key identifier and the contents of the serial number's DER, in base64url."""
    try:
        authority = issued.leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    except x509.ExtensionNotFound:
        authority = None
    if authority is None:
        raise NotReachable("the certificate has no authority key identifier")
    serial = issued.leaf.serial_number
    return f"{b64url(authority)}.{b64url(serial.to_bytes(serial.bit_length() // 8 + 1, 'big'))}"


def _info(session: Session) -> Reply:
    return session.account.get(f"{session.url('renewalInfo')}/{_certid(session.issued)}")


def _moment(value: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return found if found.tzinfo else None


def _replacing(session: Session, issued: Issued, client: Client | None = None, name: str = "") -> Reply:
    payload = {**session.identifiers(name or issued.order.names[0]), "replaces": _certid(issued)}
    return (client or issued.client).post(session.url("newOrder"), payload)


@check("RFC 9773 4.1", MUST, *NEEDS)
def renewal_information_is_read_with_get(session: Session) -> None:
    """Renewal information is read with an unauthenticated GET of renewalInfo/CERTID."""
    accepted(_info(session), 200, "GET of renewal information")


@check("RFC 9773 4.2", MUST, *NEEDS)
def the_window_is_two_moments_in_order(session: Session) -> None:
    """Renewal information has a suggestedWindow: the moments (RFC 3339) start and end, start first."""
    window = _info(session).json().get("suggestedWindow")
    found = window if isinstance(window, dict) else {}
    start, end = _moment(found.get("start")), _moment(found.get("end"))
    expect(start is not None and end is not None and start < end, "a suggestedWindow, its start before its end", window)


@check("RFC 9773 4.3", SHOULD, *NEEDS)
def renewal_information_says_when_to_ask_again(session: Session) -> None:
    """Renewal information comes with a Retry-After."""
    reply = _info(session)
    expect(reply.header("Retry-After") != "", "a Retry-After", f"{reply} without")


@check("RFC 9773 4.1", SHOULD, *NEEDS)
def there_is_none_for_an_unknown_certificate(session: Session) -> None:
    """Renewal information of a certificate that does not exist, or of what is no identifier, is an error."""
    known = _certid(session.issued)
    for certid in (f"{known[:-4]}AAAA", known.partition(".")[0], "!"):
        refused(session.account.get(f"{session.url('renewalInfo')}/{certid}"), f"the identifier {certid}")


@check("RFC 9773 5", MUST, *NEEDS)
def an_order_shows_what_it_replaces(session: Session) -> None:
    """An order that replaces a certificate shows 'replaces', from its first reply on."""
    issued = session.issue(session.account)
    reply = _replacing(session, issued)
    accepted(reply, 201, "an order that replaces a certificate")
    for shown in (reply, issued.client.read(reply.header("Location"))):
        expect(shown.json().get("replaces") == _certid(issued), "the order's 'replaces'", shown.json().get("replaces"))


@check("RFC 9773 5", MUST, *NEEDS)
def a_certificate_is_replaced_once(session: Session) -> None:
    """An order that is refused because another one replaces the certificate is answered with 409 and alreadyReplaced."""
    issued = session.issue(session.account)
    accepted(_replacing(session, issued), 201, "an order that replaces a certificate")
    reply = _replacing(session, issued)
    if reply.status == 201:
        raise NotOffered("a certificate may be replaced twice")
    refused(reply, "a second order that replaces it", "alreadyReplaced", 409)


@check("RFC 9773 5", SHOULD, *NEEDS)
def what_an_order_replaces_is_its_own(session: Session) -> None:
    """An order is refused that replaces another account's certificate, or one that shares no identifier with it."""
    issued = session.issue(session.account)
    refused(_replacing(session, issued, session.new_account()), "an order that replaces another account's certificate")
    refused(_replacing(session, issued, name=session.name()), "an order that replaces one of other names")
