"""The webhook as an aggregated API server: where kube-apiserver finds it, and where cert-manager posts through it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, TypeAlias

from aiohttp import hdrs, web

from gravel.management.operation import OBJECT, described
from gravel.management.request_body import read_body
from gravel.management.webhook import respond
from gravel.management.webhook_discovery import (
    AGGREGATED_GROUP,
    AGGREGATED_VERSIONS,
    DOCUMENTS,
    SOLVER_PATH,
    aggregated,
)
from solvers.dns.zone import Zone

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.Response]]

_JSON = "application/json"
_REASONS = {400: "BadRequest", 406: "NotAcceptable", 415: "UnsupportedMediaType"}
PATHS = (SOLVER_PATH, *DOCUMENTS)


def webhook_endpoints(zone_of: Callable[[str], Zone]) -> Mapping[tuple[str, str], Handler]:
    """Return the endpoints by method and path; zone_of: the zone of a world, or NoSuchWorld."""

    @described(
        "Present or clean up a challenge, as cert-manager asks for it.",
        body=OBJECT,
        free=True,
        answers={201: OBJECT},
        refused=OBJECT,
    )
    async def solve(request: web.Request) -> web.Response:
        if hdrs.CONTENT_TYPE in request.headers and request.content_type != _JSON:
            return _status(415, f"the body is {request.content_type}, and {_JSON} is wanted")
        try:
            answer = respond(read_body(await request.read()), zone_of)
        except ValueError as error:
            return _status(400, str(error))
        return web.json_response(answer, status=201)

    documents = {("GET", path): _show(document) for path, document in DOCUMENTS.items()}
    return {("POST", SOLVER_PATH): solve, **documents, ("GET", "/apis"): _discover}


def _show(document: Mapping[str, Any]) -> Handler:
    @described("What Kubernetes asks an aggregated API server about itself.", answers={200: OBJECT}, refused=OBJECT)
    async def show(request: web.Request) -> web.Response:
        ranges = [each for each, _ in _accepted(request)]
        if not any(each in ("", _JSON, "application/*", "*/*") for each in ranges):
            return _status(406, f"this is {_JSON}, which the request does not accept")
        return web.json_response(document)

    return show


@described("The groups that are served here, for Kubernetes.", answers={200: OBJECT}, refused=OBJECT)
async def _discover(request: web.Request) -> web.Response:
    for _, parameters in _accepted(request):
        wanted = parameters.get("v", "")
        if parameters.get("as") == "APIGroupDiscoveryList" and wanted in AGGREGATED_VERSIONS:
            response = web.json_response(aggregated(wanted))
            kind = f"g={AGGREGATED_GROUP};v={wanted};as=APIGroupDiscoveryList"
            response.headers[hdrs.CONTENT_TYPE] = f"{_JSON};{kind}"
            return response
    return await _show(DOCUMENTS["/apis"])(request)


def _accepted(request: web.Request) -> Iterable[tuple[str, dict[str, str]]]:
    """Return the media ranges that a request accepts, with their parameters; without the header, an empty one."""
    for each in request.headers.get(hdrs.ACCEPT, "").split(","):
        media, *parameters = (part.strip() for part in each.split(";"))
        yield media.lower(), dict(parameter.split("=", 1) for parameter in parameters if "=" in parameter)


def _status(code: int, message: str) -> web.Response:
    status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message}
    return web.json_response({**status, "reason": _REASONS[code], "code": code}, status=code)
