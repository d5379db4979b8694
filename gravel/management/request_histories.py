"""What was asked, listed and forgotten by host, as pebble-challtestsrv has it (event.go of letsencrypt/challtestsrv).

The DNS is a world's, and so is its history; the responders are the process's,
and every world sees what came to them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import attrs
from aiohttp import web
from dnslib import QTYPE

from gravel.management.dns_endpoints import query_of
from gravel.management.operation import HOST, OBJECT, TEXT, Schema, array, described, members, words
from gravel.management.request_body import read_body
from gravel.management.world_endpoints import Endpoint, Hosted
from solvers.dns.history import Asked
from solvers.dns.name import absolute, canonical
from solvers.http01.responder import bare_host
from solvers.http01.site import Visit
from solvers.tlsalpn01.responder import Greeted

_TYPE_NUMBERS = {rtype: number for number, rtype in QTYPE.forward.items()}


def _question(asked: Asked) -> dict[str, Any]:
    number = _TYPE_NUMBERS.get(asked.rtype) or int(asked.rtype.removeprefix("TYPE"))
    return {"Question": {"Name": absolute(asked.name), "Qtype": number, "Qclass": 1}, **query_of(asked)}


def _request(visited: tuple[Visit, int]) -> dict[str, Any]:
    visit, status = visited
    return {
        "URL": visit.url,
        "Host": visit.host,
        "HTTPS": visit.https,
        "ServerName": visit.server_name,
        "UserAgent": visit.user_agent,
        "method": visit.method,
        "status": status,
    }


def _handshake(greeted: Greeted) -> dict[str, Any]:
    alert = greeted.alert and greeted.alert.name.lower()
    # Where no protocol is offered, Go has no list.
    return {"ServerName": greeted.server_name, "SupportedProtos": list(greeted.protocols) or None, "alert": alert}


@attrs.frozen
class History:
    """Where its entries are; the host of one, in the form to compare; a host that is asked for, in the same; JSON; and what a host is."""

    entries: Callable[[Hosted], deque[Any]]
    host: Callable[[Any], str]
    form: Callable[[str], str]
    event: Callable[[Any], dict[str, Any]]
    schema: Schema = TEXT

    def events(self, hosted: Hosted, host: str) -> list[dict[str, Any]]:
        """Return what was asked for a host, oldest first."""
        wanted = self.form(host)
        return [self.event(entry) for entry in self.entries(hosted) if self.host(entry) == wanted]

    def forget(self, hosted: Hosted, host: str) -> None:
        """Keep nothing of what was asked for a host."""
        wanted, entries = self.form(host), self.entries(hosted)
        kept = [entry for entry in entries if self.host(entry) != wanted]
        entries.clear()
        entries.extend(kept)


# Type, as /clear-request-history calls it -> its history; the paths have another word for the last.
HISTORIES: Mapping[str, History] = {
    "http": History(
        lambda hosted: hosted.view.exhibit.responders.site.history,
        lambda visited: bare_host(visited[0].host),
        bare_host,
        _request,
    ),
    "dns": History(lambda hosted: hosted.view.zone.history, lambda asked: asked.name, canonical, _question, HOST),
    "tlsalpn": History(
        lambda hosted: hosted.view.exhibit.responders.tls.history,
        lambda greeted: greeted.server_name.lower(),
        str.lower,
        _handshake,
    ),
}
PATHS = {"/http-request-history": "http", "/dns-request-history": "dns", "/tlsalpn01-request-history": "tlsalpn"}


def _listing(history: History) -> Endpoint:
    @described(
        "What was asked for a host, oldest first.",
        body=members({"host": history.schema}),
        answers={200: array(OBJECT)},
    )
    async def endpoint(hosted: Hosted, request: web.Request) -> web.Response:
        return web.json_response(history.events(hosted, read_body(await request.read()).text("host")))

    return endpoint


@described(body=members({"host": TEXT, "type": words(*HISTORIES)}), free=True)
async def clear_request_history(hosted: Hosted, request: web.Request) -> web.Response:
    """Forget what was asked for one host."""
    body = read_body(await request.read())
    host, kind = body.text("host"), body.text("type")
    if kind not in HISTORIES:
        raise ValueError(f"'type' {kind[:32]!r} has no history here; {', '.join(map(repr, HISTORIES))} have")
    HISTORIES[kind].forget(hosted, host)
    return web.Response()


HISTORY_ENDPOINTS: Mapping[tuple[str, str], Endpoint] = {
    **{("POST", path): _listing(HISTORIES[kind]) for path, kind in PATHS.items()},
    ("POST", "/clear-request-history"): clear_request_history,
}
