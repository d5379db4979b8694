"""Commands on orders: create one with its authorizations, or an authorization ahead of any (RFC 8555 section 7.4)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import attrs

from acme_server.accounts import Account
from acme_server.authorizations import Authorization, Challenge
from acme_server.authorizations import status_of as authorization_status
from acme_server.certificates import Certificate
from acme_server.chance import lucky
from acme_server.orders import Order, status_of
from acme_server.profiles import chosen
from acme_server.protocol.identifier import Identifier, parse_identifier
from acme_server.protocol.journal import Fact
from acme_server.protocol.problem import Problem, malformed
from acme_server.protocol.status import AuthorizationStatus, OrderStatus
from acme_server.protocol.times import rfc3339
from acme_server.registration_authority.name_policy import check_names, together
from acme_server.registration_authority.outcome import Outcome
from acme_server.registration_authority.renewal import replaced_by
from acme_server.registration_authority.terms import check_current
from acme_server.registration_authority.validity import parse_validity
from acme_server.settings import DNS_PERSIST
from acme_server.store import AUTHORIZATIONS_BY_CLAIM, ORDERS_BY_ACCOUNT, Record, authorizations_of, claim
from acme_server.world import World

_DNS_CHALLENGES = ("dns-01", "dns-account-01", DNS_PERSIST)
# What proves control of a name, of all names below it (RFC 8555 section 8), of an address (RFC 8738 section 7).
CHALLENGES: Mapping[str, tuple[str, ...]] = {
    "a name": ("http-01", "tls-alpn-01", *_DNS_CHALLENGES),
    "a wildcard": _DNS_CHALLENGES,
    "an address": ("http-01", "tls-alpn-01"),
}


def new_order(world: World, account: Account, document: Mapping[str, Any], now: datetime) -> Outcome[Order]:
    """Create an order and a pending authorization for each of its identifiers, as far as none is taken over."""
    check_current(world, account)
    identifiers = parse_identifiers(document.get("identifiers"), world.settings.max_identifiers)
    check_names(identifiers, world.settings)
    profile = chosen(world.settings.profiles, document)
    not_before, not_after = parse_validity(document, world.settings, profile, now)
    replaced = replaced_by(world.store, account, identifiers, document, now)
    if world.settings.order_reuse and replaced is None:
        wanted = {*identifiers}, not_before, not_after, None, profile.name
        for unfinished in _unfinished(world, account, now):
            dates = unfinished.not_before, unfinished.not_after
            found = {*unfinished.identifiers}, *dates, unfinished.replaces, unfinished.profile
            if found == wanted:
                return Outcome(unfinished, (), (Fact("OrderReused", _subject(unfinished)),))
    authorizations = [
        _valid_authorization(world, account, identifier, now) or _new_authorization(world, account, identifier, now)
        for identifier in identifiers
    ]
    taken_over = [authorization for authorization in authorizations if authorization.version > 0]
    # A certificate that ended before it was issued is of no use: neither is its order.
    ends = [now + world.settings.order_lifetime, *(authorization.expires for authorization in taken_over)]
    order = Order(
        id=world.new_id(),
        account_id=account.id,
        identifiers=identifiers,
        authorization_ids=tuple(authorization.id for authorization in authorizations),
        created=now,
        expires=min(ends) if not_after is None else min(*ends, not_after),
        not_before=not_before,
        not_after=not_after,
        replaces=document["replaces"] if replaced else None,
        profile=profile.name,
    )
    changes: list[Record] = [authorization for authorization in authorizations if authorization.version == 0]
    changes.append(order)
    if replaced is not None:
        changes.append(attrs.evolve(replaced, replaced_by=order.id))
    return Outcome(order, tuple(changes), (_order_created(order, taken_over, replaced),))


def new_authorization(
    world: World, account: Account, document: Mapping[str, Any], now: datetime
) -> Outcome[Authorization]:
    """Create a pending authorization that later orders take over once it is valid (section 7.4.1)."""
    check_current(world, account)
    (identifier,) = parse_identifiers([document.get("identifier")], 1)
    if identifier.wildcard:
        raise malformed("an authorization ahead of an order is for a name as it is; order the wildcard")
    check_names((identifier,), world.settings)
    authorization = attrs.evolve(_new_authorization(world, account, identifier, now), ahead=True)
    subject = {"account": account.id, "authorization": authorization.id}
    data = {"identifier": identifier.value, "expires": rfc3339(authorization.expires)}
    return Outcome(authorization, (authorization,), (Fact("AuthorizationCreated", subject, data),))


def parse_identifiers(value: Any, maximum: int) -> tuple[Identifier, ...]:
    """Read `identifiers`, without repetitions; all that are wrong are named at once (section 6.7.1)."""
    if not isinstance(value, list) or not value:
        raise malformed("'identifiers' is not an array with at least one identifier")
    if len(value) > maximum:
        raise malformed(f"{len(value)} identifiers were given; the maximum is {maximum}")
    identifiers: dict[Identifier, None] = {}
    problems: list[Problem] = []
    for item in value:
        try:
            identifiers[parse_identifier(item)] = None
        except Problem as problem:
            problems.append(problem)
    if problems:
        raise together(problems)
    return tuple(identifiers)


def _unfinished(world: World, account: Account, now: datetime) -> Iterator[Order]:
    """Yield the account's orders that can still be finalized."""
    for order in world.store.find(ORDERS_BY_ACCOUNT, account.id):
        left = order.stage is OrderStatus.PENDING
        if left and status_of(order, authorizations_of(world.store, order), now) is not OrderStatus.INVALID:
            yield order


def _valid_authorization(world: World, account: Account, identifier: Identifier, now: datetime) -> Authorization | None:
    """Return the newest that was asked for ahead; else the newest, as often as the settings want one taken over."""
    if ahead := _newest_valid(world, claim(account.id, identifier, ahead=True), now):
        return ahead
    probability = world.settings.authorization_reuse
    if probability <= 0.0:
        return None
    newest = _newest_valid(world, claim(account.id, identifier), now)
    return newest if newest and lucky(probability, world.entropy) else None


def _newest_valid(world: World, key: str, now: datetime) -> Authorization | None:
    found = reversed(world.store.find(AUTHORIZATIONS_BY_CLAIM, key))
    return next((each for each in found if authorization_status(each, now) is AuthorizationStatus.VALID), None)


def _new_authorization(world: World, account: Account, identifier: Identifier, now: datetime) -> Authorization:
    return Authorization(
        id=world.new_id(),
        account_id=account.id,
        identifier=identifier.base,
        wildcard=identifier.wildcard,
        challenges=_challenges(world, identifier),
        created=now,
        expires=now + world.settings.pending_authorization_lifetime,
    )


def _challenges(world: World, identifier: Identifier) -> tuple[Challenge, ...]:
    of = "an address" if identifier.type == "ip" else "a wildcard" if identifier.wildcard else "a name"
    types = [each for each in world.settings.challenge_types if each in CHALLENGES[of]]
    if not types:
        extra = {"identifier": identifier.to_json()}
        detail = f"no challenge is offered here that proves control of {of}"
        raise together([Problem("rejectedIdentifier", detail, extra=extra)])
    issuers = world.settings.caa_identities
    return tuple(Challenge(each, world.new_id(), issuers=issuers if each == DNS_PERSIST else ()) for each in types)


def _order_created(order: Order, taken_over: Sequence[Authorization], replaced: Certificate | None) -> Fact:
    data: dict[str, Any] = {
        "identifiers": [identifier.value for identifier in order.identifiers],
        "authorizations": list(order.authorization_ids),
        "expires": rfc3339(order.expires),
    }
    for name, moment in (("not_before", order.not_before), ("not_after", order.not_after)):
        if moment is not None:
            data[name] = rfc3339(moment)
    if taken_over:
        data["taken_over"] = [authorization.id for authorization in taken_over]
    if replaced is not None:
        data["replaces"] = replaced.id
    return Fact("OrderCreated", _subject(order), data)


def _subject(order: Order) -> dict[str, str]:
    return {"account": order.account_id, "order": order.id}
