"""The management API's faults: see, arm and disarm them while a world runs.

GET /faults lists rules and their counters; POST arms a rule, a persona, or a
list of both, all or none; DELETE takes one or all away. GET /personas shows
what each stands for.
"""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from acme_server.faults.personas import PERSONAS, read_rules
from acme_server.protocol.encoding import load_json
from gravel.management.operation import array, described, mapping, members
from gravel.management.schemas import ARMED, RULE, RULES
from gravel.management.world_endpoints import Endpoint, Hosted


@described(answers={200: members({"faults": array(ARMED)})})
async def list_faults(hosted: Hosted, _: web.Request) -> web.Response:
    """The armed rules, in order."""
    return web.json_response({"faults": [armed.to_json() for armed in hosted.world.faults.armed.values()]})


@described(body=RULES, free=True, answers={201: members({"faults": array(ARMED)})})
async def arm(hosted: Hosted, request: web.Request) -> web.Response:
    """Arm what the body describes."""
    rules = read_rules(_document(await request.read()))
    now = hosted.driver.now()
    armed = [hosted.world.faults.arm(rule, now) for rule in rules]
    return web.json_response({"faults": [rule.to_json() for rule in armed]}, status=201)


@described(answers={204: None})
async def disarm_all(hosted: Hosted, _: web.Request) -> web.Response:
    """Leave the world in peace."""
    hosted.world.faults.clear()
    return web.Response(status=204)


@described(answers={204: None})
async def disarm(hosted: Hosted, request: web.Request) -> web.Response:
    """Take one rule away."""
    name = request.match_info["rule"]
    if not hosted.world.faults.disarm(name):
        return web.json_response({"error": f"no rule {name[:64]!r} is armed"}, status=404)
    return web.Response(status=204)


@described(answers={200: members({"personas": mapping(array(RULE))})})
async def list_personas(_: Hosted, __: web.Request) -> web.Response:
    """The rules behind each name."""
    return web.json_response({"personas": PERSONAS})


FAULT_ENDPOINTS: Mapping[tuple[str, str], Endpoint] = {
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
