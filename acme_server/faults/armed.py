"""The armed rules of one world, and which of them an exchange trips.

In each plane of a stage the first rule that fires wins, in the order of
arming. Every rule counts the exchanges that match it, also those that another
rule has taken; `nth` and `every` mean that count. A draw for `probability` is
made only by a rule that would fire otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any

import attrs

from acme_server.chance import lucky
from acme_server.faults.action import PLACES, Action, Plane, Stage
from acme_server.faults.rule import Rule, write_rule
from acme_server.protocol.driver import Entropy
from acme_server.protocol.problem import PREFIX


@attrs.frozen
class Exchange:
    """What rules look at: one request to a known endpoint, and the problem it was answered with, if it was.

    Of a query to the DNS: rtype: its type. server: all that the nameserver, or the CA, is called.
    """

    endpoint: str
    method: str = "POST"
    account: str | None = None
    identifiers: tuple[str, ...] = ()
    headers: Mapping[str, str] = attrs.field(factory=dict)
    problem: str | None = None
    rtype: str | None = None
    server: tuple[str, ...] = ()


@attrs.define
class Armed:
    """A rule at work. seen: exchanges that matched; hits: how often it fired; seed: drawn by actions that repeat."""

    rule: Rule
    since: datetime | None
    until: datetime | None
    seen: int = 0
    hits: int = 0
    seed: bytes = b""

    @property
    def id(self) -> str:
        """The rule's ID; arming gives one to a rule without."""
        assert self.rule.id is not None
        return self.rule.id

    def to_json(self) -> dict[str, Any]:
        """Return the rule with its counters."""
        return {**write_rule(self.rule), "seen": self.seen, "hits": self.hits}


class Faults:
    """Rules by ID, in the order of arming; empty, and then free, until a test arms one."""

    def __init__(self) -> None:
        self.armed: dict[str, Armed] = {}
        self.heard: Callable[[], None] | None = None
        """Called when a rule is armed: for those who would otherwise look in vain all the time."""
        self._given = 0

    def copy(self) -> Faults:
        """Return the same rules with counters of their own, which nobody hears of."""
        copied = Faults()
        copied.armed, copied._given = deepcopy(self.armed), self._given
        return copied

    def arm(self, rule: Rule, now: datetime) -> Armed:
        """Put a rule to work from now on; one with the same ID is replaced, and its counters with it."""
        if rule.id is None:
            rule = attrs.evolve(rule, id=self._new_id())
        armed = Armed(rule, _moment(rule.when.since, now), _moment(rule.when.until, now))
        self.armed[armed.id] = armed
        if self.heard is not None:
            self.heard()
        return armed

    def disarm(self, rule_id: str) -> bool:
        """Take a rule away; False when there is none of that ID."""
        return self.armed.pop(rule_id, None) is not None

    def clear(self) -> None:
        """Take all rules away."""
        self.armed.clear()

    def decide(self, exchange: Exchange, stage: Stage, now: datetime, entropy: Entropy) -> tuple[Armed, ...]:
        """Return the rules that fire now, at most one per plane, in the order of the planes."""
        fired: dict[Plane, Armed] = {}
        for armed in self.armed.values():
            if armed.rule.stage is not stage or not matches(armed.rule, exchange):
                continue
            armed.seen += 1
            plane = armed.rule.action.plane
            if plane not in fired and _due(armed, now) and lucky(armed.rule.when.probability, entropy):
                armed.hits += 1
                fired[plane] = armed
        return tuple(fired[plane] for plane in Plane if plane in fired)

    def standing(self, exchange: Exchange, now: datetime) -> Action | None:
        """Return the action that every such exchange suffers now: a rule that counts or draws is not asked."""
        for armed in self.armed.values():
            match, when = armed.rule.match, armed.rule.when
            steady = match.nth is None and match.every == 1 and when.count is None and when.probability == 1.0
            if steady and matches(armed.rule, exchange) and _due(armed, now):
                return armed.rule.action
        return None

    def _new_id(self) -> str:
        while True:
            self._given += 1
            if (name := f"rule-{self._given}") not in self.armed:
                return name


def matches(rule: Rule, exchange: Exchange) -> bool:
    """Say whether an exchange is of the kind that a rule is about, counting left aside."""
    match = rule.match
    if exchange.endpoint not in rule.endpoints if rule.endpoints else exchange.endpoint in PLACES:
        return False
    if rule.action.only_posts and exchange.method != "POST":
        return False
    if match.account is not None and match.account != exchange.account:
        return False
    if match.problem is not None and match.problem.removeprefix(PREFIX) != exchange.problem:
        return False
    if match.identifier is not None and not _any_fits(exchange.identifiers, match.identifier.lower()):
        return False
    if match.type and exchange.rtype not in match.type:
        return False
    if match.server is not None and not _any_fits(exchange.server, match.server.lower()):
        return False
    headers = exchange.headers
    return all(name in headers and fnmatchcase(headers[name], glob) for name, glob in match.header.items())


def _any_fits(identifiers: tuple[str, ...], glob: str) -> bool:
    return any(fnmatchcase(identifier, glob) for identifier in identifiers)


def _due(armed: Armed, now: datetime) -> bool:
    match, when = armed.rule.match, armed.rule.when
    if match.nth is not None and armed.seen != match.nth:
        return False
    if armed.seen % match.every:
        return False
    if when.count is not None and armed.hits >= when.count:
        return False
    return (armed.since is None or now >= armed.since) and (armed.until is None or now < armed.until)


def _moment(value: datetime | float | None, now: datetime) -> datetime | None:
    return now + timedelta(seconds=value) if isinstance(value, float) else value
