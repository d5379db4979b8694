"""RFC 8555 section 7.3: accounts, but for key rollover and deactivation."""

from __future__ import annotations

from conformance.check import check
from conformance.expectations import accepted, refused
from conformance.session import Session
from conformance.verdict import Level, NotOffered, expect

MUST, SHOULD = Level.MUST, Level.SHOULD
MAILTO = "mailto:admin@conformance.test"


@check("7.3", MUST, "newAccount")
def a_new_account_is_created(session: Session) -> None:
    """A newAccount is answered with 201, the account's URL as Location, and the account."""
    client = session.stranger()
    reply = client.post(session.url("newAccount"), session.registration(client))
    accepted(reply, 201, "newAccount")
    expect(reply.header("Location").startswith("https://"), "the account's URL as Location", reply.header("Location"))
    expect(reply.json().get("status") == "valid", "a valid account", reply.json())


@check("7.3", MUST, "newAccount")
def unknown_members_of_an_account_are_ignored(session: Session) -> None:
    """What a client says of 'orders', and members that are unknown, are ignored and not shown again."""
    client = session.stranger()
    ours = {"orders": "https://other.test/orders", "x-unknown": "something", "onlyReturnExisting": False}
    reply = client.post(session.url("newAccount"), session.registration(client, **ours))
    accepted(reply, 201, "newAccount with members that are unknown")
    shown = reply.json()
    for member in ("x-unknown", "onlyReturnExisting"):
        expect(member not in shown, f"no {member} in the account", shown)
    expect(shown.get("orders") != ours["orders"], "orders of the server's own", shown.get("orders"))


def _with_contact(session: Session, contact: str) -> tuple[bool, str, str]:
    """Return whether a contact is refused, as what, and the reply in words."""
    client = session.stranger()
    reply = client.post(session.url("newAccount"), session.registration(client, contact=[contact]))
    return reply.status >= 400, reply.kind, str(reply)


@check("7.3", MUST, "newAccount")
def mailto_is_a_contact(session: Session) -> None:
    """A contact of the scheme mailto is supported."""
    taken, _, shown = _with_contact(session, MAILTO)
    expect(not taken, f"an account with the contact {MAILTO}", shown)


@check("7.3", SHOULD, "newAccount")
def a_mailto_with_more_than_an_address_is_refused(session: Session) -> None:
    """A mailto contact with header fields, or with several addresses, is refused."""
    for contact in (f"{MAILTO}?subject=a", f"{MAILTO},other@conformance.test"):
        no, _, shown = _with_contact(session, contact)
        expect(no, f"no account with the contact {contact}", shown)


@check("7.3", MUST, "newAccount")
def a_contact_of_another_scheme_is_unsupported(session: Session) -> None:
    """A contact that is refused for its scheme is refused as unsupportedContact."""
    no, kind, shown = _with_contact(session, "tel:+43-1-23456")
    if not no:
        raise NotOffered("contacts of the scheme tel are accepted")
    expect(kind == "unsupportedContact", "unsupportedContact for a contact of the scheme tel", shown)


@check("7.3", MUST, "newAccount")
def a_contact_with_a_bad_value_is_invalid(session: Session) -> None:
    """A contact of a supported scheme that is refused for its value is refused as invalidContact."""
    no, kind, shown = _with_contact(session, "mailto:not an address")
    if not no:
        raise NotOffered("the value of a mailto contact is not looked at")
    expect(kind == "invalidContact", "invalidContact for 'mailto:not an address'", shown)


@check("7.3", MUST, "newAccount")
def terms_that_must_be_agreed_to_are_named(session: Session) -> None:
    """A server that wants its terms agreed to names them in the directory's meta."""
    client = session.stranger()
    agreed = session.registration(client)
    silent = {member: value for member, value in agreed.items() if member != "termsOfServiceAgreed"}
    reply = client.post(session.url("newAccount"), silent)
    if reply.status != 201:
        expect(
            isinstance(session.meta("termsOfService"), str), "termsOfService in meta, or 201 without agreement", reply
        )


@check("7.3.1", MUST, "newAccount")
def a_known_key_finds_its_account(session: Session) -> None:
    """A newAccount with a key that has an account is answered with 200 and that account's URL as Location."""
    client = session.new_account()
    kid, client.kid = client.kid, None
    reply = client.post(session.url("newAccount"), session.registration(client))
    accepted(reply, 200, "newAccount with a known key")
    expect(reply.header("Location") == kid, f"the Location {kid}", reply.header("Location"))


@check("7.3.1", MUST, "newAccount")
def a_known_key_is_found_however_it_is_written(session: Session) -> None:
    """A key is known by what it is: its members in another order, and others beside them (RFC 7517 section 4), find it."""
    client = session.new_account()
    kid, client.kid = client.kid, None
    written = {"note": "x", "kid": "mine", **dict(sorted(client.key.jwk.items(), reverse=True))}
    reply = client.post(session.url("newAccount"), session.registration(client), header={"jwk": written})
    accepted(reply, 200, "newAccount with a known key in another form")
    expect(reply.header("Location") == kid, f"the Location {kid}", reply.header("Location"))


@check("7.3.1", MUST, "newAccount")
def a_key_gets_one_account_even_at_the_same_time(session: Session) -> None:
    """Of several newAccounts with one key that come at the same time, one creates an account, and all lead to it."""
    client, url = session.stranger(), session.url("newAccount")
    members = session.registration(client)
    bodies = [client.request(url, members, nonce=client.fresh_nonce()) for _ in range(8)]
    # A server may refuse a good nonce, as Pebble does at random.
    replies = [reply for reply in session.at_once(url, bodies) if reply.kind != "badNonce"]
    found = sorted({(reply.status, reply.header("Location")) for reply in replies})
    created = sum(reply.status == 201 for reply in replies)
    same = len({location for _, location in found}) == 1
    expect(created == 1 and same, "one account created, and found by all others", f"{created} created: {found}")


@check("7.3.1", MUST, "newAccount")
def finding_an_account_changes_nothing(session: Session) -> None:
    """The account that a known key finds is shown as it was; the members of the request are ignored."""
    client = session.new_account(contact=[MAILTO])
    client.kid = None
    members = session.registration(client, contact=["mailto:other@conformance.test"])
    reply = client.post(session.url("newAccount"), members)
    accepted(reply, 200, "newAccount with a known key")
    found = reply.json().get("contact")
    if found is None:
        raise NotOffered("the server does not show contacts")
    expect(found == [MAILTO], f"the contact {MAILTO}", found)


@check("7.3.1", MUST, "newAccount")
def looking_for_an_account_creates_none(session: Session) -> None:
    """With onlyReturnExisting and a key that has no account, 400 and accountDoesNotExist: none is created."""
    client = session.stranger()
    for _ in range(2):
        reply = client.post(session.url("newAccount"), {"onlyReturnExisting": True})
        refused(reply, "onlyReturnExisting with an unknown key", "accountDoesNotExist", 400)


@check("7.3.2", MUST, "newAccount")
def contacts_are_updated(session: Session) -> None:
    """An update that is accepted is answered with 200 and the account as it then is."""
    client = session.new_account(contact=[MAILTO])
    reply = client.post(str(client.kid), {"contact": ["mailto:other@conformance.test"]})
    accepted(reply, 200, "an update of the contact")
    found = reply.json().get("contact")
    if found is None:
        raise NotOffered("the server does not show contacts")
    expect(found == ["mailto:other@conformance.test"], "the new contact", found)


@check("7.3.2", MUST, "newAccount")
def other_updates_of_an_account_are_ignored(session: Session) -> None:
    """Updates of orders, of termsOfServiceAgreed, of a status but deactivated, and of unknown members are ignored."""
    client = session.new_account(contact=[MAILTO])
    before = client.read(str(client.kid)).json()
    update = {"orders": "https://other.test/orders", "termsOfServiceAgreed": False, "status": "valid", "x-unknown": "a"}
    accepted(client.post(str(client.kid), {"contact": [MAILTO], **update}), 200, "an update that changes nothing")
    after = client.read(str(client.kid)).json()
    expect(after == before, f"the account as it was, {before}", after)


@check("7.3.2", MUST, "newAccount")
def an_account_is_updated_by_its_owner(session: Session) -> None:
    """An account is shown to and updated by the holder of its own key only."""
    client, other = session.new_account(contact=[MAILTO]), session.new_account()
    before = client.read(str(client.kid)).json()
    shown = other.read(str(client.kid))
    expect(shown.status >= 400 or shown.json() != before, "another account's object refused", shown.body)
    other.post(str(client.kid), {"contact": ["mailto:other@conformance.test"]})
    after = client.read(str(client.kid)).json()
    expect(after == before, f"the account as it was, {before}", after)
