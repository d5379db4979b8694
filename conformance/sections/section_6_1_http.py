"""RFC 8555 section 6.1: the HTTP that ACME's requests are made of (RFC 9110 and 9112)."""

from __future__ import annotations

import gzip
from urllib.parse import urljoin

from conformance.check import check
from conformance.client import JOSE
from conformance.raw import head, statuses
from conformance.session import Session
from conformance.verdict import Level, expect

MUST, SHOULD = Level.MUST, Level.SHOULD
CLOSE = "Connection: close"
# Heads that have no one meaning, and which are to be refused with 400.
HEADS = {
    "no Host (RFC 9112 section 3.2)": (),
    "two Hosts (RFC 9112 section 3.2)": ("Host: a.test", "Host: b.test"),
    "white space before a colon (RFC 9112 section 5.1)": ("Host: a.test", "X-Note : a"),
    "two lengths (RFC 9112 section 6.3)": ("Host: a.test", "Content-Length: 3", "Content-Length: 4"),
    "a length that is no number (RFC 9112 section 6.3)": ("Host: a.test", "Content-Length: three"),
    "a negative length (RFC 9112 section 6.3)": ("Host: a.test", "Content-Length: -3"),
}
TARGETS = ("/..%2f..%2fetc/passwd", "/%00", "/%ff%fe", "/%zz", "//", "/a//b/../c", "/;a=b", "/?" + "a" * 2000)


@check("6.1", MUST, "newNonce", destructive=True)
def pipelined_requests_are_answered_in_order(session: Session) -> None:
    """Requests that come without waiting for replies are answered in their order (RFC 9112 section 9.3.2)."""
    urls = [session.options.directory, session.url("newNonce")] * 3
    replies = session.raw(urls[0], b"".join(head("GET", url) for url in urls), most=len(urls))
    found, wanted = [reply.status for reply in replies], [200, 204] * 3
    expect(bool(found) and found == wanted[: len(found)], f"{wanted}, or the first of them", found)


@check("6.1", MUST, destructive=True)
def a_head_without_one_meaning_is_refused(session: Session) -> None:
    """A request whose Host, field lines or length are ambiguous is answered with 400 (RFC 9112)."""
    url = session.options.directory
    found = {what: session.raw(url, head("GET", url, *fields, CLOSE, host=False)) for what, fields in HEADS.items()}
    wrong = [
        f"{statuses(replies)} for {what}" for what, replies in found.items() if [one.status for one in replies] != [400]
    ]
    expect(not wrong, "400 for each", "; ".join(wrong))


@check("6.1", MUST, destructive=True)
def an_absolute_target_is_accepted(session: Session) -> None:
    """A request target that is a whole URL is accepted (RFC 9112 section 3.2.2)."""
    url = session.options.directory
    path = head("GET", url).split()[1]
    replies = session.raw(url, head("GET", url, CLOSE).replace(path, url.encode(), 1))
    expect([one.status for one in replies] == [200], "200 for the directory, by its whole URL", statuses(replies))


@check("6.1", MUST, "newNonce", destructive=True)
def no_request_is_smuggled_in_a_body(session: Session) -> None:
    """After a request with both Content-Length and Transfer-Encoding the connection ends (RFC 9112 section 6.1)."""
    url = session.url("newNonce")
    hidden = head("GET", url)
    fields = (f"Content-Length: {len(hidden) + 5}", "Transfer-Encoding: chunked")
    replies = session.raw(url, head("POST", url, *fields) + b"0\r\n\r\n" + hidden, most=2)
    expect(len(replies) < 2, "one reply at most, and the end of the connection", statuses(replies))


@check("6.1", MUST, "newNonce", "newOrder", destructive=True)
def a_method_that_is_not_allowed_brings_those_that_are(session: Session) -> None:
    """A reply of 405 has an Allow (RFC 9110 section 15.5.6)."""
    url = session.url("newOrder")
    for method in ("GET", "PUT", "DELETE", "PROPFIND"):
        replies = session.raw(url, head(method, url, CLOSE))
        expect([one.status for one in replies] == [405], f"405 for {method}", statuses(replies))
        expect(replies[0].header("Allow") != "", f"an Allow with 405 for {method}", "no such header")


@check("6.1", SHOULD, destructive=True)
def a_half_closed_connection_is_not_kept(session: Session) -> None:
    """A client that says that it sends nothing more is answered or hung up on, whether its request was whole or not."""
    url = session.options.directory
    whole = head("GET", url)
    for octets in (whole, whole[:-9]):
        replies = session.raw(url, octets, end=True)
        expect(all(one.status < 500 for one in replies), "a status below 500, or no reply", statuses(replies))


@check("6.1", SHOULD, destructive=True)
def an_absurd_target_is_the_clients_mistake(session: Session) -> None:
    """A request target that leads nowhere is answered with less than 500, however it is written."""
    for target in TARGETS:
        url = urljoin(session.options.directory, "/")[:-1] + target
        replies = session.raw(url, head("GET", url, CLOSE))
        expect(
            len(replies) == 1 and replies[0].status < 500, f"a status below 500 for {target[:40]}", statuses(replies)
        )


@check("6.1", SHOULD, "newAccount", destructive=True)
def a_compressed_body_is_not_inflated(session: Session) -> None:
    """A body that inflates to many times its size is refused, or its connection ends."""
    client, url = session.stranger(), session.url("newAccount")
    bomb = gzip.compress(client.request(url, session.registration(client, note="x" * 2_000_000)))
    fields = (f"Content-Type: {JOSE}", "Content-Encoding: gzip", f"Content-Length: {len(bomb)}", CLOSE)
    replies = session.raw(url, head("POST", url, *fields) + bomb)
    expect(
        all(400 <= one.status < 500 for one in replies), "4xx, or no reply, for 2.7 MB in some kB", statuses(replies)
    )
