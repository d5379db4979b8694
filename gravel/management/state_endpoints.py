"""The management API's copy of the state: all that `--state` keeps, at one moment, for `gravel backup`."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from gravel.management.world_endpoints import Endpoint, Hosted


async def show_state(hosted: Hosted, _: web.Request) -> web.Response:
    """The file, private keys and all; 404 where nothing is kept."""
    # Who keeps nothing does without SQLite.
    from acme_server.sqlite_store import SqliteStore
    from gravel.backup.images import image_of

    store = hosted.world.store
    if not isinstance(store, SqliteStore):
        return web.json_response({"error": "nothing is kept here; start gravel with --state DIR"}, status=404)
    return web.Response(body=image_of(store.file), content_type="application/vnd.sqlite3")


STATE_ENDPOINTS: Mapping[tuple[str, str], Endpoint] = {("GET", "/state"): show_state}
