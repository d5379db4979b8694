"""Certificates served wrong: the chain's parts in another order, or another leaf (RFC 8555 sections 7.4.2 and 11.4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from cryptography import x509

from acme_server import certificate_authority
from acme_server.certificates import Certificate
from acme_server.faults.wire_actions import CHAINS
from acme_server.protocol.identifier import Identifier
from acme_server.world import World

_DAY = timedelta(days=1)
_STRANGER = (Identifier("dns", "wrong.invalid"),)
# Not a key: its bytes say so. That a block of this kind is there at all is the fault.
_NO_KEY = "-----BEGIN PRIVATE KEY-----\nbm90IGEga2V5\n-----END PRIVATE KEY-----\n"


def served(world: World, record: Certificate, form: str, now: datetime) -> str:
    """Return the PEM that a fault serves in the place of a certificate's chain."""
    return _FORMS[form](world, record, now)


def _leaf(record: Certificate) -> x509.Certificate:
    return x509.load_pem_x509_certificate(record.leaf.encode("ascii"))


def _leaf_only(_: World, record: Certificate, __: datetime) -> str:
    return record.leaf


def _reversed(_: World, record: Certificate, __: datetime) -> str:
    return record.issuers + record.leaf


def _with_root(world: World, record: Certificate, _: datetime) -> str:
    return record.chain + world.authority.root_pem


def _with_key(_: World, record: Certificate, __: datetime) -> str:
    return _NO_KEY + record.chain


def _expired(world: World, record: Certificate, now: datetime) -> str:
    return _signed(world, record, not_before=now - 91 * _DAY, not_after=now - _DAY)


def _not_yet_valid(world: World, record: Certificate, now: datetime) -> str:
    return _signed(world, record, not_before=now + _DAY, not_after=now + 91 * _DAY)


def _wrong_key(world: World, record: Certificate, _: datetime) -> str:
    return _signed(world, record, public_key=world.authority.intermediate.public_key())


def _wrong_name(world: World, record: Certificate, _: datetime) -> str:
    return _signed(world, record, identifiers=_STRANGER)


def _signed(world: World, record: Certificate, **changes: Any) -> str:
    """Sign the leaf anew, with a difference; the serial number stays, and nothing is drawn."""
    leaf = _leaf(record)
    parts: dict[str, Any] = {
        "public_key": leaf.public_key(),
        "identifiers": record.identifiers,
        "serial": leaf.serial_number,
        "not_before": record.not_before,
        "not_after": record.not_after,
    }
    signed = certificate_authority.issue(world.authority, **{**parts, **changes})
    return certificate_authority.chain_pem(world.authority, signed)


_FORMS: Mapping[str, Callable[[World, Certificate, datetime], str]] = dict(
    zip(
        CHAINS,
        (_reversed, _leaf_only, _with_root, _with_key, _expired, _not_yet_valid, _wrong_key, _wrong_name),
        strict=True,
    )
)
