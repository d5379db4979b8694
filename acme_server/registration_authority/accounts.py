"""Commands on accounts: create or look up, update, deactivate (RFC 8555 section 7.3)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from acme_server import accounts
from acme_server.accounts import Account, check_active
from acme_server.protocol.journal import Fact
from acme_server.protocol.jwk import Jwk
from acme_server.protocol.problem import Problem, malformed
from acme_server.registration_authority import terms
from acme_server.registration_authority.contacts import parse_contacts
from acme_server.registration_authority.external_accounts import bound_by
from acme_server.registration_authority.outcome import Outcome
from acme_server.store import ACCOUNT_BY_THUMBPRINT
from acme_server.world import World


def new_account(world: World, jwk: Jwk, document: Mapping[str, Any], now: datetime) -> Outcome[Account]:
    """Create an account for a key, or return the one that has it, unchanged (section 7.3.1)."""
    only_existing = _flag(document, "onlyReturnExisting")
    agreed = _flag(document, "termsOfServiceAgreed")
    for existing in world.store.find(ACCOUNT_BY_THUMBPRINT, jwk.thumbprint):
        check_active(existing)
        return Outcome(existing)
    if only_existing:
        raise Problem("accountDoesNotExist", "no account has this key, and onlyReturnExisting asks not to create one")
    terms.check_new(world.settings, agreed=agreed)
    binding = bound_by(world, jwk, document)
    contact = parse_contacts(document.get("contact", []))
    account = Account(world.new_id(), jwk.thumbprint, jwk.members, now, contact, binding=binding)
    if agreed:
        account = accounts.agree(account, world.settings.terms_of_service)
    fact = Fact("AccountCreated", {"account": account.id}, {"contact": list(contact), "key_type": jwk.kind})
    return Outcome(account, (account,), (fact,))


def update_account(account: Account, document: Mapping[str, Any]) -> Outcome[Account]:
    """Replace contacts, deactivate, or both; other members are ignored (sections 7.3.2 and 7.3.6)."""
    updated = account
    facts: list[Fact] = []
    if "contact" in document:
        updated = accounts.update_contact(updated, parse_contacts(document["contact"]))
        facts.append(Fact("AccountUpdated", {"account": account.id}, {"contact": list(updated.contact)}))
    if document.get("status") == "deactivated":
        updated = accounts.deactivate(updated)
        facts.append(Fact("AccountDeactivated", {"account": account.id}))
    return Outcome(updated, (updated,) if facts else (), tuple(facts))


def _flag(document: Mapping[str, Any], name: str) -> bool:
    value = document.get(name, False)
    if not isinstance(value, bool):
        raise malformed(f"{name!r} is neither true nor false")
    return value
