"""The command that gives an account another key (RFC 8555 section 7.3.5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from acme_server import accounts
from acme_server.accounts import Account
from acme_server.protocol.jose import Jws, jws_from, load_object, verify
from acme_server.protocol.journal import Fact
from acme_server.protocol.jwk import Jwk, parse_jwk
from acme_server.protocol.problem import Problem, malformed
from acme_server.registration_authority.outcome import Outcome
from acme_server.store import ACCOUNT_BY_THUMBPRINT
from acme_server.world import World


def change_key(world: World, account: Account, document: Mapping[str, Any]) -> Outcome[Account]:
    """Swap the key for that which signed the inner JWS; orders and authorizations stay as they are."""
    jws = jws_from(document, "inner JWS")
    new = _verified(jws)
    wanted = load_object(jws.payload, "inner JWS payload")
    if jws.header.get("url") != world.links.key_change:
        raise malformed(f"the inner JWS has another 'url' than the request, {world.links.key_change!r}")
    if "nonce" in jws.header:
        raise malformed("the inner JWS has a 'nonce'")
    if wanted.get("account") != world.links.account(account.id):
        raise malformed("'account' is not the account that signed the request")
    if parse_jwk(wanted.get("oldKey")).thumbprint != account.thumbprint:
        raise malformed("'oldKey' is not the account's key")
    for holder in world.store.find(ACCOUNT_BY_THUMBPRINT, new.thumbprint):
        location = (("Location", world.links.account(holder.id)),)
        raise Problem("malformed", "the new key is the key of an account already", 409, headers=location)
    changed = accounts.change_key(account, new)
    fact = Fact("AccountKeyChanged", {"account": account.id}, {"key_type": new.kind})
    return Outcome(changed, (changed,), (fact,))


def _verified(jws: Jws) -> Jwk:
    """Return the key that the inner JWS carries and is signed with."""
    if "jwk" not in jws.header or "kid" in jws.header:
        raise malformed("the inner JWS header must have the new key as 'jwk', and no 'kid'")
    jwk = parse_jwk(jws.header["jwk"])
    verify(jws, jwk, "inner JWS")
    return jwk
