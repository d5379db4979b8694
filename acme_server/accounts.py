"""Accounts: who may ask for certificates (RFC 8555 section 7.1.2).

The record, and what may happen to it. Its key is kept as the canonical members
of the JWK; the parsed key lives in `acme_server.account_keys`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import attrs

from acme_server.protocol.jwk import Jwk
from acme_server.protocol.problem import unauthorized
from acme_server.protocol.status import ACCOUNT, AccountStatus, move


@attrs.frozen
class Account:
    """A key holder; `thumbprint` (RFC 7638) tells accounts apart, so that no two share a key.

    terms: URL of the terms of service that were agreed to last; binding: the
    JWS that names its external account, verified (section 7.3.4).
    """

    id: str
    thumbprint: str = attrs.field(repr=False)
    jwk: Mapping[str, str] = attrs.field(repr=False)
    created: datetime
    contact: tuple[str, ...] = ()
    terms_agreed: bool = False
    terms: str | None = None
    binding: Mapping[str, str] | None = attrs.field(default=None, repr=False)
    status: AccountStatus = AccountStatus.VALID
    version: int = 0


def update_contact(account: Account, contact: tuple[str, ...]) -> Account:
    """Replace the contacts (section 7.3.2)."""
    return attrs.evolve(account, contact=contact)


def change_key(account: Account, jwk: Jwk) -> Account:
    """Swap the key (section 7.3.5)."""
    return attrs.evolve(account, thumbprint=jwk.thumbprint, jwk=jwk.members)


def agree(account: Account, terms: str | None) -> Account:
    """Agree to terms of service (section 7.3.3)."""
    return attrs.evolve(account, terms_agreed=True, terms=terms)


def deactivate(account: Account) -> Account:
    """Close the account for good (section 7.3.6)."""
    return attrs.evolve(account, status=move(ACCOUNT, account.status, "deactivate"))


def check_active(account: Account) -> None:
    """Raise unauthorized, with 401, for an account that is not valid any more (section 7.3.6)."""
    if account.status is not AccountStatus.VALID:
        raise unauthorized(f"the account is {account.status}", status=401)
