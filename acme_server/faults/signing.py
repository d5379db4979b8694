"""Faults where a CA signs: which one a signature meets, and what the server's own CA is to an order under it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import attrs

from acme_server.ca_keys import SEEDED
from acme_server.certificate_authority import CertificateAuthority
from acme_server.faults.action import SIGNING, Action, Stage
from acme_server.faults.armed import Exchange
from acme_server.faults.injection import tripped
from acme_server.faults.inner_actions import CorruptKey, RevokedCa
from acme_server.orders import Order
from acme_server.signers import signer_of
from acme_server.world import World

ACME = "acme"
# When the server asks again for a signer that is away.
RETRY = timedelta(seconds=5)


def exchange(signer: str, identifiers: Iterable[str] = (), account: str | None = None) -> Exchange:
    """Return a signature as rules see it."""
    return Exchange(SIGNING, "SIGN", account, tuple(identifiers), server=(signer,))


def tripped_signing(world: World, found: Exchange, subject: Mapping[str, str], now: datetime) -> Action | None:
    """Return what becomes of a signature, and have it in the journal; None: all is well."""
    if not world.faults.armed:
        return None
    fired = tripped(world, found, Stage.BEFORE, subject, now)
    return fired[0].rule.action if fired else None


def tripped_order(world: World, order: Order, now: datetime) -> Action | None:
    """Return what becomes of the signature that an order waits for."""
    identifiers = (identifier.value for identifier in order.identifiers)
    subject = {"account": order.account_id, "order": order.id}
    return tripped_signing(world, exchange(ACME, identifiers, order.account_id), subject, now)


def authority_under(action: Action | None, ca: CertificateAuthority) -> CertificateAuthority:
    """Return the CA as a fault has it, which then refuses by itself: its issuer revoked, or with a stranger's key."""
    if isinstance(action, RevokedCa):
        return attrs.evolve(ca, revoked=True)
    if not isinstance(action, CorruptKey):
        return ca
    spoiled = signer_of(ca.issuer.certificate, SEEDED["P-256"](lambda size: bytes(range(size))))
    if not ca.intermediates:
        return attrs.evolve(ca, roots=(spoiled, *ca.roots[1:]))
    return attrs.evolve(ca, intermediates=(spoiled, *ca.intermediates[1:]))
