"""An embedded API on a free port, over a store that the test writes to."""

from contextlib import asynccontextmanager
from datetime import UTC, datetime
from random import Random

from aiohttp import web

from issuer_bridge.kube_api.api import create_app
from issuer_bridge.kube_api.store import EmbeddedStore
from issuer_bridge.kube_api.users import OPEN

NOW = datetime(2026, 11, 22, 1, 2, 3, tzinfo=UTC)


def new_store(seed=1, namespaces=()):
    return EmbeddedStore(lambda: NOW, Random(seed).randbytes, namespaces)


@asynccontextmanager
async def serving(store, watched=None, access=OPEN):
    """Yield the URL of the store's API; `watched` is an event to be set when somebody has begun to watch."""
    app = create_app(store, access)

    async def look(request, response):
        if watched and "watch" in request.query:
            watched.set()

    app.on_response_prepare.append(look)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"
    finally:
        await runner.cleanup()
