"""What the management API asks of, and does to, one world: its history, its DNS and its clock.

Paths and bodies that change DNS are those of pebble-challtestsrv, so that
hooks written for it work here.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from acme_server.execution import carry_out
from acme_server.protocol.journal import Dropped, Entry, Journal
from acme_server.protocol.times import rfc3339_micro
from acme_server.registration_authority.renewal import set_renewal_info
from acme_server.worlds import HostedWorld
from gravel.dns_view import DnsView
from gravel.management.operation import (
    DURATION,
    FLAG,
    HOST,
    MOMENT,
    STRING,
    TEXT,
    Schema,
    array,
    closed,
    described,
    members,
    nullable,
    number,
    words,
)
from gravel.management.request_body import Body, read_body

# Seconds that a request may wait for an entry of the journal.
MAX_WAIT = 60.0

Hosted: TypeAlias = HostedWorld[DnsView]
Endpoint: TypeAlias = Callable[[Hosted, web.Request], Awaitable[web.StreamResponse]]
Edit: TypeAlias = Callable[[DnsView, Body], None]


def _addresses(form: str) -> Mapping[str, Schema]:
    return {"host": HOST, "addresses": array({"type": "string", "format": form}, 1)}


def _default(form: str) -> Mapping[str, Schema]:
    return {"ip": {"anyOf": [{"const": ""}, {"type": "string", "format": form}]}}


# Path -> what it does, in a sentence and in code, and the members of its body.
DNS_EDITS: Mapping[str, tuple[str, Edit, Mapping[str, Schema]]] = {
    "/set-txt": (
        "Add a TXT record.",
        lambda view, body: view.zone.add_txt(body.text("host"), body.text("value")),
        {"host": HOST, "value": TEXT},
    ),
    "/clear-txt": (
        "Remove all TXT records of a name.",
        lambda view, body: view.zone.clear_txt(body.text("host")),
        {"host": HOST},
    ),
    "/add-a": (
        "Add IPv4 addresses to a name's own.",
        lambda view, body: view.book.add(4, body.text("host"), body.texts("addresses")),
        _addresses("ipv4"),
    ),
    "/add-aaaa": (
        "Add IPv6 addresses to a name's own.",
        lambda view, body: view.book.add(6, body.text("host"), body.texts("addresses")),
        _addresses("ipv6"),
    ),
    "/clear-a": (
        "Let a name have the default IPv4 address again.",
        lambda view, body: view.book.clear(4, body.text("host")),
        {"host": HOST},
    ),
    "/clear-aaaa": (
        "Let a name have the default IPv6 address again.",
        lambda view, body: view.book.clear(6, body.text("host")),
        {"host": HOST},
    ),
    "/set-default-ipv4": (
        "Have another IPv4 address for names with none of their own; empty for nothing.",
        lambda view, body: view.book.set_default(4, body.text("ip", empty=True)),
        _default("ipv4"),
    ),
    "/set-default-ipv6": (
        "Have another IPv6 address for names with none of their own; empty for nothing.",
        lambda view, body: view.book.set_default(6, body.text("ip", empty=True)),
        _default("ipv6"),
    ),
    "/set-cname": (
        "Make a name an alias.",
        lambda view, body: view.zone.set_cname(body.text("host"), body.text("target")),
        {"host": HOST, "target": HOST},
    ),
    "/clear-cname": (
        "Let a name be no alias.",
        lambda view, body: view.zone.clear_cname(body.text("host")),
        {"host": HOST},
    ),
}
# As many digits as `number_of` reads.
SINCE = number(0, 10**18 - 1)
CLOCK = members({"now": MOMENT, "frozen": FLAG, "next": nullable(MOMENT)})
_SET_CLOCK: Schema = {
    "oneOf": [
        closed(members({"freeze": FLAG})),
        closed(members({"advance": {"anyOf": [DURATION, words("next")]}})),
    ]
}


@described(
    query={"since": SINCE, "wait": {"type": "number", "minimum": 0, "maximum": MAX_WAIT}},
    answers={200: "application/x-ndjson"},
)
async def journal(hosted: Hosted, request: web.Request) -> web.StreamResponse:
    """The entries after number `since`, one JSON object a line; where there is none, the first within `wait` seconds.

    Without `since` all that are kept; 410 where a limit has dropped some of them. Nobody else waits for a long one.
    """
    entries = hosted.world.journal
    since = number_of(request, "an entry") if "since" in request.query else entries.oldest - 1
    patience = _patience(request.query["wait"]) if "wait" in request.query else 0.0
    try:
        entries.check(since)
        for _ in entries.catch_up():
            await asyncio.sleep(0)
        if patience:
            await _entry_after(entries, since, patience)
        lines = []
        for piece in entries.pieces(since):
            lines.append("".join(map(_line, piece)))
            await asyncio.sleep(0)
    except Dropped as error:
        return web.json_response({"error": str(error)}, status=410)
    return web.Response(text="".join(lines), content_type="application/x-ndjson")


def number_of(request: web.Request, what: str) -> int:
    """Read `since`; without it, all is wanted."""
    since = request.query.get("since", "0")
    if not (since.isascii() and since.isdigit() and len(since) < 19):
        raise ValueError(f"since={since[:32]!r} is not the number of {what}")
    return int(since)


@described(answers={200: CLOCK})
async def show_clock(hosted: Hosted, _: web.Request) -> web.Response:
    """The clock."""
    return web.json_response(clock_of(hosted))


@described(body=_SET_CLOCK, free=True, answers={200: CLOCK})
async def set_clock(hosted: Hosted, request: web.Request) -> web.Response:
    """Freeze, resume or advance; answer when everything due has happened, with the clock as it is then."""
    body = read_body(await request.read())
    body.only(("freeze", "advance"))
    if len(body.members) != 1:
        raise ValueError("one is wanted: 'freeze' or 'advance'")
    if "freeze" in body:
        await (hosted.driver.freeze() if body.flag("freeze") else hosted.driver.resume())
    elif body.members["advance"] == "next":
        await hosted.driver.run_to_next()
    else:
        await hosted.driver.advance(body.duration("advance"))
    return await show_clock(hosted, request)


def clock_of(hosted: Hosted) -> dict[str, Any]:
    """Return a clock as JSON; `next` is when something is due, which for a world alone is seldom: expiry is no event."""
    due = hosted.driver.next_due()
    return {
        "now": rfc3339_micro(hosted.driver.now()),
        "frozen": hosted.driver.clock.frozen,
        "next": due and rfc3339_micro(due),
    }


def edit_dns(summary: str, edit: Edit, needed: Mapping[str, Schema]) -> Endpoint:
    """Return the endpoint of a change to the world's DNS; needed: what it reads from the body."""

    @described(summary, body=members(needed))
    async def endpoint(hosted: Hosted, request: web.Request) -> web.Response:
        edit(hosted.view, read_body(await request.read()))
        return web.Response()

    return endpoint


@described(body=closed(members({"certificate": TEXT, "ariResponse": STRING})), free=True)
async def set_renewal_information(hosted: Hosted, request: web.Request) -> web.Response:
    """Serve a text, whatever it says, as a certificate's renewal information; path and members are Pebble's."""
    body = read_body(await request.read())
    # Pebble is written in Go, to which names of members are the same in any case.
    body = Body({name.lower(): value for name, value in body.members.items()})
    body.only(("certificate", "ariresponse"))
    try:
        leaf = x509.load_pem_x509_certificate(body.text("certificate").encode())
    except ValueError:
        raise ValueError("'certificate' is wanted: a certificate in PEM") from None
    text = body.text("ariresponse", empty=True)
    now = hosted.driver.now()
    try:
        carry_out(hosted.world, set_renewal_info(hosted.world, leaf.public_bytes(Encoding.DER), text), now)
    except LookupError as error:
        return web.json_response({"error": str(error)}, status=404)
    return web.Response()


# Method and path -> what it does; for the default world as they are, for others below /worlds/ID.
ENDPOINTS: Mapping[tuple[str, str], Endpoint] = {
    ("GET", "/journal"): journal,
    ("GET", "/clock"): show_clock,
    ("POST", "/clock"): set_clock,
    ("POST", "/set-renewal-info/"): set_renewal_information,
    ("POST", "/set-renewal-info"): set_renewal_information,
    **{("POST", path): edit_dns(*told) for path, told in DNS_EDITS.items()},
}


def _patience(wait: str) -> float:
    try:
        seconds = float(wait)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds <= MAX_WAIT:
        raise ValueError(f"wait={wait[:32]!r} is not a number of seconds from 0 to {MAX_WAIT:g}")
    return seconds


async def _entry_after(entries: Journal, seq: int, seconds: float) -> None:
    """Return when there is an entry after a number, or the time is over; real time, whatever the world's clock does."""
    written = asyncio.Event()
    stop = entries.subscribe(lambda _: written.set() if len(entries) > seq else None)
    try:
        if len(entries) <= seq:
            async with asyncio.timeout(seconds):
                await written.wait()
    except TimeoutError:
        pass
    finally:
        stop()


def _line(entry: Entry) -> str:
    return json.dumps(entry.to_json(), separators=(",", ":")) + "\n"
