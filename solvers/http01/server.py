"""The responder's socket: small requests, one per connection, each within its time."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable
from weakref import WeakKeyDictionary

import attrs
from aiohttp import web
from aiohttp.http import HttpProcessingError

from acme_server.protocol.host_port import join_host_port
from solvers.http01.site import Site, Visit

REQUEST_SECONDS = 10.0
MAX_LINE = 4096
MAX_HEADERS = 64
_HEADERS = {"Cache-Control": "no-cache, no-store, must-revalidate", "Pragma": "no-cache", "Expires": "0"}
_logger = logging.getLogger(__name__)


def _is_news(record: logging.LogRecord) -> bool:
    """A malformed request is its sender's mistake, and answered; nobody else needs to know."""
    return record.exc_info is None or not isinstance(record.exc_info[1], HttpProcessingError)


_logger.addFilter(_is_news)


class HttpServer:
    """A running server; `address` is where."""

    def __init__(self, runner: web.ServerRunner, address: str) -> None:
        self._runner = runner
        self.address = address

    async def close(self) -> None:
        """Stop listening, drop open connections and release the port."""
        await self._runner.cleanup()


async def serve_http01(site: Site, host: str, port: int, tls: ssl.SSLContext | None = None) -> HttpServer:
    """Serve a site; port 0 is any free one. OSError when the port is taken.

    tls: with HTTPS, which a redirect may lead to; its `sni_callback` is set.
    """
    server_name = _server_names(tls) if tls else None

    async def handle(request: web.BaseRequest) -> web.Response:
        host, agent = (request.headers.get(name, "") for name in ("Host", "User-Agent"))
        visit = Visit(request.method, host, request.rel_url.raw_path_qs, agent)
        if server_name:
            visit = attrs.evolve(visit, https=True, server_name=server_name(request))
        reply = site.handle(visit)
        response = web.Response(status=reply.status, body=reply.body, content_type="text/plain", headers=_HEADERS)
        if reply.location is not None:
            response.headers["Location"] = reply.location
        response.force_close()
        return response

    server = web.Server(
        handle,
        access_log=None,
        logger=_logger,
        keepalive_timeout=REQUEST_SECONDS,  # also the time in which a connection's request must be there
        lingering_time=0,
        max_line_size=MAX_LINE,
        max_field_size=MAX_LINE,
        max_headers=MAX_HEADERS,
    )
    runner = web.ServerRunner(server, shutdown_timeout=0)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, ssl_context=tls).start()
    except OSError:
        await runner.cleanup()
        raise
    bound, number = runner.addresses[0][:2]
    return HttpServer(runner, join_host_port(bound, number))


def _server_names(tls: ssl.SSLContext) -> Callable[[web.BaseRequest], str]:
    """Return what tells the name that a request's client asked for in TLS: nobody but the callback is told by Python."""
    names: WeakKeyDictionary[ssl.SSLObject, str] = WeakKeyDictionary()

    def hear(connection: ssl.SSLSocket | ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        if isinstance(connection, ssl.SSLObject) and name is not None:
            names[connection] = name

    def server_name(request: web.BaseRequest) -> str:
        connection = request.get_extra_info("ssl_object")
        return names.get(connection, "") if connection else ""

    tls.sni_callback = hear
    return server_name
