"""External account binding: a new account shows, by a MAC, whose customer it is (RFC 8555 section 7.3.4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from acme_server.protocol.encoding import load_json
from acme_server.protocol.jose import MACS, check_algorithm, jws_from, mac_fits
from acme_server.protocol.journal import Fact
from acme_server.protocol.jwk import Jwk, parse_jwk
from acme_server.protocol.problem import Problem, malformed, unauthorized
from acme_server.settings import Settings
from acme_server.world import World

MEMBER = "externalAccountBinding"


def bound_by(world: World, jwk: Jwk, document: Mapping[str, Any]) -> Mapping[str, str] | None:
    """Return the binding of a new account whose key is `jwk`, verified; None when there is none, or none is looked at."""
    settings, binding = world.settings, document.get(MEMBER)
    if binding is None and settings.external_account_required:
        raise Problem("externalAccountRequired", f"an account needs an {MEMBER} here (RFC 8555 section 7.3.4)")
    if binding is None or not (settings.external_account_required or settings.external_accounts):
        return None
    jws = jws_from(binding, MEMBER)
    check_algorithm(jws.header["alg"], MACS)
    kid, url = jws.header.get("kid"), world.links.new_account
    if not isinstance(kid, str):
        raise malformed(f"the {MEMBER}'s header has no string 'kid'")
    if "nonce" in jws.header:
        raise malformed(f"the {MEMBER}'s header has a 'nonce'")
    if jws.header.get("url") != url:
        raise malformed(f"the {MEMBER}'s header has another 'url' than the request, {url!r}")
    key = settings.external_accounts.get(kid)
    if key is None:
        raise unauthorized(f"no external account has the key identifier {kid[:64]!r}")
    if not mac_fits(jws, key):
        raise unauthorized(f"the {MEMBER}'s signature is not the MAC under the key of {kid[:64]!r}")
    if _key_in(jws.payload).thumbprint != jwk.thumbprint:
        raise malformed(f"the {MEMBER}'s payload is not the key that signed the request")
    return {name: binding[name] for name in ("protected", "payload", "signature")}


def with_external_account(settings: Settings, kid: str, key: bytes) -> tuple[Settings, Fact]:
    """Return settings under which accounts may be bound with a MAC key, which replaces one that `kid` has already."""
    known = {**settings.external_accounts, kid: key}
    return attrs.evolve(settings, external_accounts=known), Fact("ExternalAccountAdded", {}, {"kid": kid})


def _key_in(payload: bytes) -> Jwk:
    try:
        return parse_jwk(load_json(payload))
    except ValueError as error:
        raise malformed(f"the {MEMBER}'s payload {error}") from None
