"""From bytes to a signed request, or a Problem (RFC 8555 sections 6.2 to 6.5).

The order of the checks matters: nothing is computed with a key that is not
acceptable, and a nonce is spent only on a request whose signature verifies.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import Any

import attrs

from acme_server.accounts import Account, check_active
from acme_server.exchange import Request
from acme_server.protocol.encoding import b64url_decode
from acme_server.protocol.jose import check_algorithm, load_object, parse_jws, verify
from acme_server.protocol.jwk import Jwk, bad_key, parse_jwk
from acme_server.protocol.problem import Problem, malformed, unauthorized
from acme_server.world import World

CONTENT_TYPE = "application/jose+json"


class Signer(Enum):
    """Who an endpoint lets sign: the header parameters of which exactly one is there."""

    ACCOUNT = ("kid",)
    KEY = ("jwk",)
    EITHER = ("kid", "jwk")
    NOBODY = ()


@attrs.frozen
class SignedRequest:
    """What was signed, and by which key; `account` when the signer named one."""

    jwk: Jwk
    account: Account | None
    payload: bytes

    def document(self) -> Mapping[str, Any]:
        """Return the payload, which is a JSON object here."""
        return load_object(self.payload, "payload")


def read_request(world: World, request: Request, signer: Signer, now: datetime) -> SignedRequest:
    """Check everything about a POST but what its payload says."""
    if world.settings.personality.user_agent and not request.headers.get("user-agent"):
        raise malformed("the request has no User-Agent (RFC 8555 section 6.1)")
    if world.settings.personality.nonce_in_body_alone and "replay-nonce" in request.headers:
        raise malformed("a request has no Replay-Nonce header; the nonce belongs into the JWS header")
    _check_body(request, world.settings.max_body)
    jws = parse_jws(request.body)
    check_algorithm(jws.header["alg"])
    account, jwk = _key_of(world, jws.header, signer)
    verify(jws, jwk)
    _check_url(jws.header, world.base_url + request.path)
    _spend_nonce(world, jws.header, now)
    if account is not None:
        check_active(account)
    return SignedRequest(jwk, account, jws.payload)


def _check_body(request: Request, limit: int) -> None:
    if len(request.body) > limit:
        raise Problem("malformed", f"the request body is larger than {limit} octets", 413)
    content_type = request.headers.get("content-type", "")
    if content_type != CONTENT_TYPE:
        raise Problem("malformed", f"the Content-Type is {content_type[:100]!r}, it must be {CONTENT_TYPE}", 415)
    if "content-encoding" in request.headers:
        raise Problem("malformed", "a request body with a Content-Encoding is not accepted", 415)


def _key_of(world: World, header: Mapping[str, Any], signer: Signer) -> tuple[Account | None, Jwk]:
    present = tuple(name for name in ("kid", "jwk") if name in header)
    if len(present) != 1:
        raise malformed("the JWS header must have either 'jwk' or 'kid', and not both (RFC 8555 section 6.2)")
    if present[0] not in signer.value:
        raise malformed(f"this resource needs {signer.value[0]!r} in the JWS header, not {present[0]!r}")
    if present[0] == "jwk":
        jwk = parse_jwk(header["jwk"])
        if header["jwk"].get("alg", header["alg"]) != header["alg"]:
            raise bad_key("the JWK says it is for another algorithm (RFC 7517 section 4.4)")
        return None, jwk
    account = _account_of(world, header["kid"])
    return account, world.account_keys.of(account)


def _account_of(world: World, kid: Any) -> Account:
    if not isinstance(kid, str):
        raise malformed("the JWS header's 'kid' is not a string")
    account_id = world.links.account_id(kid)
    account = None if account_id is None else world.store.get(Account, account_id)
    if account is None:
        detail = f"'kid' is not the URL of an account here: {kid[:200]!r}"
        raise Problem("accountDoesNotExist", detail, case="kid" if account_id is None else "")
    return account


def _check_url(header: Mapping[str, Any], expected: str) -> None:
    url = header.get("url")
    if not isinstance(url, str):
        raise malformed("the JWS header has no string 'url'")
    if url != expected:
        raise unauthorized(f"the JWS was signed for {url[:200]!r}, it was sent to {expected!r}", case="url")


def _spend_nonce(world: World, header: Mapping[str, Any], now: datetime) -> None:
    nonce = header.get("nonce")
    if nonce is None:
        raise Problem("badNonce", "the JWS header has no 'nonce'")
    try:
        b64url_decode(nonce)
    except ValueError as error:
        raise malformed(f"the JWS header's 'nonce' {error}", case="nonce") from None
    if not world.nonces.redeem(nonce, now):
        raise Problem("badNonce", "the nonce is unknown, used or too old; take the one in this reply")
