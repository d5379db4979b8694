"""Commands about renewal: which certificate an order replaces, and what renewal information says (RFC 9773)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import attrs

from acme_server import orders
from acme_server.accounts import Account
from acme_server.certificates import Certificate
from acme_server.orders import Order
from acme_server.protocol.identifier import Identifier
from acme_server.protocol.journal import Fact
from acme_server.protocol.problem import Problem, malformed, unauthorized
from acme_server.protocol.status import OrderStatus
from acme_server.registration_authority.outcome import Outcome
from acme_server.renewal_info import find_certificate
from acme_server.store import CERTIFICATE_BY_FINGERPRINT, Store, authorizations_of
from acme_server.world import World


def replaced_by(
    store: Store, account: Account, identifiers: Sequence[Identifier], document: Mapping[str, Any], now: datetime
) -> Certificate | None:
    """Return the certificate that a new order `replaces`, None when it names none; raise why it cannot (section 5)."""
    certid = document.get("replaces")
    if certid is None:
        return None
    if not isinstance(certid, str):
        raise malformed("'replaces' is not a string")
    certificate = find_certificate(store, certid, "'replaces'")
    if certificate.account_id != account.id:
        raise unauthorized("'replaces' names a certificate of another account")
    if not any(identifier in certificate.identifiers for identifier in identifiers):
        raise malformed("'replaces' names a certificate that shares no identifier with the order")
    if _is_replaced(store, certificate, now):
        raise Problem("alreadyReplaced", "'replaces' names a certificate that another order replaces already")
    return certificate


def set_renewal_info(world: World, der: bytes, response: str) -> Outcome[Certificate]:
    """Have a text served in the place of a certificate's renewal information; an empty one ends that.

    LookupError: the certificate was not issued here.
    """
    found = world.store.find(CERTIFICATE_BY_FINGERPRINT, hashlib.sha256(der).hexdigest())
    if not found:
        raise LookupError("the certificate was not issued here")
    changed = attrs.evolve(found[0], renewal_info=response or None)
    subject = {"account": changed.account_id, "certificate": changed.id}
    return Outcome(changed, (changed,), (Fact("RenewalInfoSet", subject, {"response": response}),))


def _is_replaced(store: Store, certificate: Certificate, now: datetime) -> bool:
    """An order that came to nothing replaces nothing."""
    order = None if certificate.replaced_by is None else store.get(Order, certificate.replaced_by)
    if order is None:
        return False
    return orders.status_of(order, authorizations_of(store, order), now) is not OrderStatus.INVALID
