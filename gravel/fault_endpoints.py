"""The management API's faults: see, arm and disarm them while a world runs.

GET /faults lists rules and their counters; POST arms a rule, a persona, or a
list of both, all or none; DELETE takes one or all away. GET /personas shows
what each stands for.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

from aiohttp import web

from acme_server.faults.armed import Faults
from acme_server.faults.personas import PERSONAS, read_rules
from acme_server.protocol.driver import Clock
from acme_server.protocol.encoding import load_json

FaultEndpoint: TypeAlias = Callable[[Faults, Clock, web.Request], Awaitable[web.Response]]
"""Takes the faults and the clock of one world."""


async def list_faults(faults: Faults, _: Clock, __: web.Request) -> web.Response:
    """The armed rules, in order."""
    return web.json_response({"faults": [armed.to_json() for armed in faults.armed.values()]})


async def arm(faults: Faults, clock: Clock, request: web.Request) -> web.Response:
    """Arm what the body describes."""
    try:
        rules = read_rules(_document(await request.read()))
    except ValueError as error:
        return web.json_response({"error": str(error)}, status=400)
    now = clock()
    armed = [faults.arm(rule, now) for rule in rules]
    return web.json_response({"faults": [rule.to_json() for rule in armed]}, status=201)


async def disarm_all(faults: Faults, _: Clock, __: web.Request) -> web.Response:
    """Leave the world in peace."""
    faults.clear()
    return web.Response(status=204)


async def disarm(faults: Faults, _: Clock, request: web.Request) -> web.Response:
    """Take one rule away."""
    name = request.match_info["rule"]
    if not faults.disarm(name):
        return web.json_response({"error": f"no rule {name[:64]!r} is armed"}, status=404)
    return web.Response(status=204)


async def list_personas(_: Faults, __: Clock, ___: web.Request) -> web.Response:
    """The rules behind each name."""
    return web.json_response({"personas": PERSONAS})


FAULT_ENDPOINTS: Mapping[tuple[str, str], FaultEndpoint] = {
    ("GET", "/faults"): list_faults,
    ("POST", "/faults"): arm,
    ("DELETE", "/faults"): disarm_all,
    ("DELETE", "/faults/{rule}"): disarm,
    ("GET", "/personas"): list_personas,
}


def _document(data: bytes) -> object:
    try:
        return load_json(data)
    except ValueError as error:
        raise ValueError(f"the body {error}") from None
