"""The management API's rate limits: see them and their buckets, change them, and fill the buckets.

GET /rate-limits shows; PUT replaces the rates, buckets stay; POST
/rate-limits/reset fills all buckets and ends all pauses.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from aiohttp import web

from acme_server.limit_presets import PRESETS, preset, read_rates
from acme_server.limits import NAMES, Limits
from acme_server.protocol.rate_limit import Rate
from acme_server.protocol.times import rfc3339_micro
from gravel.management.operation import HOST, MOMENT, STRING, array, closed, described, members, words
from gravel.management.request_body import Body, read_body
from gravel.management.world_endpoints import Endpoint, Hosted
from solvers.dns.zone import zone_name

_RATE = {"type": "string", "pattern": "^[1-9][0-9]{0,6}/([1-9][0-9]{0,5})?(ms|[smhdw])(/[1-9][0-9]{0,6})?$"}
RATES = closed(members(**dict.fromkeys(NAMES, _RATE)))
_SHOWN = members(
    {
        "rates": RATES,
        "public_suffixes": array(STRING),
        "buckets": array(members({"limit": words(*NAMES), "key": STRING, "full_at": MOMENT})),
        "paused": array(members({"account": STRING, "identifier": STRING, "since": MOMENT})),
    }
)


@described(answers={200: _SHOWN})
async def show(hosted: Hosted, _: web.Request) -> web.Response:
    """The rates, what is not full, and what is paused."""
    return web.json_response(_to_json(hosted.world.limits, hosted.driver.now()))


@described(
    body=closed(members(preset=words(*PRESETS), rates=RATES, public_suffixes=array(HOST, 1))),
    free=True,
    answers={200: _SHOWN},
)
async def replace(hosted: Hosted, request: web.Request) -> web.Response:
    """Have other rates: those of a preset, and single ones over it."""
    body = read_body(await request.read())
    body.only(("preset", "rates", "public_suffixes"))
    limits = hosted.world.limits
    rates = {**preset(body.text("preset") if "preset" in body else "none"), **read_rates(body.object("rates").members)}
    if "public_suffixes" in body:
        limits.suffixes = suffixes_of(body, "public_suffixes")
    limits.rates = rates
    return await show(hosted, request)


@described(answers={204: None})
async def reset(hosted: Hosted, _: web.Request) -> web.Response:
    """Begin to count anew."""
    hosted.world.limits.reset()
    return web.Response(status=204)


def rates_of(body: Body, name: str) -> Mapping[str, Rate]:
    """Read a setting: the name of a preset, or an object of limits and rates."""
    value = body.members[name]
    return preset(value) if isinstance(value, str) else read_rates(value)


def suffixes_of(body: Body, name: str) -> tuple[str, ...]:
    """Read a setting: names that are public suffixes."""
    return tuple(map(zone_name, body.texts(name)))


def _to_json(limits: Limits, now: datetime) -> dict[str, Any]:
    return {
        "rates": {name: str(rate) for name, rate in limits.rates.items()},
        "public_suffixes": list(limits.suffixes),
        "buckets": [
            {"limit": name, "key": key, "full_at": rfc3339_micro(full_at)}
            for (name, key), full_at in limits.buckets.items()
            if full_at > now
        ],
        "paused": [
            {"account": account, "identifier": identifier, "since": rfc3339_micro(since)}
            for (account, identifier), since in limits.paused.items()
        ],
    }


RATE_LIMIT_ENDPOINTS: Mapping[tuple[str, str], Endpoint] = {
    ("GET", "/rate-limits"): show,
    ("PUT", "/rate-limits"): replace,
    ("POST", "/rate-limits/reset"): reset,
}
