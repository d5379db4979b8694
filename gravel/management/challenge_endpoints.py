"""The management API's challenges: what a world shows on the http-01 and tls-alpn-01 responders.

Paths and bodies are pebble-challtestsrv's (httpone.go and tlsalpnone.go of its
command), which has them too only when it listens.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from aiohttp import web

from gravel.management.request_body import Body, read_body
from gravel.management.world_endpoints import Endpoint, Hosted

Change: TypeAlias = Callable[[Hosted, Body], object]


def _add_content(hosted: Hosted, body: Body) -> None:
    hosted.view.exhibit.any_host.contents[body.text("token")] = body.text("content")


def _add_certificate(hosted: Hosted, body: Body) -> None:
    entropy, now = hosted.world.entropy, hosted.driver.now()
    hosted.view.exhibit.add_certificate(entropy, now, body.text("host"), body.text("content"))


HTTP01: Mapping[str, Change] = {
    "/add-http01": _add_content,
    "/del-http01": lambda hosted, body: hosted.view.exhibit.any_host.contents.pop(body.text("token"), None),
    "/add-redirect": lambda hosted, body: hosted.view.exhibit.add_redirect(body.text("path"), body.text("targetURL")),
    "/del-redirect": lambda hosted, body: hosted.view.exhibit.any_host.redirects.pop(body.text("path"), None),
}
TLS_ALPN: Mapping[str, Change] = {
    "/add-tlsalpn01": _add_certificate,
    "/del-tlsalpn01": lambda hosted, body: hosted.view.exhibit.remove_certificate(body.text("host")),
}


def _http01(hosted: Hosted) -> str | None:
    responders = hosted.view.exhibit.responders
    return responders.http01 or responders.https01


def _tls_alpn(hosted: Hosted) -> str | None:
    return hosted.view.exhibit.responders.tls_alpn


def _changing(change: Change, listening: Callable[[Hosted], str | None], flag: str) -> Endpoint:
    async def endpoint(hosted: Hosted, request: web.Request) -> web.Response:
        if listening(hosted) is None:
            sentence = f"nothing would show it: no responder listens; {flag} starts one"
            return web.json_response({"error": sentence}, status=404)
        change(hosted, read_body(await request.read()))
        return web.Response()

    return endpoint


CHALLENGE_ENDPOINTS: Mapping[tuple[str, str], Endpoint] = {
    **{("POST", path): _changing(change, _http01, "--http01-listen") for path, change in HTTP01.items()},
    **{("POST", path): _changing(change, _tls_alpn, "--tls-alpn-listen") for path, change in TLS_ALPN.items()},
}
