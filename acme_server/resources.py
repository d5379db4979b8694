"""What the wire shows of each record (RFC 8555 section 7.1)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape
from typing import Any, TypeAlias

from acme_server import authorizations as authorization_records
from acme_server import orders as order_records
from acme_server.accounts import Account
from acme_server.authorizations import Authorization
from acme_server.certificates import Certificate
from acme_server.links import Links
from acme_server.orders import Order
from acme_server.protocol.status import AuthorizationStatus, ChallengeStatus, OrderStatus
from acme_server.protocol.times import rfc3339
from acme_server.renewal_info import suggested_window
from acme_server.settings import Settings

Document: TypeAlias = dict[str, Any]
_PAGE = "<!DOCTYPE html>\n<html><head><title>Terms of service</title></head><body><p>{}</p><p>{}</p></body></html>\n"
_AGREE = '<form method="post"><button>I agree</button></form>'


def directory(links: Links, settings: Settings) -> Document:
    """Section 7.1.1 and RFC 9773 section 3; only what is there is named."""
    document: Document = {
        "newNonce": links.new_nonce,
        "newAccount": links.new_account,
        "newOrder": links.new_order,
        "revokeCert": links.revoke_certificate,
        "keyChange": links.key_change,
        "renewalInfo": links.renewal_info,
    }
    if settings.pre_authorization:
        document["newAuthz"] = links.new_authorization
    meta: Document = {}
    if settings.terms_of_service:
        meta["termsOfService"] = settings.terms_of_service
    if settings.website:
        meta["website"] = settings.website
    if settings.caa_identities:
        meta["caaIdentities"] = list(settings.caa_identities)
    if settings.external_account_required:
        meta["externalAccountRequired"] = True
    meta["profiles"] = {profile.name: profile.description for profile in settings.profiles}
    document["meta"] = meta
    return document


def account(links: Links, record: Account) -> Document:
    """Section 7.1.2."""
    document: Document = {"status": record.status, "contact": list(record.contact), "orders": links.orders(record.id)}
    if record.terms_agreed:
        document["termsOfServiceAgreed"] = True
    if record.binding is not None:
        document["externalAccountBinding"] = dict(record.binding)
    return document


def terms_page(record: Account, terms: str | None) -> str:
    """Section 7.3.3: the page, with its button for who has not agreed yet."""
    if not terms:
        return _PAGE.format("There are no terms of service.", "")
    link = f'The terms of service are at <a href="{escape(terms)}">{escape(terms)}</a>.'
    return _PAGE.format(link, "You have agreed to them." if record.terms == terms else _AGREE)


def orders(links: Links, records: Iterable[Order]) -> Document:
    """Section 7.1.2.1, one page of it."""
    return {"orders": [links.order(record.id) for record in records]}


def order(links: Links, record: Order, authorizations: Sequence[Authorization], now: datetime) -> Document:
    """Section 7.1.3; RFC 9773 section 5."""
    status = order_records.status_of(record, authorizations, now)
    document: Document = {
        "status": status,
        "expires": rfc3339(record.expires),
        "identifiers": [identifier.to_json() for identifier in record.identifiers],
        "authorizations": [links.authorization(item) for item in record.authorization_ids],
        "finalize": links.finalize(record.id),
    }
    if record.not_before is not None:
        document["notBefore"] = rfc3339(record.not_before)
    if record.not_after is not None:
        document["notAfter"] = rfc3339(record.not_after)
    if record.profile is not None:
        document["profile"] = record.profile
    if record.replaces is not None:
        document["replaces"] = record.replaces
    if record.certificate_id is not None:
        document["certificate"] = links.certificate(record.certificate_id)
    if status is OrderStatus.INVALID:
        document["error"] = order_records.error_of(record, authorizations, now)
    return document


def authorization(links: Links, record: Authorization, now: datetime) -> Document:
    """Section 7.1.4: once it is decided, only the challenges that decided it are shown."""
    indexes: Sequence[int] = range(len(record.challenges))
    if record.status is not AuthorizationStatus.PENDING:
        final = (ChallengeStatus.VALID, ChallengeStatus.INVALID)
        indexes = [index for index in indexes if record.challenges[index].status in final] or indexes
    document: Document = {
        "status": authorization_records.status_of(record, now),
        "expires": rfc3339(record.expires),
        "identifier": record.identifier.to_json(),
        "challenges": [challenge(links, record, index) for index in indexes],
    }
    if record.wildcard:
        document["wildcard"] = True
    return document


def challenge(links: Links, record: Authorization, index: int) -> Document:
    """Sections 7.1.5 and 8."""
    item = record.challenges[index]
    document: Document = {
        "type": item.type,
        "url": links.challenge(record.id, index),
        "status": item.status,
    }
    if item.issuers:
        document["accounturi"] = links.account(record.account_id)
        document["issuer-domain-names"] = list(item.issuers)
    else:
        document["token"] = item.token
    if item.validated is not None:
        document["validated"] = rfc3339(item.validated)
    if item.error is not None:
        document["error"] = item.error
    return document


def renewal_info(record: Certificate, now: datetime) -> Document:
    """RFC 9773 section 4.2."""
    start, end = suggested_window(record, now)
    return {"suggestedWindow": {"start": rfc3339(start), "end": rfc3339(end)}}
