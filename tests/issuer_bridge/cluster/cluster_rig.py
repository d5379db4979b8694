"""An adapter on the embedded API, over HTTP, with faults between them on request."""

import asyncio
import json
from collections.abc import Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from random import Random

import attrs
import yaml
from aiohttp import web

from acme_server.protocol.vantage import Pause, conduct
from acme_server.runner import AsyncioDriver
from issuer_bridge.cluster.connection import Connection, Where
from issuer_bridge.cluster.resources import WATCHED, ClusterResources
from issuer_bridge.kube_api.api import create_app
from tests.embedded_api import new_store


class Faults:
    """What stands between: `before` answers instead of the API when it returns something; `asked` is what came by."""

    def __init__(self):
        self.before = lambda request: None
        self.asked = []
        self.watches = {}
        self.telling = asyncio.Event()  # cleared: the API's news are held back
        self.telling.set()

    @web.middleware
    async def middleware(self, request, handler):
        self.asked.append((request.method, request.path, dict(request.query)))
        answer = self.before(request)
        if answer is not None:
            return answer
        if "watch" not in request.query:
            return await handler(request)
        self.watches[request.transport] = None
        await self.telling.wait()
        return await handler(request)

    def cut(self):
        """Break every open watch off."""
        watches, self.watches = self.watches, {}
        for transport in watches:
            if transport is not None:
                transport.abort()

    def once(self, wanted, answer):
        """Answer the first request that is wanted with something else."""
        waiting = [answer]
        self.before = lambda request: waiting.pop()(request) if waiting and wanted(request) else None

    def watched(self, plural):
        """How often a kind was watched."""
        return sum(path.endswith(f"/{plural}") and "watch" in query for _, path, query in self.asked)


def cut_off(request):
    """Break the connection instead of answering."""
    request.transport.abort()
    return web.Response()


def status(code, reason="", **headers):
    document = {"kind": "Status", "code": code, "reason": reason, "message": f"a fault: {code}"}
    return lambda request: web.json_response(document, status=code, headers=headers)


def stream_of(*events):
    """Answer a watch with these events and its end."""
    body = b"".join(json.dumps(event).encode() + b"\n" for event in events)
    return lambda request: web.Response(body=body, content_type="application/json")


def kubeconfig(folder, url, **user):
    """Write a kubeconfig whose context `here` is at a URL, and `elsewhere` at one where nothing is."""
    contexts = [{"name": name, "context": {"cluster": name, "user": "me"}} for name in ("here", "elsewhere")]
    clusters = [
        {"name": "here", "cluster": {"server": url}},
        {"name": "elsewhere", "cluster": {"server": "http://127.0.0.1:1"}},
    ]
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "contexts": contexts,
        "clusters": clusters,
        "users": [{"name": "me", "user": user}],
    }
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(document))
    return str(path)


@asynccontextmanager
async def served(store, faults, context=None):
    """Yield the URL of a store's API behind the faults."""
    app = create_app(store)
    app.middlewares.append(faults.middleware)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
        await site.start()
        yield f"{'https' if context else 'http'}://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"
    finally:
        faults.telling.set()
        await runner.cleanup()


@attrs.frozen
class Adapter:
    """An adapter that is in step with the API; `run` conducts an inquiry."""

    connection: Connection
    driver: AsyncioDriver
    resources: ClusterResources
    run: Callable


async def until(happened, seconds=20):
    """Wait for something that the network brings."""
    async with asyncio.timeout(seconds):
        while not happened():  # noqa: ASYNC110 - it is whatever a test waits for
            await asyncio.sleep(0.005)


def hurried(inquiry):
    """Wait a hundredth of what an inquiry would."""
    answer = None
    try:
        while True:
            question = inquiry.send(answer)
            answer = yield Pause(question.duration / 100) if isinstance(question, Pause) else question
    except StopIteration as stop:
        return stop.value


class HurriedDriver(AsyncioDriver):
    def spawn(self, inquiry, done, failed=None):
        super().spawn(hurried(inquiry), done, failed)


@asynccontextmanager
async def adapter(path, context=None, watched=WATCHED):
    """Yield an adapter on the cluster of a kubeconfig."""
    connection = Connection(Where(path, context))
    await connection.open()

    async def vantage(question):
        if isinstance(question, Pause):
            return await asyncio.sleep(question.duration.total_seconds())
        return await connection(question)

    driver = HurriedDriver(lambda: datetime.now(UTC), vantage)
    resources = ClusterResources(watched)
    try:
        resources.start(driver, Random(1).randbytes)
        await until(lambda: resources.synced)
        yield Adapter(connection, driver, resources, lambda inquiry: conduct(hurried(inquiry), vantage))
    finally:
        await driver.close()
        await connection.close()


@asynccontextmanager
async def rig(folder, store=None, **options):
    """Yield store, faults and adapter."""
    store, faults = store or new_store(), Faults()
    async with served(store, faults) as url, adapter(kubeconfig(folder, url), **options) as opened:
        yield store, faults, opened
