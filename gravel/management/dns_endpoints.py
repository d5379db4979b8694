"""The management API's DNS beside addresses, aliases and texts: other records, failures by name, what was asked.

Paths and bodies are pebble-challtestsrv's where it has them (/add-caa,
/clear-caa, /set-servfail, /clear-servfail); the others follow its manner.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from glob import escape
from hashlib import sha256
from typing import Any

import attrs
from aiohttp import web

from acme_server.faults.action import DNS
from acme_server.faults.dns_actions import SendRcode
from acme_server.faults.rule import Match, Rule
from acme_server.protocol.times import rfc3339_micro
from gravel.management.operation import COUNT, HOST, MOMENT, STRING, Schema, array, described, members, number
from gravel.management.request_body import Body, read_body
from gravel.management.world_endpoints import SINCE, Edit, Endpoint, Hosted, edit_dns, number_of
from solvers.dns.history import Asked
from solvers.dns.name import canonical
from solvers.dns.record_types import caa

_NUMBERS = ("priority", "weight", "port")
_TAG: Schema = {"type": "string", "pattern": "^[0-9A-Za-z]{1,255}$"}
_UINT16, _UINT8 = 2**16 - 1, 2**8 - 1


_QUERY = members(
    {
        **dict.fromkeys(("name", "rtype", "rcode", "transport", "client", "server", "opcode"), STRING),
        "at": MOMENT,
        "number": COUNT,
    }
)


def _policies(body: Body) -> list[str]:
    return [
        caa(each.number("flags", 0, _UINT8) if "flags" in each else 0, each.text("tag"), each.text("value", empty=True))
        for each in body.objects("policies")
    ]


def _exchanges(body: Body) -> list[str]:
    return [f"{each.number('preference', 0, _UINT16)} {each.text('exchange')}" for each in body.objects("exchanges")]


def _services(body: Body) -> list[str]:
    return [
        " ".join((*(str(each.number(name, 0, _UINT16)) for name in _NUMBERS), each.text("target")))
        for each in body.objects("services")
    ]


# Type -> how a body says its records, and the member with them; /set-X replaces them, /add-X adds to them, /clear-X
# removes them.
RECORDS: Mapping[str, tuple[Callable[[Body], list[str]], str, Schema]] = {
    "CAA": (_policies, "policies", members({"tag": _TAG, "value": STRING}, flags=number(0, _UINT8))),
    "MX": (_exchanges, "exchanges", members({"preference": number(0, _UINT16), "exchange": HOST})),
    "NS": (lambda body: body.texts("nameservers"), "nameservers", HOST),
    "PTR": (lambda body: body.texts("targets"), "targets", HOST),
    "SRV": (_services, "services", members({**dict.fromkeys(_NUMBERS, number(0, _UINT16)), "target": HOST})),
}


def _edits(
    rtype: str, values: Callable[[Body], list[str]], member: str, schema: Schema
) -> Iterator[tuple[str, Endpoint]]:
    name, needed = rtype.lower(), {"host": HOST, member: array(schema, 1)}
    edits: Mapping[str, tuple[str, Edit, Mapping[str, Schema]]] = {
        f"/set-{name}": (
            f"Have these {rtype} records and no others.",
            lambda view, body: view.zone.set_records(body.text("host"), rtype, values(body)),
            needed,
        ),
        f"/add-{name}": (
            f"Add {rtype} records.",
            lambda view, body: view.zone.add_records(body.text("host"), rtype, values(body)),
            needed,
        ),
        f"/clear-{name}": (
            f"Remove all {rtype} records of a name.",
            lambda view, body: view.zone.clear_records(body.text("host"), rtype),
            {"host": HOST},
        ),
    }
    return ((path, edit_dns(*told)) for path, told in edits.items())


@described(body=members({"host": HOST}))
async def set_servfail(hosted: Hosted, request: web.Request) -> web.Response:
    """Let all questions for a name fail; a rule among the others, and listed with them."""
    host = canonical(read_body(await request.read()).text("host"))
    match = Match(endpoint=(DNS,), identifier=escape(host))
    hosted.world.faults.arm(Rule(SendRcode("SERVFAIL"), match, id=_servfail_id(host)), hosted.driver.now())
    return web.Response()


@described(body=members({"host": HOST}))
async def clear_servfail(hosted: Hosted, request: web.Request) -> web.Response:
    """Let them be answered again."""
    hosted.world.faults.disarm(_servfail_id(canonical(read_body(await request.read()).text("host"))))
    return web.Response()


@described(query={"name": STRING, "type": STRING, "since": SINCE}, answers={200: members({"queries": array(_QUERY)})})
async def list_queries(hosted: Hosted, request: web.Request) -> web.Response:
    """What was asked after number `since`: names that fit the glob `name`, of the `type`."""
    for member in request.query:
        if member not in ("name", "type", "since"):
            raise ValueError(f"{member[:64]!r} is not known here; known are name, type, since")
    since = number_of(request, "a query")
    glob = request.query.get("name", "*").lower().removesuffix(".")
    rtype = request.query.get("type", "").upper()
    found = [
        query_of(asked)
        for asked in hosted.view.zone.history
        if asked.number > since and rtype in ("", asked.rtype) and fnmatchcase(asked.name, glob)
    ]
    return web.json_response({"queries": found})


DNS_ENDPOINTS: Mapping[tuple[str, str], Endpoint] = {
    **{("POST", path): edit for rtype, told in RECORDS.items() for path, edit in _edits(rtype, *told)},
    ("POST", "/set-servfail"): set_servfail,
    ("POST", "/clear-servfail"): clear_servfail,
    ("GET", "/dns-queries"): list_queries,
}


def query_of(asked: Asked) -> dict[str, Any]:
    """Return a query as JSON."""
    return {**attrs.asdict(asked), "at": rfc3339_micro(asked.at)}


def _servfail_id(host: str) -> str:
    """Return the ID of a name's rule: names have letters that an ID has not."""
    return f"servfail-{sha256(host.encode()).hexdigest()[:24]}"
