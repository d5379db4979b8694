"""RFC 8555 section 10.3: denial of service, by what is too much and by what is too slow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from conformance.check import check
from conformance.client import JOSE
from conformance.expectations import all_explained
from conformance.raw import head, statuses
from conformance.session import Session
from conformance.verdict import Level, expect
from conformance.wire import Reply

SHOULD = Level.SHOULD
LARGE = 2 << 20


def _large(session: Session) -> bytes:
    client = session.stranger()
    return client.request(session.url("newAccount"), session.registration(client, note="x" * LARGE))


def _chunked(body: bytes) -> bytes:
    pieces = [body[start : start + 8000] for start in range(0, len(body), 8000)]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def _refuses(session: Session, what: str, *fields: str, body: bytes) -> None:
    url = session.url("newAccount")
    replies = session.raw(url, head("POST", url, f"Content-Type: {JOSE}", *fields, "Connection: close") + body)
    expect(all(400 <= one.status < 500 for one in replies), f"4xx, or no reply, for {what}", statuses(replies))


@check("10.3", SHOULD, "newAccount", destructive=True)
def a_large_body_is_refused(session: Session) -> None:
    """A request of several megabytes is refused, or its connection ends, whether its length was told before or not."""
    body = _large(session)
    _refuses(session, f"a body of {len(body)} octets", f"Content-Length: {len(body)}", body=body)
    body = _large(session)
    _refuses(session, f"{len(body)} octets in chunks", "Transfer-Encoding: chunked", body=_chunked(body))


@check("10.3", SHOULD, "newAccount", destructive=True)
def a_large_head_is_refused(session: Session) -> None:
    """A head with a very long field, with very many, or with a very long target is refused, or its connection ends."""
    url = session.options.directory
    for what, octets in {
        "a field of 2 MB": head("GET", url, f"X-Note: {'x' * LARGE}"),
        "50,000 fields": head("GET", url, *(f"X-Note-{number}: {'x' * 30}" for number in range(50_000))),
        "a target of 2 MB": head("GET", f"{url}?{'x' * LARGE}"),
    }.items():
        replies = session.raw(url, octets)
        expect(all(400 <= one.status < 500 for one in replies), f"4xx, or no reply, for {what}", statuses(replies))


@check("10.3", SHOULD, "newOrder", destructive=True)
def an_odd_nonce_is_explained(session: Session) -> None:
    """A nonce that is huge, empty, not ASCII or no string is refused, with a problem document and a good nonce."""
    nonces: Mapping[str, Any] = {
        "10 kB": "A" * 10_000,
        "nothing": "",
        "é": "\u00e9",
        "NUL": "\0",
        "a number": 7,
        "an array": ["A"],
        "null": None,
    }
    client, url = session.account, session.url("newOrder")
    all_explained(
        (f"the nonce {what}", client.post(url, session.identifiers(), header={"nonce": nonce}))
        for what, nonce in nonces.items()
    )


def _too_much(session: Session) -> Iterator[tuple[str, Reply]]:
    names = [f"{number}.{session.options.domain}" for number in range(2_000)]
    yield "2,000 identifiers", session.account.post(session.url("newOrder"), session.identifiers(*names))
    client = session.stranger()
    contact = [f"mailto:{number}@conformance.test" for number in range(2_000)]
    yield "2,000 contacts", client.post(session.url("newAccount"), session.registration(client, contact=contact))


@check("10.3", SHOULD, "newOrder", "newAccount", destructive=True)
def too_many_of_a_kind_are_explained(session: Session) -> None:
    """An order for two thousand names, and an account with as many contacts, are refused and explained."""
    all_explained(_too_much(session))


def _hung_up(session: Session, who: str) -> None:
    found = session.patience[who]
    expect(found is not None, "an answer or the end of the connection", f"neither, half a minute long, for {who}")


@check("10.3", SHOULD, "newNonce", destructive=True)
def a_silent_connection_ends(session: Session) -> None:
    """A connection on which no request comes is not kept for more than half a minute."""
    _hung_up(session, "silence")


@check("10.3", SHOULD, "newNonce", destructive=True)
def a_slow_head_ends(session: Session) -> None:
    """A head that comes an octet at a time, and has no end, is not waited for more than half a minute."""
    _hung_up(session, "a head")


@check("10.3", SHOULD, "newNonce", destructive=True)
def a_slow_body_ends(session: Session) -> None:
    """A body that comes an octet at a time is not waited for more than half a minute."""
    _hung_up(session, "a body")
