"""The management API: what a test may ask of, and do to, the worlds of this process.

What one world is asked (`gravel.management.world_endpoints`) is at the top for the default
world, and below `/worlds/ID` for any.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Collection
from typing import TYPE_CHECKING, Any

import attrs
from aiohttp import hdrs, web

from acme_server.protocol.driver import RanTooLong
from acme_server.settings import Settings, VantagePoint
from acme_server.worlds import DEFAULT, NoSuchWorld, Worlds
from gravel.dns_view import DnsView
from gravel.management.account_endpoints import ACCOUNT_ENDPOINTS
from gravel.management.acme_dns_endpoints import PATHS as ACME_DNS_PATHS
from gravel.management.acme_dns_endpoints import acme_dns_endpoints
from gravel.management.authority_endpoints import AUTHORITY_ENDPOINTS
from gravel.management.challenge_endpoints import CHALLENGE_ENDPOINTS
from gravel.management.chaos_endpoints import CHAOS_ENDPOINTS
from gravel.management.dns_endpoints import DNS_ENDPOINTS
from gravel.management.explain_endpoint import PATH as EXPLAIN
from gravel.management.explain_endpoint import explain_endpoint
from gravel.management.fault_endpoints import FAULT_ENDPOINTS
from gravel.management.guard import OPEN_PATHS, guard
from gravel.management.openapi import PATH as OPENAPI
from gravel.management.openapi import document
from gravel.management.operation import (
    OBJECT,
    PEM,
    PLAIN,
    STRING,
    TEXT,
    array,
    closed,
    described,
    members,
    operation_of,
)
from gravel.management.page_endpoints import OPEN_PATHS as PAGE_PATHS
from gravel.management.page_endpoints import Page
from gravel.management.rate_limit_endpoints import RATE_LIMIT_ENDPOINTS
from gravel.management.request_body import read_body
from gravel.management.request_histories import HISTORY_ENDPOINTS
from gravel.management.resource_endpoints import RESOURCE_ENDPOINTS
from gravel.management.schemas import NEW_WORLD, WORLD
from gravel.management.state_endpoints import STATE_ENDPOINTS
from gravel.management.webhook_endpoints import PATHS as WEBHOOK_PATHS
from gravel.management.webhook_endpoints import webhook_endpoints
from gravel.management.world_endpoints import ENDPOINTS, Endpoint, Hosted, clock_of
from gravel.management.world_options import options_of
from gravel.metrics.gathering import Metrics
from gravel.metrics.serving import PATH as METRICS
from gravel.metrics.serving import page as metrics_page
from solvers.dns.zone import Zone

if TYPE_CHECKING:
    from gravel.explaining.story import Bridge

_WORLD = "/worlds/{world}"
_MAX_BODY = 1024 * 1024


@attrs.frozen
class Access:
    """Who may do what: `token` and `names` as for `gravel.management.guard.guard`.

    webhook_open: whether cert-manager's webhook wants no token; acme_dns_domain:
    what the names of acme-dns accounts are below.
    """

    token: str | None
    names: Collection[str]
    webhook_open: bool
    acme_dns_domain: str

    @property
    def open_paths(self) -> tuple[str, ...]:
        """The routes that want no token: acme-dns has passwords of its own, and its clients send nothing else."""
        acme_dns = (*ACME_DNS_PATHS, *(_WORLD + path for path in ACME_DNS_PATHS))
        return (*OPEN_PATHS, *PAGE_PATHS, *acme_dns, *(WEBHOOK_PATHS if self.webhook_open else ()))


def create_app(
    default: Hosted,
    worlds: Worlds[DnsView],
    tls_ca: str,
    access: Access,
    metrics: Metrics | None = None,
    page: Page | None = None,
    bridge: Callable[[], Bridge | None] = lambda: None,
) -> web.Application:
    """Return the application; tls_ca: PEM of what clients must trust; bridge: if there is one."""

    @described("What to trust to speak to this server.", answers={200: PEM})
    async def show_tls_ca(_: web.Request) -> web.Response:
        return web.Response(text=tls_ca, content_type=PEM)

    checked = guard(access.token, access.names, access.open_paths)
    app = web.Application(middlewares=[checked, _sentences], client_max_size=_MAX_BODY)
    for path in ("/healthz", "/livez", "/readyz"):
        app.router.add_get(path, _healthy)
    app.router.add_get("/tls-ca", show_tls_ca)
    if metrics is not None:
        app.router.add_get(METRICS, metrics_page(metrics.of_all))
    lifecycle = _Lifecycle(default, worlds)
    app.router.add_get("/worlds", lifecycle.list)
    app.router.add_post("/worlds", lifecycle.create)
    app.router.add_get(_WORLD, lifecycle.show)
    app.router.add_delete(_WORLD, lifecycle.delete)
    app.router.add_post(f"{_WORLD}/reset", lifecycle.reset)
    app.router.add_post(f"{_WORLD}/snapshot", lifecycle.snapshot)
    app.router.add_post(f"{_WORLD}/restore", lifecycle.restore)
    of_worlds = {
        **ENDPOINTS,
        **ACCOUNT_ENDPOINTS,
        **AUTHORITY_ENDPOINTS,
        **RESOURCE_ENDPOINTS,
        **DNS_ENDPOINTS,
        **CHALLENGE_ENDPOINTS,
        **HISTORY_ENDPOINTS,
        **FAULT_ENDPOINTS,
        **RATE_LIMIT_ENDPOINTS,
        **CHAOS_ENDPOINTS,
        **STATE_ENDPOINTS,
        **acme_dns_endpoints(access.acme_dns_domain),
        **(page.endpoints() if page else {}),
        ("GET", EXPLAIN): explain_endpoint(bridge),
    }
    for (method, path), endpoint in of_worlds.items():
        for place in (path, _WORLD + path):
            app.router.add_route(method, place, lifecycle.of_world(endpoint))
    if page is not None:
        page.serve_files(app)
    for (method, path), handler in webhook_endpoints(lifecycle.zone_of).items():
        app.router.add_route(method, path, handler)

    @described("This API, as an OpenAPI 3.1 document.", answers={200: OBJECT})
    async def show_openapi(_: web.Request) -> web.Response:
        return web.json_response(document(app))

    app.router.add_get(OPENAPI, show_openapi)
    return app


@attrs.frozen
class _Lifecycle:
    """Makes worlds, finds them, ends them."""

    default: Hosted
    worlds: Worlds[DnsView]

    def of_world(self, endpoint: Endpoint) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        @functools.wraps(endpoint)
        async def answer(request: web.Request) -> web.StreamResponse:
            hosted = self._find(request.match_info.get("world", DEFAULT))
            response = await endpoint(hosted, request)
            hosted.keep()
            return response

        return answer

    def zone_of(self, world_id: str) -> Zone:
        return self._find(world_id).view.zone

    @described("All worlds, the default one first.", answers={200: members({"worlds": array(WORLD)})})
    async def list(self, _: web.Request) -> web.Response:
        return web.json_response({"worlds": [_description(hosted) for hosted in (self.default, *self.worlds)]})

    @described(
        "Make a world.",
        body=NEW_WORLD,
        optional=True,
        free=True,
        answers={201: WORLD, 503: members({"error": STRING})},
    )
    async def create(self, request: web.Request) -> web.Response:
        body = read_body(await request.read(), empty=True)
        options = options_of(body, self._defaults)
        world_id = body.text("id", empty=True) if "id" in body else None
        try:
            hosted = await self.worlds.create(world_id, options)
        except OSError as error:
            return _wrong(503, f"no DNS can be opened for another world: {error.strerror or error}")
        location = {"Location": f"/worlds/{hosted.world.id}"}
        return web.json_response(_description(hosted), status=201, headers=location)

    @described("A world.", answers={200: WORLD})
    async def show(self, request: web.Request) -> web.Response:
        return web.json_response(_description(self._find(request.match_info["world"])))

    @described("End a world.", answers={204: None}, free=True)
    async def delete(self, request: web.Request) -> web.Response:
        await self.worlds.delete(self._made(request))
        return web.Response(status=204)

    @described("Bring a world back to where it began.", answers={200: WORLD}, free=True)
    async def reset(self, request: web.Request) -> web.Response:
        world_id = self._made(request)
        await self.worlds.reset(world_id)
        return web.json_response(_description(self.worlds.get(world_id)))

    @described("Keep a copy of a world.", answers={201: members({"snapshot": TEXT})}, free=True)
    async def snapshot(self, request: web.Request) -> web.Response:
        return web.json_response({"snapshot": self.worlds.snapshot(self._made(request))}, status=201)

    @described(
        "Bring back what a snapshot holds.", body=closed(members({"snapshot": TEXT})), free=True, answers={200: WORLD}
    )
    async def restore(self, request: web.Request) -> web.Response:
        world_id = self._made(request)
        body = read_body(await request.read())
        body.only(("snapshot",))
        await self.worlds.restore(world_id, body.text("snapshot"))
        return web.json_response(_description(self.worlds.get(world_id)))

    @property
    def _defaults(self) -> Settings:
        """The default world's, but for the resolvers: each world has its own."""
        settings = self.default.world.settings
        vantages = tuple(VantagePoint(each.name) for each in settings.vantages)
        return attrs.evolve(settings, dns=None, vantages=vantages)

    def _find(self, world_id: str) -> Hosted:
        return self.default if world_id == DEFAULT else self.worlds.get(world_id)

    def _made(self, request: web.Request) -> str:
        """Return the ID of a world that can be brought back and deleted."""
        world_id = self._find(request.match_info["world"]).world.id
        if world_id == DEFAULT:
            raise ValueError("the default world stays as it is; POST /worlds makes one that can be copied and deleted")
        return world_id


def _description(hosted: Hosted) -> dict[str, Any]:
    return {
        "id": hosted.world.id,
        "directory": hosted.world.directory_url,
        "dns": hosted.world.settings.dns or hosted.view.address,
        "nameservers": list(hosted.view.addresses),
        "root": hosted.world.authority.root_pem,
        "clock": clock_of(hosted),
        "snapshots": list(hosted.snapshots),
    }


@described("Whether it is up.", answers={200: PLAIN})
async def _healthy(_: web.Request) -> web.Response:
    return web.Response(text="ok\n")


@web.middleware
async def _sentences(request: web.Request, handler: Callable[[web.Request], Any]) -> web.StreamResponse:
    """Answer a mistake with what is wrong."""
    try:
        await _check_body(request)
        response: web.StreamResponse = await handler(request)
    except ValueError as error:
        return _wrong(400, error)
    except NoSuchWorld as error:
        return _wrong(404, error)
    except RanTooLong as error:
        return _wrong(409, error)
    except web.HTTPNotFound:
        return _wrong(404, f"there is nothing at {request.path[:64]}")
    except web.HTTPMethodNotAllowed as error:
        allowed = ", ".join(sorted(error.allowed_methods))
        response = _wrong(405, f"{request.path[:64]} takes {allowed}, not {request.method}")
        response.headers[hdrs.ALLOW] = allowed
    except web.HTTPRequestEntityTooLarge:
        return _wrong(413, f"the body has more than {_MAX_BODY} bytes")
    return response


async def _check_body(request: web.Request) -> None:
    """Refuse what an endpoint would not read; an empty object says nothing, as some clients have it."""
    operation = operation_of(request.match_info.handler)
    if operation and operation.body is None and (await request.read()).strip() not in (b"", b"{}"):
        raise ValueError(f"{request.method} {request.path[:64]} takes no body")


def _wrong(status: int, error: object) -> web.Response:
    return web.json_response({"error": str(error)}, status=status)
