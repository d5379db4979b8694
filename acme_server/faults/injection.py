"""The faults of one exchange, between the front end and the rules.

A rule looks at what a request claims, before anything is verified; but a fault
that acts `before` waits until the request has been admitted, its nonce spent
and its signature verified, so that no fault hides a client's own mistake.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

import attrs

from acme_server.authorizations import Authorization
from acme_server.certificates import Certificate
from acme_server.exchange import Reply, Request, json_reply
from acme_server.faults.action import Plane, Stage
from acme_server.faults.actions import write_action
from acme_server.faults.armed import Armed, Exchange
from acme_server.faults.chains import served
from acme_server.faults.replies import PROBLEM_TYPE, change, deliver, page_of, problem_kind, problem_of
from acme_server.faults.rule import NAME_OF
from acme_server.faults.states import bend, disturb
from acme_server.faults.wire_actions import SendPage, SendProblem, ServeChain
from acme_server.orders import Order
from acme_server.protocol.encoding import b64url_decode, load_json
from acme_server.protocol.journal import Fact
from acme_server.protocol.problem import Problem
from acme_server.protocol.vantage import Headers
from acme_server.registration_authority.outcome import Effect
from acme_server.renewal_info import find_certificate
from acme_server.world import World


@attrs.define
class Injection:
    """One exchange under armed rules; bend: what its effects become; done: it is lost, nothing further applies."""

    world: World
    exchange: Exchange
    parameters: Mapping[str, str]
    now: datetime
    bend: Callable[[tuple[Effect, ...]], tuple[Effect, ...]] | None = None
    done: bool = False

    def before(self) -> Reply | None:
        """Act on an admitted request; return the reply that takes the command's place, or raise the Problem."""
        for armed in self._decide(Stage.BEFORE):
            action = armed.rule.action
            if action.plane is Plane.STATE:
                changes = disturb(self.world, action, self.parameters, self.exchange.account, self.now)
                self.world.store.commit(changes, (), self.now)
                self.bend = partial(bend, action)
            elif isinstance(action, SendProblem):
                raise problem_of(action, self.now)
            elif isinstance(action, SendPage):
                return page_of(action, self.now)
            else:
                self.done = True
                return deliver(Reply(0), action, self.world.entropy)
        return None

    def after(self, reply: Reply, common: Headers) -> Reply:
        """Act on the command's reply, and on the headers that every reply has."""
        if self.done:
            return reply
        self.exchange = attrs.evolve(self.exchange, problem=problem_kind(reply))
        fired = {armed.rule.action.plane: armed.rule.action for armed in self._decide(Stage.AFTER)}
        instead, edit, delivery = (fired.get(plane) for plane in (Plane.INSTEAD, Plane.CHANGE, Plane.DELIVERY))
        if isinstance(instead, SendProblem):
            problem = problem_of(instead, self.now)
            reply = json_reply(problem.status, problem.to_json(), *problem.headers, content_type=PROBLEM_TYPE)
        elif isinstance(instead, SendPage):
            reply = page_of(instead, self.now)
        reply = reply.with_headers(*common)
        if isinstance(edit, ServeChain):
            reply = self._chain(reply, edit)
        elif edit is not None:
            reply = change(reply, edit, self.now)
        return reply if delivery is None else deliver(reply, delivery, self.world.entropy)

    def _decide(self, stage: Stage) -> tuple[Armed, ...]:
        """Ask the rules, and journal what they answer."""
        account = {"account": self.exchange.account} if self.exchange.account else {}
        return tripped(self.world, self.exchange, stage, {**self.parameters, **account}, self.now)

    def _chain(self, reply: Reply, action: ServeChain) -> Reply:
        record = self.world.store.get(Certificate, self.parameters["certificate"])
        if record is None or reply.status != 200:
            return reply
        return Reply(reply.status, reply.headers, served(self.world, record, action.form, self.now).encode("ascii"))


def begin(world: World, request: Request, pattern: str, parameters: Mapping[str, str], now: datetime) -> Injection:
    """Say what is to be known of a request before anybody has looked at it."""
    header, payload = claims(request.body)
    kid = header.get("kid")
    exchange = Exchange(
        endpoint=NAME_OF[pattern],
        method=request.method,
        account=world.links.account_id(kid) if isinstance(kid, str) else None,
        identifiers=_stored(world, parameters) or ordered(payload),
        headers=request.headers,
    )
    return Injection(world, exchange, parameters, now)


def tripped(
    world: World, exchange: Exchange, stage: Stage, subject: Mapping[str, str], now: datetime
) -> tuple[Armed, ...]:
    """Return the rules that fire, at most one per plane, and have them in the journal; `subject`: what they fire at."""
    fired = world.faults.decide(exchange, stage, now, world.entropy)
    if fired:
        world.store.commit((), [_injected(armed, subject, exchange) for armed in fired], now)
    return fired


def _injected(armed: Armed, subject: Mapping[str, str], exchange: Exchange) -> Fact:
    data = {"rule": armed.id, "action": write_action(armed.rule.action), "endpoint": exchange.endpoint}
    # An order that is not made has no ID to be found by.
    names = exchange.identifiers if exchange.endpoint == "newOrder" else ()
    return Fact("FaultInjected", subject, {**data, "identifiers": [*names]} if names else data)


def claims(body: bytes) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return the protected header and the payload, unverified; empty when they cannot be read."""
    try:
        jws = load_json(body)
        header = load_json(b64url_decode(jws["protected"]))
    except (ValueError, TypeError, LookupError):
        return {}, {}
    try:
        payload = load_json(b64url_decode(jws["payload"]))
    except (ValueError, LookupError):
        payload = {}
    return (header if isinstance(header, dict) else {}), (payload if isinstance(payload, dict) else {})


def _stored(world: World, parameters: Mapping[str, str]) -> tuple[str, ...]:
    """Return the identifiers of the resource that is asked for."""
    order = world.store.get(Order, parameters.get("order", ""))
    certificate = world.store.get(Certificate, parameters.get("certificate", ""))
    authorization = world.store.get(Authorization, parameters.get("authorization", ""))
    if authorization is not None:
        return (authorization.covers.value,)
    holder = order or certificate or _named(world, parameters.get("certid"))
    return () if holder is None else tuple(identifier.value for identifier in holder.identifiers)


def _named(world: World, certid: str | None) -> Certificate | None:
    try:
        return None if certid is None else find_certificate(world.store, certid, "the path")
    except Problem:
        return None


def ordered(payload: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the identifiers that a new order asks for."""
    items = payload.get("identifiers")
    values = [item.get("value") for item in items if isinstance(item, dict)] if isinstance(items, list) else []
    return tuple(value.lower() for value in values if isinstance(value, str))
