"""The management API's `GET /explain/SUBJECT`: why it is stuck, or that it is not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from aiohttp import web

from acme_server.protocol.journal import Dropped, Entry
from gravel.management.operation import OBJECT, described
from gravel.management.world_endpoints import Endpoint, Hosted

if TYPE_CHECKING:
    from gravel.explaining.story import Bridge, Known

PATH = "/explain/{subject:.+}"


def explain_endpoint(bridge: Callable[[], Bridge | None]) -> Endpoint:
    """Return the endpoint; bridge: the default world's, if there is one."""

    @described("Why an order, a challenge or a resource is stuck, or that it is not.", answers={200: OBJECT}, free=True)
    async def endpoint(hosted: Hosted, request: web.Request) -> web.Response:
        from gravel.explaining.explanation import explain
        from gravel.explaining.subjects import Unknown, find

        journal, text = hosted.world.journal, request.match_info["subject"]
        try:
            read, ours = await _entries(hosted, text, bridge())
            # What was written meanwhile is about records that have changed since.
            known = _known(hosted, bridge())
            stories = find(known, text)
            return web.json_response(explain(known, text, stories, [*ours, *journal.since(read)]).to_json())
        except Unknown as error:
            return web.json_response({"error": str(error)}, status=404)
        except Dropped as error:
            return web.json_response({"error": str(error)}, status=410)

    return endpoint


async def _entries(hosted: Hosted, text: str, bridge: Bridge | None) -> tuple[int, list[Entry]]:
    """Return how long the journal is, and those of its entries that are of any use; nobody else waits for a long one."""
    from gravel.explaining.subjects import find

    stories, journal, ours = find(_known(hosted, bridge), text), hosted.world.journal, []
    for _ in journal.catch_up():
        await asyncio.sleep(0)
    read = len(journal)
    for piece in journal.pieces(journal.oldest - 1):
        ours += [entry for entry in piece if any(story.concerns(entry) for story in stories)]
        await asyncio.sleep(0)
    return read, ours


def _known(hosted: Hosted, bridge: Bridge | None) -> Known:
    from gravel.explaining.story import Known

    driver, view = hosted.driver, hosted.view
    responder = view.exhibit.responders.site.responder
    return Known(hosted.world, driver.now(), driver.clock.frozen, driver.next_due(), view.zone, responder, bridge)
