"""The front end: which path, which method, whose signature; then every reply's common headers.

`handle` answers any request whatever, and never raises: a client's mistake
becomes a problem document, ours becomes serverInternal and a line in the log.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import Any

import attrs

from acme_server import account_endpoints, endpoints
from acme_server.endpoints import Answer, Call
from acme_server.exchange import Reply, Request, json_reply
from acme_server.execution import retry_on_conflict
from acme_server.faults.injection import Injection, begin, claims, ordered
from acme_server.limits import check_balancer
from acme_server.personality import Personality
from acme_server.protocol.journal import Fact
from acme_server.protocol.problem import Problem, malformed
from acme_server.registration_authority.outcome import Deferred
from acme_server.request import SignedRequest, Signer, read_request
from acme_server.world import World

LOG = logging.getLogger(__name__)
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
# A segment that is not one of our own IDs, and that its endpoint judges.
_OTHERS: Mapping[str, re.Pattern[str]] = {"certid": re.compile(r"[!-.0-~]{1,256}")}
_INTERNAL = Problem("serverInternal", "the server failed; its log says why")
_CORS = (
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Expose-Headers", "Link, Location, Replay-Nonce, Retry-After"),
)
# What clients poll, or come for in the end.
_LOOKED_AT = ("/order/{order}", "/authz/{authorization}", "/chall/{authorization}/{index}", "/cert/{certificate}")
_NAME = 255
_PREFLIGHT = (("Access-Control-Allow-Headers", "Content-Type"), ("Access-Control-Max-Age", "86400"))


class Payload(Enum):
    """What a POST may carry: nothing (POST-as-GET, section 6.3), a JSON object, or either."""

    NOTHING = "nothing"
    OBJECT = "object"
    EITHER = "either"


@attrs.frozen
class Route:
    """One row of the routing table; `{name}` in a pattern is one segment, handed on under that name."""

    pattern: str
    endpoint: Callable[[Call], Answer]
    payload: Payload = Payload.NOTHING
    signer: Signer = Signer.ACCOUNT
    get: bool = False

    @property
    def allow(self) -> str:
        """The methods, as in the Allow header."""
        return "GET, HEAD, POST, OPTIONS" if self.get else "POST, OPTIONS"


DIRECTORY = Route("/dir", endpoints.directory, get=True)
NEW_NONCE = Route("/nonce", endpoints.new_nonce, get=True)
ROUTES: tuple[Route, ...] = (
    DIRECTORY,
    NEW_NONCE,
    Route("/new-account", account_endpoints.new_account, Payload.OBJECT, Signer.KEY),
    Route("/new-authz", endpoints.new_authorization, Payload.OBJECT),
    Route("/new-order", endpoints.new_order, Payload.OBJECT),
    Route("/key-change", account_endpoints.key_change, Payload.OBJECT),
    Route("/revoke-cert", endpoints.revoke_certificate, Payload.OBJECT, Signer.EITHER),
    Route("/account/{account}", account_endpoints.account, Payload.EITHER),
    Route("/account/{account}/orders", account_endpoints.account_orders),
    Route("/account/{account}/orders/{after}", account_endpoints.account_orders),
    Route("/terms/{account}", account_endpoints.terms_of_service, Payload.EITHER, Signer.NOBODY, get=True),
    Route("/order/{order}", endpoints.order),
    Route("/order/{order}/finalize", endpoints.finalize, Payload.OBJECT),
    Route("/authz/{authorization}", endpoints.authorization, Payload.EITHER),
    Route("/chall/{authorization}/{index}", endpoints.challenge, Payload.EITHER),
    Route("/cert/{certificate}", endpoints.certificate),
    Route("/cert/{certificate}/alternate/{number}", endpoints.alternate),
    Route("/issuer/{signer}", endpoints.issuer, get=True),
    Route("/crl/{signer}", endpoints.revocation_list, get=True),
    Route("/renewal-info/{certid}", endpoints.renewal_info, get=True),
)


def handle(world: World, request: Request, now: datetime) -> tuple[Reply, tuple[Deferred, ...]]:
    """Answer a request; its path is relative to the world's base URL."""
    personality = world.settings.personality
    known = attrs.evolve(request, path=personality.route_of(request.path)) if personality.paths else request
    route, parameters = find_route(known)
    injection = None
    if world.faults.armed and route is not None:
        injection = begin(world, request, route.pattern, parameters, now)
    try:
        answer = _answer(world, request, route, parameters, now, injection)
    except Exception:
        LOG.exception("%s %r", request.method, request.path)
        answer = _problem(_INTERNAL, personality)
    headers = _CORS if route is DIRECTORY else (*_CORS, world.links.index)
    if request.method == "POST" or (route is NEW_NONCE and request.method in ("GET", "HEAD")):
        headers = (*headers, ("Replay-Nonce", world.nonces.issue(now)))
    reply = answer.reply.with_headers(*headers) if injection is None else injection.after(answer.reply, headers)
    world.served.count(request.method, "" if route is None else route.pattern, reply.status)
    if reply.status == 200 and route is not None and route.pattern in _LOOKED_AT:
        world.looks.note(known.path, reply, now)
    return reply, answer.effects


def refuse(world: World, problem: Problem, now: datetime) -> Reply:
    """Answer what never became a request, as if it had been a POST."""
    nonce = ("Replay-Nonce", world.nonces.issue(now))
    reply = _problem(problem, world.settings.personality).reply.with_headers(*_CORS, world.links.index, nonce)
    world.served.count("POST", "", reply.status)
    return reply


def find_route(request: Request) -> tuple[Route | None, Mapping[str, str]]:
    """Return the route of a path and its parameters; a query is put up with where nothing is signed."""
    path, mark, _ = request.path.partition("?")
    segments = path.split("/")
    route = _BY_SHAPE.get((segments[1] if len(segments) > 1 else "", len(segments)))
    if route is None or (mark and (request.method == "POST" or not route.get)):
        return None, {}
    parameters: dict[str, str] = {}
    for segment, (wanted, judge) in zip(segments, _SEGMENTS[route.pattern], strict=True):
        if judge is not None and judge(segment):
            parameters[wanted] = segment
        elif segment != wanted:
            return None, {}
    return route, parameters


def _answer(
    world: World,
    request: Request,
    route: Route | None,
    parameters: Mapping[str, str],
    now: datetime,
    injection: Injection | None,
) -> Answer:
    signed: SignedRequest | None = None
    personality = world.settings.personality
    try:
        if route is None:
            raise endpoints.not_found()
        if request.method == "OPTIONS":
            return _preflight(route)
        if world.limits.rates:
            check_balancer(world.limits, route.pattern, request.peer, now)
        if request.method == "POST":
            signed = None if route.signer is Signer.NOBODY else read_request(world, request, route.signer, now)
        elif request.method not in ("GET", "HEAD") or not (route.get or route.pattern in personality.readable):
            raise _not_allowed(route, request.method)
        bend = None
        if injection is not None:
            if (instead := injection.before()) is not None:
                return Answer(instead)
            bend = injection.bend
        call = Call(world, now, request.method, parameters, signed, _document(route, signed), bend, request.peer)
        return retry_on_conflict(lambda: route.endpoint(call))
    except Problem as problem:
        if request.method == "POST":
            subject = {**parameters, "account": signed.account.id} if signed and signed.account else parameters
            fact = _refused(
                request.path[:200] if route is None else route.pattern,
                problem,
                subject,
                _named(route, request, world.settings.max_identifiers),
            )
            world.store.commit((), (fact,), now)
        return _problem(problem, personality)


def _document(route: Route, signed: SignedRequest | None) -> Mapping[str, Any] | None:
    if signed is None:
        return None
    if signed.payload and route.payload is Payload.NOTHING:
        raise malformed("this resource is only read: the payload must be empty (POST-as-GET, RFC 8555 section 6.3)")
    if not signed.payload and route.payload is Payload.OBJECT:
        raise malformed("this resource needs a JSON object as payload; POST-as-GET is not for it")
    return signed.document() if signed.payload else None


def _preflight(route: Route) -> Answer:
    return Answer(Reply(204, (("Allow", route.allow), ("Access-Control-Allow-Methods", route.allow), *_PREFLIGHT)))


def _not_allowed(route: Route, method: str) -> Problem:
    detail = f"{method[:20]!r} is not allowed here; allowed are {route.allow}"
    return Problem("malformed", detail, 405, headers=(("Allow", route.allow),))


def _named(route: Route | None, request: Request, limit: int) -> tuple[str, ...]:
    """Return the identifiers of an order that was refused, signed or not: it has no ID to be found by."""
    if route is None or route.pattern != "/new-order":
        return ()
    return tuple(name[:_NAME] for name in ordered(claims(request.body)[1])[:limit])


def _refused(endpoint: str, problem: Problem, subject: Mapping[str, str], names: Sequence[str]) -> Fact:
    data = {"endpoint": endpoint, "problem": problem.type, "status": problem.status, "detail": problem.detail}
    return Fact("RequestRefused", subject, {**data, "identifiers": [*names]} if names else data)


def _problem(problem: Problem, personality: Personality) -> Answer:
    said = personality.said(problem)
    if personality.bare_not_found and problem.detail is endpoints.NO_RESOURCE:
        return Answer(Reply(said.status, said.headers))
    return Answer(json_reply(said.status, said.to_json(), *said.headers, content_type="application/problem+json"))


def _shape(route: Route) -> tuple[str, int]:
    segments = route.pattern.split("/")
    return segments[1], len(segments)


def _segment(text: str) -> tuple[str, Callable[[str], Any] | None]:
    """Return what a segment must be, or the name of its parameter with what judges it."""
    name = text[1:-1]
    return (name, _OTHERS.get(name, _ID).fullmatch) if text.startswith("{") else (text, None)


_BY_SHAPE: Mapping[tuple[str, int], Route] = {_shape(route): route for route in ROUTES}
_SEGMENTS = {route.pattern: tuple(map(_segment, route.pattern.split("/"))) for route in ROUTES}
