"""The HTTP API of acme-dns, for each world: `/acme-dns` below its management API is a base URL for clients.

Members are read as acme-dns reads them, in any case: goacmedns, which lego and
cert-manager have inside, writes `SubDomain` and `Txt`.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from acme_server.protocol.encoding import load_json
from gravel.management.acme_dns import Refused
from gravel.management.operation import HOST, STRING, TEXT, array, described, members, nullable
from gravel.management.world_endpoints import Endpoint, Hosted

_BASE = "/acme-dns"
_ACCOUNT = members(
    {"username": TEXT, "password": TEXT, "fulldomain": HOST, "subdomain": TEXT, "allowfrom": array(STRING)}
)
PATHS = tuple(_BASE + path for path in ("/register", "/update", "/health"))


def acme_dns_endpoints(domain: str) -> Mapping[tuple[str, str], Endpoint]:
    """Return the endpoints by method and path; domain: what new names are below."""

    @described(
        "Make an account, with a name of its own.",
        body=nullable(members(allowfrom=nullable(array(STRING)))),
        optional=True,
        free=True,
        answers={201: _ACCOUNT, 503: members({"error": STRING})},
    )
    async def register(hosted: Hosted, request: web.Request) -> web.Response:
        data = await request.read()
        allowfrom = _members(data).get("allowfrom") if data else None
        if not (allowfrom is None or _are_texts(allowfrom)):
            raise Refused(400, "malformed_json_payload")
        account = hosted.view.acme_dns.register(hosted.world.entropy, domain, allowfrom or ())
        shown = ("username", "password", "fulldomain", "subdomain", "allowfrom")
        return web.json_response({name: getattr(account, name) for name in shown}, status=201)

    return {
        ("POST", f"{_BASE}/register"): _refusing(register),
        ("POST", f"{_BASE}/update"): _refusing(_update),
        ("GET", f"{_BASE}/health"): _health,
    }


@described(
    "Add a TXT value to those of an account's name.",
    headers={"X-Api-User": STRING, "X-Api-Key": STRING},
    body=members({"subdomain": TEXT, "txt": TEXT}),
    free=True,
    answers={200: members({"txt": TEXT})},
)
async def _update(hosted: Hosted, request: web.Request) -> web.Response:
    """Who asks comes first, then for what: a stranger learns nothing from a body."""
    user, key = request.headers.get("X-Api-User", ""), request.headers.get("X-Api-Key", "")
    accounts = hosted.view.acme_dns
    account = accounts.authenticate(user, key, request.remote)
    try:
        members = _members(await request.read())
    except Refused:
        members = {}
    if members.get("subdomain") != account.subdomain:
        raise Refused(401, "forbidden")
    txt = members.get("txt")
    accounts.update(account, txt if isinstance(txt, str) else "")
    return web.json_response({"txt": txt})


@described("Whether it is up.")
async def _health(_: Hosted, __: web.Request) -> web.Response:
    return web.Response()


def _refusing(endpoint: Endpoint) -> Endpoint:
    @functools.wraps(endpoint)
    async def answer(hosted: Hosted, request: web.Request) -> web.StreamResponse:
        try:
            return await endpoint(hosted, request)
        except Refused as refused:
            return web.json_response({"error": refused.word}, status=refused.status)

    return answer


def _members(data: bytes) -> dict[str, Any]:
    try:
        document = load_json(data)
    except ValueError:
        document = ()
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise Refused(400, "malformed_json_payload")
    return {name.lower(): value for name, value in document.items()}


def _are_texts(values: Any) -> bool:
    return isinstance(values, list) and all(isinstance(value, str) for value in values)
