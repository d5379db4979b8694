"""The page of the management API: its files at / and below /page/files, what it is told below /page of each world.

Everything that changes a world is an endpoint of its own, with or without a page.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import attrs
from aiohttp import hdrs, web

from acme_server.accounts import Account
from acme_server.certificates import Certificate
from acme_server.orders import Order
from acme_server.protocol.times import rfc3339
from acme_server.worlds import DEFAULT
from gravel.management.world_endpoints import Endpoint, Hosted, clock_of
from gravel.page import views
from gravel.page.changes import Changes
from gravel.page.subjects import Subjects
from gravel.page.windows import Window, window_of

if TYPE_CHECKING:
    from issuer_bridge.operator import Operator

FILES = Path(__file__).parent.parent / "page" / "files"
_FILE = "/page/files/{name}"
# The files hold nothing of any world, so that a browser can ask for the token.
OPEN_PATHS = ("/", _FILE)
_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    hdrs.CACHE_CONTROL: "no-cache",
}
# Seconds between two looks for changes, and after which an idle stream says that it is there.
_LOOK, _IDLE = 0.03, 10.0
# Entries of the journal that are looked through for slots in use: most of these are not packed yet.
_MOMENTS = 512
_Listing: TypeAlias = Callable[[Hosted, Window], Awaitable[dict[str, Any]]]
_LISTS: Mapping[str, _Listing] = {
    "orders": views.list_orders,
    "certificates": views.list_certificates,
    "accounts": views.list_accounts,
    "queries": views.list_queries,
    "names": views.list_names,
    "visits": views.list_visits,
    "facts": views.list_facts,
}


@attrs.define
class Page:
    """worlds: all there are, the default one first; maximum: of the scheduler's slots.

    operator: the bridge's, None without a bridge and while another one leads.
    """

    worlds: Callable[[], Iterable[Hosted]]
    maximum: int
    operator: Callable[[], Operator | None] = lambda: None
    _subjects: dict[str, Subjects] = attrs.field(factory=dict, init=False)
    _listening: dict[str, int] = attrs.field(factory=dict, init=False)
    _closing: bool = attrs.field(default=False, init=False)

    def endpoints(self) -> Mapping[tuple[str, str], Endpoint]:
        """Return what is told of each world."""
        return {
            **{("GET", f"/page/{name}"): _listed(listing) for name, listing in _LISTS.items()},
            ("GET", "/page/summary"): self.summary,
            ("GET", "/page/changes"): self.changes,
            ("GET", "/page/scheduler"): self.scheduler,
            ("GET", "/page/authority"): _authority,
            ("GET", "/page/orders/{id}"): self.order,
            ("GET", "/page/certificates/{id}"): _certificate,
        }

    def serve_files(self, app: web.Application) -> None:
        """Answer browsers, and let no listener hold up the end."""
        app.router.add_get("/", _index)
        app.router.add_get(_FILE, _file)

        async def close(_: web.Application) -> None:
            self._closing = True

        app.on_shutdown.append(close)

    async def summary(self, hosted: Hosted, request: web.Request) -> web.Response:
        """What stands above every view; `explains`: whether /explain is there to be asked."""
        world, operator = hosted.world, self._operator(hosted)
        paths = (resource.canonical for resource in request.app.router.resources())
        return _json(
            {
                "world": world.id,
                "worlds": [each.world.id for each in self.worlds()],
                "directory": world.directory_url,
                "clock": clock_of(hosted),
                "bridge": operator is not None,
                "explains": any(path.startswith("/explain/") for path in paths),
                "counts": {
                    "orders": len(world.store.all(Order)),
                    "certificates": len(world.store.all(Certificate)),
                    "accounts": len(world.store.all(Account)),
                    "faults": len(world.faults.armed),
                },
            }
        )

    async def scheduler(self, hosted: Hosted, _: web.Request) -> web.Response:
        """The slots and the queue; null where no bridge works on this world."""
        operator = self._operator(hosted)
        if operator is None:
            return _json(None)
        from gravel.page.slots import slots_and_queue

        recent = await views.recent(hosted.world.journal, _MOMENTS)
        return _json(slots_and_queue(operator.scheduler.challenges, self.maximum, recent))

    async def order(self, hosted: Hosted, request: web.Request) -> web.Response:
        """One order."""
        operator = self._operator(hosted)

        def stage(key: str) -> dict[str, Any] | None:
            from gravel.page.slots import challenge_of

            challenge = operator.scheduler.get(key) if operator else None
            return None if challenge is None else challenge_of(challenge)

        return _found(await views.show_order(hosted, self._about(hosted), stage, request.match_info["id"]))

    async def changes(self, hosted: Hosted, request: web.Request) -> web.StreamResponse:
        """Server-sent events, an object each; while the browser does not read, nothing is gathered for it."""
        response = web.StreamResponse(headers={**_HEADERS, hdrs.CONTENT_TYPE: "text/event-stream"})
        await response.prepare(request)
        await views.catch_up(hosted.world.journal)
        changes, world_id, quiet = Changes(hosted), hosted.world.id, _IDLE
        self._listening[world_id] = self._listening.get(world_id, 0) + 1
        try:
            while self._goes_on(hosted, request):
                event = changes.next()
                if event is not None:
                    await response.write(f"data: {json.dumps(event)}\n\n".encode())
                elif quiet >= _IDLE:
                    await response.write(b": here\n\n")
                quiet = 0.0 if event is not None or quiet >= _IDLE else quiet + _LOOK
                await asyncio.sleep(_LOOK)
        except ConnectionResetError:
            pass
        finally:
            self._listening[world_id] -= 1
            if not self._listening[world_id]:
                del self._listening[world_id]
                self._subjects.pop(world_id, None)
        return response

    def _goes_on(self, hosted: Hosted, request: web.Request) -> bool:
        if self._closing or request.transport is None:
            return False
        return hosted.world.id == DEFAULT or any(each is hosted for each in self.worlds())

    def _operator(self, hosted: Hosted) -> Operator | None:
        """Return the bridge's operator: the bridge works on the default world."""
        return self.operator() if hosted.world.id == DEFAULT else None

    def _about(self, hosted: Hosted) -> Subjects:
        """Return the index of a world's journal; a world that was brought back has another one."""
        world = hosted.world
        subjects = self._subjects.get(world.id)
        if subjects is None or subjects.journal is not world.journal:
            subjects = self._subjects[world.id] = Subjects(world.journal)
        return subjects


def _listed(listing: _Listing) -> Endpoint:
    async def endpoint(hosted: Hosted, request: web.Request) -> web.Response:
        listed = await listing(hosted, window_of(request.query))
        return _json({"now": rfc3339(hosted.driver.now()), **listed})

    return endpoint


async def _authority(hosted: Hosted, _: web.Request) -> web.Response:
    return _json(views.show_authority(hosted.world))


async def _certificate(hosted: Hosted, request: web.Request) -> web.Response:
    return _found(views.show_certificate(hosted, request.match_info["id"]))


async def _index(request: web.Request) -> web.Response:
    """The page, for those who read HTML."""
    if "text/html" not in request.headers.get(hdrs.ACCEPT, ""):
        raise web.HTTPNotFound
    return _sent("index.html")


async def _file(request: web.Request) -> web.Response:
    return _sent(request.match_info["name"])


def _sent(name: str) -> web.Response:
    path = FILES / name
    if path.parent != FILES or not path.is_file():
        raise web.HTTPNotFound
    return web.Response(body=path.read_bytes(), content_type=_TYPES[path.suffix], charset="utf-8", headers=_HEADERS)


def _found(document: dict[str, Any] | None) -> web.Response:
    return web.json_response({"error": "there is none of that ID"}, status=404) if document is None else _json(document)


def _json(document: Any) -> web.Response:
    return web.json_response(document, headers={hdrs.CACHE_CONTROL: "no-store"})
