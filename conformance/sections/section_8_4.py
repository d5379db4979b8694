"""RFC 8555 section 8.4: dns-01, and what wildcards are proved by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conformance.answering import dns_value
from conformance.check import check
from conformance.session import Session
from conformance.verdict import Level, NotReachable, expect

MUST, MAY = Level.MUST, Level.MAY


def _status(session: Session, records: Mapping[str, str], *names: str) -> str:
    """Show TXT records, by prefix of the name: "{text}" is the key authorization, "{value}" its digest."""

    def show(name: str, _: Mapping[str, Any], text: str) -> None:
        for prefix, value in records.items():
            for one in value.split():
                session.answers.show_txt(f"{prefix}{name}", one.format(text=text, value=dns_value(text)))

    _, challenge = session.tried("dns-01", show, *names)
    return str(challenge["status"])


@check("8.4", MUST, "newOrder")
def dns_01_is_valid_by_its_record(session: Session) -> None:
    """The digest of the key authorization in a TXT record below _acme-challenge makes dns-01 valid."""
    status = _status(session, {"_acme-challenge.": "{value}"})
    expect(status == "valid", "a valid challenge", status)


@check("8.4", MUST, "newOrder")
def one_of_several_records_is_enough(session: Session) -> None:
    """dns-01 is valid when one of several TXT records is the right one."""
    status = _status(session, {"_acme-challenge.": "first {value} last"})
    expect(status == "valid", "a valid challenge", status)


@check("8.4", MUST, "newOrder", destructive=True)
def dns_01_is_not_valid_by_another_record(session: Session) -> None:
    """The key authorization itself, and the digest at the bare name, do not make dns-01 valid."""
    for records in ({"_acme-challenge.": "{text}"}, {"": "{value}"}):
        status = _status(session, records)
        expect(status == "invalid", f"an invalid challenge with {records}", status)


@check("8.4", MUST, "newOrder")
def a_wildcard_is_proved_at_its_base(session: Session) -> None:
    """The dns-01 challenge of '*.NAME' is looked for below _acme-challenge.NAME."""
    name = session.name()
    status = _status(session, {"_acme-challenge.": "{value}"}, f"*.{name}")
    expect(status == "valid", "a valid challenge", status)


@check("7.1.3", MAY, "newOrder")
def a_wildcard_is_proved_by_dns_alone(session: Session) -> None:
    """For a wildcard neither http-01 nor tls-alpn-01 is offered: they prove a name, not what is below it."""
    reply = session.account.post(session.url("newOrder"), session.identifiers(f"*.{session.name()}"))
    if reply.status != 201:
        raise NotReachable(f"a wildcard cannot be ordered: {reply}")
    found = session.read_authorization(session.account, reply.json()["authorizations"][0])
    kinds = [challenge["type"] for challenge in found["challenges"]]
    expect(not {"http-01", "tls-alpn-01"} & {*kinds}, "neither http-01 nor tls-alpn-01", kinds)
