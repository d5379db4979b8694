"""The management API's view of ACME resources: every order and every certificate of a world, of all accounts.

What clients see of them is `acme_server.resources`; here a test sees the whole
of it in one answer, errors and revocation included.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from aiohttp import web

from acme_server import authorizations, orders
from acme_server.authorizations import Authorization
from acme_server.certificates import Certificate
from acme_server.orders import Order
from acme_server.protocol.times import rfc3339
from acme_server.world import World
from gravel.management.operation import array, described, members
from gravel.management.schemas import CERTIFICATE, ORDER
from gravel.management.world_endpoints import Endpoint, Hosted


@described(answers={200: members({"orders": array(ORDER)})})
async def list_orders(hosted: Hosted, _: web.Request) -> web.Response:
    """The orders, oldest first, with their authorizations and challenges."""
    world, now = hosted.world, hosted.driver.now()
    return web.json_response({"orders": [order_of(world, each, now) for each in world.store.all(Order)]})


@described(answers={200: members({"certificates": array(CERTIFICATE)})})
async def list_certificates(hosted: Hosted, _: web.Request) -> web.Response:
    """The certificates, oldest first, with their chains."""
    world = hosted.world
    return web.json_response({"certificates": [certificate_of(world, each) for each in world.store.all(Certificate)]})


def order_of(world: World, record: Order, now: datetime) -> dict[str, Any]:
    """Return an order as JSON, with its authorizations and challenges."""
    found = [world.store.get(Authorization, each) for each in record.authorization_ids]
    rested_on = [each for each in found if each is not None]
    return {
        "id": record.id,
        "url": world.links.order(record.id),
        "account": record.account_id,
        "identifiers": [each.value for each in record.identifiers],
        "status": orders.status_of(record, rested_on, now),
        "error": orders.error_of(record, rested_on, now),
        "created": rfc3339(record.created),
        "expires": rfc3339(record.expires),
        "authorizations": [_authorization(each, now) for each in rested_on],
        "certificate": record.certificate_id,
    }


def _authorization(record: Authorization, now: datetime) -> dict[str, Any]:
    return {
        "id": record.id,
        "identifier": record.covers.value,
        "status": authorizations.status_of(record, now),
        "expires": rfc3339(record.expires),
        "challenges": [
            {
                "type": each.type,
                "status": each.status,
                "token": each.token,
                "error": each.error,
                "validationRecord": each.record,
            }
            for each in record.challenges
        ],
    }


def certificate_of(world: World, record: Certificate) -> dict[str, Any]:
    """Return a certificate as JSON, with its chain."""
    return {
        "id": record.id,
        "url": world.links.certificate(record.id),
        "account": record.account_id,
        "order": record.order_id,
        "identifiers": [each.value for each in record.identifiers],
        "serial": record.serial,
        "not_before": rfc3339(record.not_before),
        "not_after": rfc3339(record.not_after),
        "revoked": record.revoked and rfc3339(record.revoked),
        "reason": record.reason,
        "chain": record.chain,
    }


RESOURCE_ENDPOINTS: Mapping[tuple[str, str], Endpoint] = {
    ("GET", "/orders"): list_orders,
    ("GET", "/certificates"): list_certificates,
}
