"""Who may speak to the management API: no foreign web page, and beyond loopback only holders of the token."""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Awaitable, Callable, Collection
from typing import TypeAlias
from urllib.parse import urlsplit

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

Check: TypeAlias = Callable[[web.Request, Handler], Awaitable[web.StreamResponse]]

# Probes carry no token, and who does not trust the server yet should not send it one.
OPEN_PATHS = ("/healthz", "/livez", "/readyz", "/tls-ca")


def guard(token: str | None, names: Collection[str] = (), open_paths: Collection[str] = OPEN_PATHS) -> Middleware:
    """Return a middleware: no foreign Origin; the token if there is one, else a Host that DNS cannot have rebound.

    names: host names, beside localhost and addresses, that this server is known by;
    open_paths: of routes, with their variables, that want no token.
    """

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        origin = request.headers.get(hdrs.ORIGIN)
        if origin is not None and origin != f"{request.scheme}://{request.host}":
            return _refuse(403, f"requests from the web page {origin} are not served here")
        if token is None:
            if not _is_ours(request.host, names):
                return _refuse(403, f"{request.host} is not a name of this server; --tls-name makes it one")
        elif _path_of(request) not in open_paths and not _bears(request, token):
            return _refuse(401, "this needs the header Authorization: Bearer TOKEN")
        return await handler(request)

    return check


def _path_of(request: web.Request) -> str | None:
    """Return the path of the route that will answer, so that no other spelling of an open path opens another one."""
    resource = request.match_info.route.resource
    return resource.canonical if resource else None


def is_loopback(host: str) -> bool:
    """Whether a host to listen on is reachable from this machine only."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_ours(authority: str, names: Collection[str]) -> bool:
    try:
        host = urlsplit(f"//{authority}").hostname or ""
    except ValueError:
        return False
    return host == "localhost" or host in names or _is_address(host)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _bears(request: web.Request, token: str) -> bool:
    given = request.headers.get(hdrs.AUTHORIZATION, "")
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), f"Bearer {token}".encode())


def _refuse(status: int, sentence: str) -> web.Response:
    headers = {hdrs.WWW_AUTHENTICATE: "Bearer"} if status == 401 else None
    return web.json_response({"error": sentence}, status=status, headers=headers)
