"""The management API's chaos: the experiments there are, and which of them go on.

GET /chaos lists them; POST /chaos begins one, from its beginning if it goes on
already; DELETE /chaos ends all of them, DELETE /chaos/NAME one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from acme_server.faults.reading import choose
from acme_server.protocol.times import rfc3339
from gravel.chaos.experiments import EXPERIMENTS, experiment_of, rules_of
from gravel.management.operation import (
    COUNT,
    DURATION,
    FLAG,
    MOMENT,
    TEXT,
    array,
    closed,
    described,
    mapping,
    members,
    nullable,
    words,
)
from gravel.management.request_body import read_body
from gravel.management.world_endpoints import Endpoint, Hosted

_EXPERIMENT = members(
    {
        "name": words(*EXPERIMENTS),
        "what": TEXT,
        "shows": mapping(TEXT),
        "recovery": COUNT,
        "has_target": FLAG,
        "on": FLAG,
        "until": nullable(MOMENT),
        "hits": COUNT,
    }
)
_BEGIN = closed(members({"name": words(*EXPERIMENTS)}, **{"for": DURATION, "target": TEXT}))


@described(answers={200: members({"experiments": array(_EXPERIMENT)})})
async def list_experiments(hosted: Hosted, _: web.Request) -> web.Response:
    """All experiments, and how those stand that were begun."""
    return web.json_response({"experiments": [_described(hosted, name) for name in EXPERIMENTS]})


@described(body=_BEGIN, free=True, answers={201: _EXPERIMENT})
async def begin(hosted: Hosted, request: web.Request) -> web.Response:
    """Begin what the body names."""
    body = read_body(await request.read())
    body.only(("name", "for", "target"))
    seconds = body.duration("for").total_seconds() if "for" in body else None
    if seconds is not None and seconds <= 0:
        raise ValueError("'for' is wanted: more than no time")
    name, target = body.text("name"), body.text("target") if "target" in body else None
    for rule in rules_of(name, seconds, target):
        hosted.world.faults.arm(rule, hosted.driver.now())
    return web.json_response(_described(hosted, name), status=201)


@described(answers={204: None})
async def end_all(hosted: Hosted, _: web.Request) -> web.Response:
    """End all experiments; other faults stay armed."""
    for name in EXPERIMENTS:
        _end(hosted, name)
    return web.Response(status=204)


@described(answers={204: None})
async def end(hosted: Hosted, request: web.Request) -> web.Response:
    """End one experiment."""
    try:
        name = choose(request.match_info["name"], EXPERIMENTS, "the experiment")
    except ValueError as error:
        return web.json_response({"error": str(error)}, status=404)
    if not _end(hosted, name):
        return web.json_response({"error": f"{name!r} was not begun"}, status=404)
    return web.Response(status=204)


CHAOS_ENDPOINTS: Mapping[tuple[str, str], Endpoint] = {
    ("GET", "/chaos"): list_experiments,
    ("POST", "/chaos"): begin,
    ("DELETE", "/chaos"): end_all,
    ("DELETE", "/chaos/{name}"): end,
}


def _end(hosted: Hosted, name: str) -> bool:
    ended = [rule_id for rule_id in hosted.world.faults.armed if experiment_of(rule_id) == name]
    for rule_id in ended:
        hosted.world.faults.disarm(rule_id)
    return bool(ended)


def _described(hosted: Hosted, name: str) -> dict[str, Any]:
    """Return an experiment as JSON; `on` until when it goes on, or while it has no end; `hits`: how often it was felt."""
    one, now = EXPERIMENTS[name], hosted.driver.now()
    armed = [each for each in hosted.world.faults.armed.values() if experiment_of(each.id) == name]
    until = next((each.until for each in armed), None)
    return {
        "name": name,
        "what": one.what,
        "shows": dict(one.shows),
        "recovery": int(one.recovery.total_seconds()),
        "has_target": bool(one.aim),
        "on": bool(armed) and (until is None or now < until),
        "until": until and rfc3339(until),
        "hits": sum(each.hits for each in armed),
    }
