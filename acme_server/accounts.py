"""Accounts: who may ask for certificates (RFC 8555 section 7.1.2).

The record, and what may happen to it. Its key is kept as the canonical members
of the JWK; the parsed key lives in `acme_server.account_keys`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import attrs

from acme_server.protocol.problem import unauthorized
from acme_server.protocol.status import ACCOUNT, AccountStatus, move


@attrs.frozen
class Account:
    """A key holder; `thumbprint` (RFC 7638) tells accounts apart, so that no two share a key."""

    id: str
    thumbprint: str = attrs.field(repr=False)
    jwk: Mapping[str, str] = attrs.field(repr=False)
    created: datetime
    contact: tuple[str, ...] = ()
    terms_agreed: bool = False
    status: AccountStatus = AccountStatus.VALID
    version: int = 0


def update_contact(account: Account, contact: tuple[str, ...]) -> Account:
    """Replace the contacts (section 7.3.2)."""
    return attrs.evolve(account, contact=contact)


def deactivate(account: Account) -> Account:
    """Close the account for good (section 7.3.6)."""
    return attrs.evolve(account, status=move(ACCOUNT, account.status, "deactivate"))


def check_active(account: Account) -> None:
    """Raise unauthorized, with 401, for an account that is not valid any more (section 7.3.6)."""
    if account.status is not AccountStatus.VALID:
        raise unauthorized(f"the account is {account.status}", status=401)
