"""The server on a real socket, and the tests' client on one too."""

from __future__ import annotations

import asyncio
import random
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing, contextmanager
from http.client import HTTPConnection, HTTPResponse
from urllib.parse import urlsplit

from aiohttp import web

from acme_server.exchange import Reply, Request
from acme_server.server import Server
from acme_server.settings import Settings
from acme_server.web import Handler, create_runner
from acme_server.world import create_world
from tests.acme_server.rig import BASE, START, Client, Driver, Response


@asynccontextmanager
async def serving(base=BASE, worlds=None, patience=30.0, idle=30.0, make_runner=create_runner, settings=None):
    """A server on a free port; yields it and the URL that reaches its base URL."""
    world = create_world(base, settings or Settings(always_valid=True), random.Random(1).randbytes, START)
    server = Server(world, Driver())
    handler = Handler(server, worlds and worlds.server_of, patience)
    runner = make_runner(handler, keepalive_timeout=idle)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    try:
        yield server, f"http://{host}:{port}{urlsplit(base).path}"
    finally:
        await runner.cleanup()


class WireClient(Client):
    """The same client, over HTTP; it blocks, so it lives in a thread."""

    def __init__(self, server, url):
        super().__init__(server)
        self.url = urlsplit(url)
        self.connection = HTTPConnection(self.url.hostname, self.url.port, timeout=30)

    def send(self, request: Request) -> Response:
        self.connection.request(request.method, self.url.path + request.path, request.body, dict(request.headers))
        response = self.connection.getresponse()
        return Response(Reply(response.status, tuple(response.getheaders()), response.read()))

    def parallel(self, *requests: Request) -> list[Response]:
        """Send requests at once, each on a connection of its own."""
        with ThreadPoolExecutor(len(requests)) as pool:
            return list(pool.map(self.alone, requests))

    def alone(self, request: Request) -> Response:
        """Send a request on a connection of its own."""
        with closing(HTTPConnection(self.url.hostname, self.url.port, timeout=30)) as connection:
            connection.request(request.method, self.url.path + request.path, request.body, dict(request.headers))
            response = connection.getresponse()
            return Response(Reply(response.status, tuple(response.getheaders()), response.read()))

    def raw(self, *parts: bytes) -> Response:
        """Send bytes on a connection of their own; return the first reply."""
        with socket.create_connection((self.url.hostname, self.url.port), timeout=30) as connection:
            try:
                for part in parts:
                    connection.sendall(part)
            except OSError:
                pass  # The server has had enough.
            reply = HTTPResponse(connection)
            reply.begin()
            return Response(Reply(reply.status, tuple(reply.getheaders()), reply.read()))


@contextmanager
def served(settings: Settings):
    """A server in a thread of its own, for tests that block; yields it and its URL."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    context = serving(settings=settings)
    try:
        yield asyncio.run_coroutine_threadsafe(context.__aenter__(), loop).result()
    finally:
        asyncio.run_coroutine_threadsafe(context.__aexit__(None, None, None), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
