"""Parsed account keys, kept so that a request costs one signature check and no key parsing."""

from __future__ import annotations

from acme_server.accounts import Account
from acme_server.protocol.jwk import Jwk, parse_jwk


class AccountKeys:
    """Bounded; by thumbprint, so that it never holds a key that an account no longer has."""

    def __init__(self, maximum: int = 10_000) -> None:
        self._maximum = maximum
        self._jwks: dict[str, Jwk] = {}

    def __len__(self) -> int:
        return len(self._jwks)

    def of(self, account: Account) -> Jwk:
        """Return the account's key, parsed at most once while it is remembered."""
        jwk = self._jwks.get(account.thumbprint)
        if jwk is None:
            jwk = parse_jwk(account.jwk)
            if len(self._jwks) >= self._maximum:
                del self._jwks[next(iter(self._jwks))]
            self._jwks[account.thumbprint] = jwk
        return jwk
