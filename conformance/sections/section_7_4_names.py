"""RFC 8555 sections 7.3 and 7.4: odd names, dates and contacts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from conformance.check import check
from conformance.expectations import all_explained, all_refused
from conformance.session import Session
from conformance.verdict import Level, expect
from conformance.wire import Reply

MUST, SHOULD = Level.MUST, Level.SHOULD
# What no dNSName of a certificate can be (RFC 5280 section 4.2.1.6); `{}` is a name that could be one.
NO_NAMES = (
    "", ".", "*", "*.", ".{}", "a..{}", "-a.{}", "a-.{}", "a b.{}", "a\0.{}", "a\r\nX-Note: b.{}", "\x1b[31m.{}", "a/../{}",
    "https://{}", "{}:443", "a@{}", "a,{}", "{}\n", "*a.{}", "a*.{}", "a.*.{}", "*.*.{}", "b\u00fccher.{}", "\uff41.{}",
    "\u202e.{}", "a" * 64 + ".{}", "a." * 120 + "{}", "a" * 20_000 + ".{}", "127.0.0.1", "::1", "[::1]",
)  # fmt: skip
ODD_NAMES = ("{}.", "127.1", "0x7f.1", "2130706433", "xn--.{}", "xn--a.{}", "ab--c.{}")
ODD_IDENTIFIERS: tuple[Any, ...] = (
    None, 7, "a", {}, [], [None], [[]], ["a.test"], [{}], [{"type": "dns"}], [{"value": "a.test"}],
    [{"type": "dns", "value": None}], [{"type": "dns", "value": 7}], [{"type": "dns", "value": ["a.test"]}],
    [{"type": None, "value": "a.test"}], [{"type": "", "value": "a.test"}], [{"type": "DNS\0", "value": "a.test"}],
    [{"type": "ip", "value": "not an address"}], [{"type": "email", "value": "a@conformance.test"}],
)  # fmt: skip
NO_MOMENTS: tuple[Any, ...] = (
    "", " ", "now", "2030", "2030-01-01", "01/02/2030", "2030-02-30T00:00:00Z", "2030-01-01T25:00:00Z",
    "2030-01-01T00:00:00+99:99", "10000-01-01T00:00:00Z", "-001-01-01T00:00:00Z", "\u0662\u0660\u0663\u0660-01-01T00:00:00Z",
    1893456000, 1e300, -1, True, [], {}, "2030-01-01T00:00:00Z" * 500,
)  # fmt: skip
FAR_MOMENTS = ("0001-01-01T00:00:00Z", "1900-01-01T00:00:00Z", "9999-12-31T23:59:59Z")
ODD_CONTACTS: tuple[Any, ...] = (
    7, "mailto:a@conformance.test", {}, [7], [None], [[]], [""], ["mailto:"], ["a@conformance.test"], ["mailto:@"],
    ["mailto:a@"], ["mailto:a b@conformance.test"], ["mailto:a@conformance.test\r\nBcc: b@conformance.test"],
    ["mailto:a@conformance.test\0"], ["mailto:" + "a" * 5_000 + "@conformance.test"],
)  # fmt: skip


def _ordered(session: Session, names: tuple[str, ...]) -> Iterator[tuple[str, Reply]]:
    for name in names:
        value = name.replace("{}", session.name())
        yield ascii(value[:60]), session.account.post(session.url("newOrder"), session.identifiers(value))


@check("7.4", MUST, "newOrder")
def what_is_no_name_cannot_be_ordered(session: Session) -> None:
    """An order that cannot be fulfilled as it is asked for is an error: a dns name that no certificate can have."""
    all_refused(_ordered(session, NO_NAMES))


@check("7.4", SHOULD, "newOrder")
def odd_names_are_explained(session: Session) -> None:
    """A name that only looks like one, as an address in disguise or a reserved label, is refused and explained."""
    all_explained(_ordered(session, ODD_NAMES))


@check("7.4", SHOULD, "newOrder")
def odd_identifiers_are_explained(session: Session) -> None:
    """Identifiers of another shape than an array of objects with a known type and a string are explained."""
    all_explained(
        (ascii(found), session.account.post(session.url("newOrder"), {"identifiers": found}))
        for found in ODD_IDENTIFIERS
    )


@check("7.4", SHOULD, "newOrder")
def a_name_that_comes_twice_is_no_fault_of_the_servers(session: Session) -> None:
    """An order for one name twice, in two spellings, is refused or is for that name once."""
    name = session.name()
    reply = session.account.post(session.url("newOrder"), session.identifiers(name, name.upper(), name))
    expect(reply.status == 201 or 400 <= reply.status < 500, "201 or 4xx", reply)
    if reply.status == 201:
        found = [one["value"] for one in reply.json()["identifiers"]]
        expect(found == [name], f"the identifier {name}, once", found)


def _dated(session: Session, moments: tuple[Any, ...]) -> Iterator[tuple[str, Reply]]:
    for member in ("notBefore", "notAfter"):
        for moment in moments:
            payload = {**session.identifiers(), member: moment}
            yield f"{member} {ascii(moment)[:40]}", session.account.post(session.url("newOrder"), payload)


@check("7.4", MUST, "newOrder")
def absurd_dates_are_refused(session: Session) -> None:
    """An order that cannot be fulfilled as it is asked for is an error: dates that RFC 3339 cannot read."""
    all_refused(_dated(session, NO_MOMENTS))


@check("7.4", SHOULD, "newOrder")
def dates_of_other_ages_are_explained(session: Session) -> None:
    """An order for a certificate of another age is refused and explained."""
    all_explained(
        (f"{member} {moment}", session.account.post(session.url("newOrder"), {**session.identifiers(), member: moment}))
        for member, moment in [*(("notBefore", one) for one in FAR_MOMENTS[:2]), ("notAfter", FAR_MOMENTS[2])]
    )


@check("7.3", SHOULD, "newAccount")
def odd_contacts_are_explained(session: Session) -> None:
    """Contacts that are no array of URLs, or no addresses, are refused and explained."""

    def replies() -> Iterator[tuple[str, Reply]]:
        for contact in ODD_CONTACTS:
            client = session.stranger()
            payload = session.registration(client, contact=contact)
            yield ascii(contact)[:60], client.post(session.url("newAccount"), payload)

    all_explained(replies())
