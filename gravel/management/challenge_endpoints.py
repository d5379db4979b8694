"""The management API's challenges: what a world shows on the http-01 and tls-alpn-01 responders.

Paths and bodies are pebble-challtestsrv's (httpone.go and tlsalpnone.go of its
command), which has them too only when it listens.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from aiohttp import web

from gravel.management.operation import HOST, TEXT, Schema, described, members
from gravel.management.request_body import Body, read_body
from gravel.management.world_endpoints import Endpoint, Hosted

Change: TypeAlias = Callable[[Hosted, Body], object]


def _add_content(hosted: Hosted, body: Body) -> None:
    hosted.view.exhibit.any_host.contents[body.text("token")] = body.text("content")


def _add_certificate(hosted: Hosted, body: Body) -> None:
    entropy, now = hosted.world.entropy, hosted.driver.now()
    hosted.view.exhibit.add_certificate(entropy, now, body.text("host"), body.text("content"))


def _add_redirect(hosted: Hosted, body: Body) -> None:
    hosted.view.exhibit.add_redirect(body.text("path"), body.text("targetURL"))


_PRINTABLE: Schema = {"type": "string", "pattern": "^[ -~]+$"}
# Path -> what it does, in a sentence and in code, and the members of its body.
HTTP01: Mapping[str, tuple[str, Change, Mapping[str, Schema]]] = {
    "/add-http01": (
        "Show a content at the path of a token, for every host.",
        _add_content,
        {"token": TEXT, "content": TEXT},
    ),
    "/del-http01": (
        "Show it no longer.",
        lambda hosted, body: hosted.view.exhibit.any_host.contents.pop(body.text("token"), None),
        {"token": TEXT},
    ),
    "/add-redirect": ("Lead from a path to a URL.", _add_redirect, {"path": TEXT, "targetURL": _PRINTABLE}),
    "/del-redirect": (
        "Lead nowhere from there.",
        lambda hosted, body: hosted.view.exhibit.any_host.redirects.pop(body.text("path"), None),
        {"path": TEXT},
    ),
}
TLS_ALPN: Mapping[str, tuple[str, Change, Mapping[str, Schema]]] = {
    "/add-tlsalpn01": (
        "Show a host's certificate with the digest of a key authorization.",
        _add_certificate,
        {"host": HOST, "content": TEXT},
    ),
    "/del-tlsalpn01": (
        "Show it no longer.",
        lambda hosted, body: hosted.view.exhibit.remove_certificate(body.text("host")),
        {"host": HOST},
    ),
}


def _http01(hosted: Hosted) -> str | None:
    responders = hosted.view.exhibit.responders
    return responders.http01 or responders.https01


def _tls_alpn(hosted: Hosted) -> str | None:
    return hosted.view.exhibit.responders.tls_alpn


def _changing(
    summary: str, change: Change, needed: Mapping[str, Schema], listening: Callable[[Hosted], str | None], flag: str
) -> Endpoint:
    @described(summary, body=members(needed))
    async def endpoint(hosted: Hosted, request: web.Request) -> web.Response:
        if listening(hosted) is None:
            sentence = f"nothing would show it: no responder listens; {flag} starts one"
            return web.json_response({"error": sentence}, status=404)
        change(hosted, read_body(await request.read()))
        return web.Response()

    return endpoint


CHALLENGE_ENDPOINTS: Mapping[tuple[str, str], Endpoint] = {
    **{("POST", path): _changing(*told, _http01, "--http01-listen") for path, told in HTTP01.items()},
    **{("POST", path): _changing(*told, _tls_alpn, "--tls-alpn-listen") for path, told in TLS_ALPN.items()},
}
