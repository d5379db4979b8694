"""External account binding, as a client makes it: a MAC over the account key, under a key of the CA's (RFC 8555 section 7.3.4)."""

from __future__ import annotations

import hmac
import json

import attrs

from acme_server.protocol.encoding import b64url
from acme_server.protocol.jose import MACS
from acme_server.protocol.jwk import Jwk


@attrs.frozen
class ExternalAccount:
    """What the CA gave its customer: a key identifier and a MAC key; `algorithm` is HS256, HS384 or HS512."""

    kid: str
    key: bytes = attrs.field(repr=False)
    algorithm: str = attrs.field(default="HS256", validator=attrs.validators.in_(tuple(MACS)))

    def bind(self, jwk: Jwk, url: str) -> dict[str, str]:
        """Return the `externalAccountBinding` of a newAccount, whose URL is `url`, for an account key."""
        header = {"alg": self.algorithm, "kid": self.kid, "url": url}
        protected, payload = (b64url(json.dumps(part).encode()) for part in (header, dict(jwk.members)))
        mac = hmac.digest(self.key, f"{protected}.{payload}".encode("ascii"), MACS[self.algorithm])
        return {"protected": protected, "payload": payload, "signature": b64url(mac)}
