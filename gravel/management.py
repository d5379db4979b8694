"""The management API: what a test may ask of, and do to, a running house.

Paths and bodies that change DNS are those of pebble-challtestsrv, so that
hooks written for it work here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, TypeAlias

import attrs
from aiohttp import web

from acme_server.protocol.encoding import load_json
from acme_server.protocol.journal import Journal
from gravel.addresses import AddressBook
from gravel.guard import guard
from gravel.house import House
from solvers.dns.zone import Zone

PEM = "application/pem-certificate-chain"


@attrs.frozen
class Body:
    """The members of a JSON object, read one by one; ValueError names the one that is wrong."""

    members: Mapping[str, Any]

    def text(self, name: str, *, empty: bool = False) -> str:
        """Return a string, which may not be empty unless said so."""
        value = self.members.get(name)
        if not isinstance(value, str) or not (value or empty):
            raise ValueError(f"{name!r} is wanted: a {'' if empty else 'non-empty '}string")
        return value

    def texts(self, name: str) -> list[str]:
        """Return a non-empty list of strings."""
        values = self.members.get(name)
        if not isinstance(values, list) or not values or not all(isinstance(value, str) for value in values):
            raise ValueError(f"{name!r} is wanted: a non-empty list of strings")
        return values


Edit: TypeAlias = Callable[[Body], None]


def dns_edits(zone: Zone) -> dict[str, Edit]:
    """Return path -> what a POST to it does to the zone."""
    book = AddressBook(zone)
    return {
        "/set-txt": lambda body: zone.add_txt(body.text("host"), body.text("value")),
        "/clear-txt": lambda body: zone.clear_txt(body.text("host")),
        "/add-a": lambda body: book.add(4, body.text("host"), body.texts("addresses")),
        "/add-aaaa": lambda body: book.add(6, body.text("host"), body.texts("addresses")),
        "/clear-a": lambda body: book.clear(4, body.text("host")),
        "/clear-aaaa": lambda body: book.clear(6, body.text("host")),
        "/set-default-ipv4": lambda body: book.set_default(4, body.text("ip", empty=True)),
        "/set-default-ipv6": lambda body: book.set_default(6, body.text("ip", empty=True)),
        "/set-cname": lambda body: zone.set_cname(body.text("host"), body.text("target")),
        "/clear-cname": lambda body: zone.clear_cname(body.text("host")),
    }


def create_app(house: House, tls_ca: str, token: str | None = None, names: Collection[str] = ()) -> web.Application:
    """Return the application; tls_ca: PEM of what clients must trust; `token` and `names` as for `guard`."""
    app = web.Application(middlewares=[guard(token, names)], client_max_size=1024 * 1024)
    app.router.add_get("/healthz", _text("ok\n", "text/plain"))
    app.router.add_get("/tls-ca", _text(tls_ca, PEM))
    app.router.add_get("/roots/0", _text(house.world.authority.root_pem, PEM))
    app.router.add_get("/intermediates/0", _text(house.world.authority.intermediate_pem, PEM))
    app.router.add_get("/journal", _journal(house.world.journal))
    for path, edit in dns_edits(house.zone).items():
        app.router.add_post(path, _editing(edit))
    return app


def _text(text: str, content_type: str) -> Callable[[web.Request], Any]:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=text, content_type=content_type)

    return answer


def _editing(edit: Edit) -> Callable[[web.Request], Any]:
    async def answer(request: web.Request) -> web.Response:
        try:
            edit(Body(_members(await request.read())))
        except ValueError as error:
            return _bad(str(error))
        return web.Response()

    return answer


def _members(data: bytes) -> Mapping[str, Any]:
    try:
        document = load_json(data)
    except ValueError as error:
        raise ValueError(f"the body {error}") from None
    if not isinstance(document, dict):
        raise ValueError("the body is not a JSON object")
    return document


def _journal(journal: Journal) -> Callable[[web.Request], Any]:
    async def answer(request: web.Request) -> web.Response:
        since = request.query.get("since", "0")
        if not (since.isascii() and since.isdigit() and len(since) < 19):
            return _bad(f"since={since[:32]!r} is not the number of an entry")
        return web.Response(text="".join(_lines(journal, int(since))), content_type="application/x-ndjson")

    return answer


def _lines(journal: Journal, since: int) -> Iterator[str]:
    for entry in journal.since(since):
        yield json.dumps(entry.to_json(), separators=(",", ":")) + "\n"


def _bad(sentence: str) -> web.Response:
    return web.json_response({"error": sentence}, status=400)
