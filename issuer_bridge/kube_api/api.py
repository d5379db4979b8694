"""The embedded Kubernetes-style API over HTTP: a thin shell around `serving` and `watching`."""

from __future__ import annotations

import asyncio
from random import SystemRandom

import attrs
from aiohttp import web

from issuer_bridge.kube_api.admission import questions, warned
from issuer_bridge.kube_api.loopback_guard import complaint
from issuer_bridge.kube_api.rest import MAX_BODY, Answer, Call, refusal
from issuer_bridge.kube_api.serving import respond, watch_of
from issuer_bridge.kube_api.store import EmbeddedStore
from issuer_bridge.kube_api.users import OPEN, Access
from issuer_bridge.kube_api.watch_window import WatchWindow
from issuer_bridge.kube_api.watching import Watch, begin, bookmark, proceed
from issuer_bridge.kube_api.webhook_calls import ask
from issuer_bridge.resources import ApiError

# So often an idle watch looks whether its client is still there, in seconds.
_LOOK = 5.0
# Seconds between bookmarks, and before a watch's end: apiserver/pkg/storage/cacher/cacher.go.
_BOOKMARK, _LAST_BOOKMARK = 60.0, 2.0
# A watch that does not say for how long lasts so many seconds, and at random up to twice as many (config.go).
_LASTS = 1800.0


def create_app(store: EmbeddedStore, access: Access = OPEN) -> web.Application:
    """Return the application; its watches know what is written from now on."""
    api = _Api(store, access)
    app = web.Application(client_max_size=MAX_BODY)
    app.router.add_route("*", "/{path:.*}", api.answer)
    app.on_shutdown.append(api.close)
    return app


class _Api:
    """The handlers of one store, and its open watches."""

    def __init__(self, store: EmbeddedStore, access: Access) -> None:
        self._store, self._access, self._window = store, access, WatchWindow(store)
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
        content_type = request.content_type if "Content-Type" in request.headers else ""
        call = Call(request.method, request.rel_url.raw_path, request.query, content_type, b"", request.headers)
        try:
            watch = watch_of(self._store, call, self._access)
        except ApiError as error:
            return _response(refusal(error))
        if watch:
            return await self._stream(request, watch)
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            text = f"Request entity too large: limit is {MAX_BODY}"
            return _response(refusal(ApiError(413, "RequestEntityTooLarge", text)))
        call = attrs.evolve(call, body=body)
        try:
            asked = questions(self._store, call, self._access, SystemRandom().randbytes)
            warnings = await ask(asked) if asked else []
        except ApiError as error:
            return _response(refusal(error))
        return _response(warned(respond(self._store, call, self._access), warnings))

    async def _stream(self, request: web.Request, watch: Watch) -> web.StreamResponse:
        response = web.StreamResponse(
            headers={"Content-Type": "application/json", "Cache-Control": "no-cache, private"}
        )
        await response.prepare(request)
        news = asyncio.Event()
        self._waiting.append(news)
        seconds = watch.seconds or _LASTS * SystemRandom().uniform(1, 2)
        try:
            async with asyncio.timeout(seconds):
                await self._show(request, response, watch, news, seconds)
        except (TimeoutError, ConnectionResetError):
            # The time asked for is up, or the client has gone: both end a watch as they should.
            pass
        finally:
            self._waiting.remove(news)
        return response

    async def _show(
        self, request: web.Request, response: web.StreamResponse, watch: Watch, news: asyncio.Event, seconds: float
    ) -> None:
        """Write what is new until the client goes, the server stops (after the last news), or too much was missed."""
        clock = asyncio.get_running_loop().time
        last = clock() + seconds - min(_LAST_BOOKMARK, seconds / 2)
        due = min(clock() + _BOOKMARK, last) if watch.bookmarks else float("inf")
        going_on: Watch | None
        going_on, lines = begin(watch, self._store)
        news.set()  # There may be news since the version that the watch starts from.
        while request.transport is not None:
            if lines:
                await response.write(lines)
            if going_on is None or self._closing:
                return
            await _wait(news, min(_LOOK, due - clock()))
            news.clear()
            going_on, lines = proceed(going_on, self._window, self._store)
            if going_on and clock() >= due:
                going_on, told = bookmark(going_on, self._store)
                lines += told
                due = float("inf") if due >= last else min(clock() + _BOOKMARK, last)


async def _wait(news: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await news.wait()
    except TimeoutError:
        pass


def _response(answer: Answer) -> web.Response:
    return web.Response(status=answer.code, body=answer.body, headers=answer.headers)
