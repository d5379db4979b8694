"""The embedded Kubernetes-style API over HTTP: a thin shell around `rest` and `watching`."""

from __future__ import annotations

import asyncio

from aiohttp import web

from issuer_bridge.kube_api.loopback_guard import complaint
from issuer_bridge.kube_api.paths import parse_target
from issuer_bridge.kube_api.rest import MAX_BODY, Answer, Call, handle, refusal
from issuer_bridge.kube_api.store import EmbeddedStore
from issuer_bridge.kube_api.watch_window import WatchWindow
from issuer_bridge.kube_api.watching import Watch, begin, parse_watch, proceed
from issuer_bridge.resources import ApiError

# So often an idle watch looks whether its client is still there, in seconds.
_LOOK = 5.0


def create_app(store: EmbeddedStore) -> web.Application:
    """Return the application; its watches know what is written from now on."""
    api = _Api(store)
    app = web.Application(client_max_size=MAX_BODY)
    app.router.add_route("*", "/{path:.*}", api.answer)
    app.on_shutdown.append(api.close)
    return app


class _Api:
    """The handlers of one store, and its open watches."""

    def __init__(self, store: EmbeddedStore) -> None:
        self._store, self._window = store, WatchWindow(store)
        self._closing = False
        self._waiting: list[asyncio.Event] = []
        self._window.listen(self._wake)

    async def close(self, app: web.Application) -> None:
        """End the watches, so that the server can stop."""
        del app
        self._closing = True
        self._wake()

    def _wake(self) -> None:
        for news in self._waiting:
            news.set()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        refused = complaint(request.headers.get("Host", ""), request.headers.get("Origin"))
        if refused:
            return _response(refusal(ApiError(403, "Forbidden", refused)))
        target = parse_target(request.rel_url.raw_path)
        if target and not target.name and request.method == "GET" and request.query.get("watch") in ("true", "1"):
            try:
                watch = parse_watch(target, request.query)
            except ApiError as error:
                return _response(refusal(error))
            return await self._stream(request, watch)
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            text = f"Request entity too large: limit is {MAX_BODY}"
            return _response(refusal(ApiError(413, "RequestEntityTooLarge", text)))
        content_type = request.content_type if "Content-Type" in request.headers else ""
        call = Call(request.method, request.rel_url.raw_path, request.query, content_type, body)
        return _response(handle(self._store, call))

    async def _stream(self, request: web.Request, watch: Watch) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json", "Cache-Control": "no-cache"})
        await response.prepare(request)
        news = asyncio.Event()
        news.set()  # There may be news since the version that the watch starts from.
        self._waiting.append(news)
        try:
            async with asyncio.timeout(watch.seconds):
                await self._show(request, response, watch, news)
        except (TimeoutError, ConnectionResetError):
            # The time asked for is up, or the client has gone: both end a watch as they should.
            pass
        finally:
            self._waiting.remove(news)
        return response

    async def _show(
        self, request: web.Request, response: web.StreamResponse, watch: Watch, news: asyncio.Event
    ) -> None:
        """Write what is new until the client goes, the server stops (after the last news), or too much was missed."""
        going_on: Watch | None
        going_on, lines = begin(watch, self._store)
        while request.transport is not None:
            if lines:
                await response.write(lines)
            if going_on is None or self._closing:
                return
            await _wait(news)
            news.clear()
            going_on, lines = proceed(going_on, self._window)


async def _wait(news: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(_LOOK):
            await news.wait()
    except TimeoutError:
        pass


def _response(answer: Answer) -> web.Response:
    return web.Response(status=answer.code, body=answer.body, headers=answer.headers)
