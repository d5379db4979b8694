"""A rule: which exchanges, what happens to them, and when.

In JSON: `{"id", "match": {...}, "action": KIND or {"kind": KIND, ...}, "when": {...}}`;
only the action is wanted. An unknown member is an error that names the nearest.
"""

# ruff: noqa: RUF009 - `member` declares, as attrs.field does.
from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

from acme_server.faults.action import DNS, PLACES, Action, Stage
from acme_server.faults.actions import ACTIONS, read_action, write_action
from acme_server.faults.reading import (
    integer,
    member,
    moment,
    nearest,
    number,
    read_value,
    record_type,
    text,
    text_mapping,
    texts,
    word_of,
    write_value,
)

# The front end's patterns, by the name of each: the directory's own where it has one (RFC 8555 section 7.1.1).
ENDPOINTS: Mapping[str, str] = {
    "directory": "/dir",
    "newNonce": "/nonce",
    "newAccount": "/new-account",
    "newAuthz": "/new-authz",
    "newOrder": "/new-order",
    "keyChange": "/key-change",
    "revokeCert": "/revoke-cert",
    "account": "/account/{account}",
    "orders": "/account/{account}/orders",
    "ordersPage": "/account/{account}/orders/{after}",
    "terms": "/terms/{account}",
    "order": "/order/{order}",
    "finalize": "/order/{order}/finalize",
    "authorization": "/authz/{authorization}",
    "challenge": "/chall/{authorization}/{index}",
    "certificate": "/cert/{certificate}",
    "alternate": "/cert/{certificate}/alternate/{number}",
    "issuer": "/issuer/{signer}",
    "revocationList": "/crl/{signer}",
    "renewalInfo": "/renewal-info/{certid}",
}
NAME_OF: Mapping[str, str] = {pattern: name for name, pattern in ENDPOINTS.items()}
_ID_SIZE = 64
# Members of a match that a request has not.
_OF_PLACES = ("type", "server")


@attrs.frozen
class Match:
    """Which exchanges; every member narrows.

    endpoint: any of these; account: its ID; identifier: a glob that one of
    the identifiers fits, or the name of a query; header: globs of request
    headers; problem: the type of the problem that the server itself answers
    with (`after` only); type: of a query, any of these; server: a glob of the
    nameserver's address, HOST:PORT or name, or of the CA's name; nth: only the nth exchange that
    fits all else; every: each nth of them.
    """

    endpoint: tuple[str, ...] = member(texts(word_of((*ENDPOINTS, *PLACES))), ())
    account: str | None = member(text, None)
    identifier: str | None = member(text, None)
    header: Mapping[str, str] = member(text_mapping, attrs.Factory(dict))
    problem: str | None = member(text, None)
    type: tuple[str, ...] = member(texts(record_type), ())
    server: str | None = member(text, None)
    nth: int | None = member(integer(1), None)
    every: int = member(integer(1), 1)


@attrs.frozen
class When:
    """How often, how long, and in which stage.

    probability: of each exchange that matches; count: at most so many times;
    since, until: RFC 3339 moments of the world, or seconds after arming;
    stage: None leaves it to the action.
    """

    probability: float = member(number(0.0, 1.0), 1.0)
    count: int | None = member(integer(1), None)
    since: datetime | float | None = member(moment, None, "from")
    until: datetime | float | None = member(moment, None)
    stage: str | None = member(word_of(("before", "after")), None)


@attrs.frozen
class Rule:
    """Match x action x when; what cannot be is refused here."""

    action: Action
    match: Match = Match()
    when: When = When()
    id: str | None = None

    def __attrs_post_init__(self) -> None:
        kind, home = self.action.kind, self.action.endpoints
        self._check_side()
        strangers = [name for name in self.match.endpoint if home and name not in home]
        if strangers:
            raise ValueError(f"{kind!r} cannot happen at {strangers[0]!r}, only at {', '.join(home)}")
        if self.stage not in self.action.stages:
            raise ValueError(
                f"{kind!r} is never {self.stage.value!r} the command, only {self.action.stages[0].value!r}"
            )
        if self.match.problem is not None and self.stage is Stage.BEFORE:
            raise ValueError(f"'problem' is known only afterwards, and {kind!r} acts before")

    def _check_side(self) -> None:
        """Refuse what mixes requests to the ACME server with what happens elsewhere."""
        place = next((name for name in self.endpoints if name in PLACES), None)
        if place and not self.action.happens_at(place):
            kinds = (kind for kind, action in ACTIONS.items() if action.happens_at(place))
            raise ValueError(f"{self.action.kind!r} cannot happen at {place!r}; there happen {', '.join(kinds)}")
        if place and len(self.match.endpoint) > 1:
            raise ValueError(f"{place!r} stands alone among the endpoints")
        for name in PLACES[place] if place else _OF_PLACES:
            if getattr(self.match, name):
                raise ValueError(
                    f"{name!r} is nothing that {'a query' if place == DNS else f'an exchange at {place!r}'} has"
                    if place
                    else f"{name!r} is a query's; its endpoint is {DNS!r}"
                )

    @property
    def stage(self) -> Stage:
        """When the action acts."""
        return self.action.stages[0] if self.when.stage is None else Stage(self.when.stage)

    @property
    def endpoints(self) -> tuple[str, ...]:
        """Where it may fire; empty: everywhere."""
        return self.match.endpoint or self.action.endpoints


def read_rule(document: Any) -> Rule:
    """Read one rule; ValueError says what is wrong with it."""
    if not isinstance(document, Mapping):
        raise ValueError("a rule is an object")
    known = ("id", "match", "action", "when")
    for key in document:
        if key not in known:
            raise ValueError(f"a rule has no member {str(key)!r}; the nearest is {nearest(str(key), known)!r}")
    if "action" not in document:
        raise ValueError("a rule needs 'action'")
    return Rule(
        read_action(document["action"]),
        read_value(Match, document.get("match", {}), "match"),
        read_value(When, document.get("when", {}), "when"),
        _read_id(document.get("id")),
    )


def write_rule(rule: Rule) -> dict[str, Any]:
    """Return the object that `read_rule` reads."""
    document: dict[str, Any] = {} if rule.id is None else {"id": rule.id}
    if match := write_value(rule.match):
        document["match"] = match
    document["action"] = write_action(rule.action)
    if when := write_value(rule.when):
        document["when"] = when
    return document


def _read_id(value: Any) -> str | None:
    if value is None:
        return None
    fits = isinstance(value, str) and 0 < len(value) <= _ID_SIZE and value.replace("-", "").replace("_", "").isalnum()
    if not fits or not value.isascii():
        raise ValueError(f"'id' is not 1 to {_ID_SIZE} letters, digits, '-' and '_'")
    return str(value)
