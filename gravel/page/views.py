"""What the page shows of a world, as JSON: lists through windows, and one order or certificate whole. No secret is in it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from acme_server import authorizations, orders
from acme_server.accounts import Account
from acme_server.authorizations import Authorization
from acme_server.certificate_authority import pem
from acme_server.certificates import Certificate
from acme_server.orders import Order
from acme_server.protocol.encoding import b64url_decode, load_json
from acme_server.protocol.journal import Entry, Journal
from acme_server.protocol.status import AuthorizationStatus, ChallengeStatus, OrderStatus
from acme_server.protocol.times import rfc3339
from acme_server.store import ORDERS_BY_ACCOUNT, authorizations_of
from acme_server.world import World
from gravel.management.dns_endpoints import query_of
from gravel.management.resource_endpoints import certificate_of, order_of
from gravel.management.world_endpoints import Hosted
from gravel.page.subjects import Subjects
from gravel.page.windows import Window, shown

# Of an order's names and steps, and of the journal's entries, so many are in a list.
NAMES, STEPS, RECENT = 3, 24, 2000
_EXCERPT = 240


async def list_orders(hosted: Hosted, window: Window) -> dict[str, Any]:
    """The orders; `steps`: how far each authorization is."""
    world, now = hosted.world, hosted.driver.now()

    def text(order: Order) -> str:
        return " ".join((order.id, order.account_id, *(each.value for each in order.identifiers)))

    def status(order: Order) -> str:
        # All are counted: what is settled needs no look at its authorizations.
        if order.stage is not OrderStatus.PENDING:
            return order.stage
        return orders.status_of(order, authorizations_of(world.store, order), now)

    def row(order: Order) -> dict[str, Any]:
        rested_on = authorizations_of(world.store, order)
        error = orders.error_of(order, rested_on, now)
        return {
            **_named(order.id, order.identifiers),
            "account": order.account_id,
            "status": orders.status_of(order, rested_on, now),
            "steps": [_step(each, now) for each in rested_on[:STEPS]],
            "created": rfc3339(order.created),
            "error": error and str(error["detail"])[:_EXCERPT],
        }

    return await shown(world.store.all(Order), window, text, status, row)


async def list_certificates(hosted: Hosted, window: Window) -> dict[str, Any]:
    """The certificates: valid, expired or revoked."""
    now = hosted.driver.now()

    def text(record: Certificate) -> str:
        return " ".join((record.serial, record.account_id, *(each.value for each in record.identifiers)))

    def row(record: Certificate) -> dict[str, Any]:
        return {
            **_named(record.id, record.identifiers),
            "order": record.order_id,
            "serial": record.serial,
            "status": _standing(record, now),
            "not_before": rfc3339(record.not_before),
            "not_after": rfc3339(record.not_after),
        }

    return await shown(hosted.world.store.all(Certificate), window, text, lambda record: _standing(record, now), row)


async def list_accounts(hosted: Hosted, window: Window) -> dict[str, Any]:
    """The accounts; of an external account, its ID alone."""
    store = hosted.world.store

    def row(account: Account) -> dict[str, Any]:
        key = account.jwk
        return {
            "id": account.id,
            "status": account.status,
            "contact": list(account.contact),
            "created": rfc3339(account.created),
            "key": f"{key['kty']} {key.get('crv', '')}".strip(),
            "thumbprint": account.thumbprint,
            "external": account.binding and load_json(b64url_decode(account.binding["protected"])).get("kid"),
            "orders": len(store.find(ORDERS_BY_ACCOUNT, account.id)),
        }

    def text(account: Account) -> str:
        return " ".join((account.id, account.thumbprint, *account.contact))

    return await shown(store.all(Account), window, text, lambda account: account.status, row)


async def list_queries(hosted: Hosted, window: Window) -> dict[str, Any]:
    """What was asked of the DNS; the status is the RCODE."""
    asked = tuple(hosted.view.zone.history)
    return await shown(
        asked,
        window,
        lambda each: f"{each.name} {each.rtype}",
        lambda each: each.rcode,
        lambda each: {"id": each.number, **query_of(each)},
    )


async def list_names(hosted: Hosted, window: Window) -> dict[str, Any]:
    """What was written into the DNS, and what all other names have."""
    zone = hosted.view.zone
    names = await shown(
        tuple(zone.names())[::-1],
        window,
        lambda each: f"{each[0]} {each[1]}",
        lambda _: "",
        lambda each: {"id": each[0], "records": [[rtype, list(values)] for rtype, values in each[1].items()]},
    )
    return {
        **names,
        "serial": zone.serial,
        "defaults": list(zone.default_addresses),
        "nameservers": list(hosted.view.addresses),
    }


async def list_visits(hosted: Hosted, window: Window) -> dict[str, Any]:
    """What came to the http-01 and the tls-alpn-01 responder, whichever world it was about; the status is the answer's."""
    responders = hosted.view.exhibit.responders
    visits: list[dict[str, Any]] = [
        {
            "what": f"{visit.method} {visit.host}{visit.url}",
            "client": visit.user_agent,
            "over": "HTTPS" if visit.https else "HTTP",
            "status": str(status),
        }
        for visit, status in responders.site.history
    ]
    greetings: list[dict[str, Any]] = [
        {
            "what": f"TLS {greeted.server_name}",
            "client": " ".join(greeted.protocols),
            "over": "TLS",
            "status": greeted.alert.name.lower() if greeted.alert else "certificate",
        }
        for greeted in responders.tls.history
    ]
    listening = {"http01": responders.http01, "https01": responders.https01, "tls_alpn": responders.tls_alpn}
    numbered = [{"id": number, **each} for number, each in enumerate((*greetings, *visits))]
    found = await shown(
        numbered, window, lambda each: f"{each['what']} {each['client']}", lambda each: each["status"], dict
    )
    return {**found, "listening": listening}


async def list_facts(hosted: Hosted, window: Window) -> dict[str, Any]:
    """The last facts; the status is the house, and `total` counts all there ever were."""
    journal = hosted.world.journal
    listed = await shown(
        await recent(journal, RECENT),
        window,
        lambda each: f"{each.kind} {each.subject} {each.data}",
        lambda each: each.house,
        fact_of,
    )
    return {**listed, "total": len(journal)}


async def show_order(
    hosted: Hosted, subjects: Subjects, stage: Callable[[str], dict[str, Any] | None], order_id: str
) -> dict[str, Any] | None:
    """One order whole, None without; `facts` about it, `about`: the IDs of all that they are about.

    stage: where the scheduler has a challenge of the bridge, None for one that it does not know.
    """
    world = hosted.world
    order = world.store.get(Order, order_id)
    if order is None:
        return None
    for _ in subjects.steps():
        await asyncio.sleep(0)
    ids = (order.id, *order.authorization_ids)
    facts = subjects.about(*ids, *([order.certificate_id] if order.certificate_id else ()))
    keys = dict.fromkeys(fact.subject["challenge"] for fact in facts if fact.house == "scheduler")
    return {
        **order_of(world, order, hosted.driver.now()),
        "profile": order.profile,
        "replaces": order.replaces,
        "facts": [fact_of(fact) for fact in facts],
        "challenges": [found for key in keys if (found := stage(key))],
        "about": [*ids, *keys],
    }


def show_certificate(hosted: Hosted, certificate_id: str) -> dict[str, Any] | None:
    """Return one certificate with its chain, or None."""
    record = hosted.world.store.get(Certificate, certificate_id)
    if record is None:
        return None
    return {**certificate_of(hosted.world, record), "status": _standing(record, hosted.driver.now())}


def show_authority(world: World) -> dict[str, Any]:
    """Return the certificates of the authority, in PEM too: roots, what signs now, what signed before a rotation."""
    authority = world.authority
    signers = (
        *(("root", signer.certificate) for signer in authority.roots),
        *(("intermediate", signer.certificate) for signer in authority.intermediates),
        *(("retired", signer.certificate) for signer in authority.retired),
    )
    return {"certificates": [_signer(role, certificate) for role, certificate in signers]}


def fact_of(entry: Entry) -> dict[str, Any]:
    """Return an entry of the journal without its place in the chain."""
    return {
        "id": entry.seq,
        "at": entry.at,
        "house": entry.house,
        "kind": entry.kind,
        "subject": entry.subject,
        "data": entry.data,
    }


async def catch_up(journal: Journal) -> None:
    """Chain what nobody has read yet, a piece at a time, before it is read in one go."""
    for _ in journal.catch_up():
        await asyncio.sleep(0)


async def recent(journal: Journal, count: int) -> list[Entry]:
    """Return the last entries."""
    await catch_up(journal)
    entries: list[Entry] = []
    for piece in journal.pieces(max(len(journal) - count, journal.oldest - 1)):
        entries += piece
        await asyncio.sleep(0)
    return entries


def _named(record_id: str, identifiers: Iterable[Any]) -> dict[str, Any]:
    values = [each.value for each in identifiers]
    return {"id": record_id, "names": values[:NAMES], "further": max(len(values) - NAMES, 0)}


def _standing(record: Certificate, now: datetime) -> str:
    return "revoked" if record.revoked else "expired" if record.not_after < now else "valid"


def _step(record: Authorization, now: datetime) -> str:
    """Return the authorization's status; `processing` while the authority looks."""
    status = authorizations.status_of(record, now)
    looked_at = any(each.status is ChallengeStatus.PROCESSING for each in record.challenges)
    return "processing" if looked_at and status is AuthorizationStatus.PENDING else status


def _signer(role: str, certificate: x509.Certificate) -> dict[str, Any]:
    fingerprint = certificate.fingerprint(SHA256()).hex(":").upper()
    return {
        "id": fingerprint,
        "role": role,
        "subject": certificate.subject.rfc4514_string(),
        "not_before": rfc3339(certificate.not_valid_before_utc),
        "not_after": rfc3339(certificate.not_valid_after_utc),
        "pem": pem(certificate),
    }
