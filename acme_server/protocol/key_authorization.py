"""Key authorizations (RFC 8555 section 8.1) and where each challenge shows them."""

from __future__ import annotations

import base64
import hashlib

import attrs

from acme_server.protocol.encoding import b64url

HTTP01_PATH = "/.well-known/acme-challenge/"
DNS01_LABEL = "_acme-challenge"


@attrs.frozen
class KeyAuthorization:
    """A challenge's token bound to an account key; its repr keeps the thumbprint out of logs."""

    token: str
    thumbprint: str = attrs.field(repr=False)

    @property
    def http_body(self) -> str:
        """What http-01 serves (section 8.3)."""
        return f"{self.token}.{self.thumbprint}"

    @property
    def dns_value(self) -> str:
        """What dns-01 shows in TXT (section 8.4)."""
        return b64url(self.digest)

    @property
    def digest(self) -> bytes:
        """What tls-alpn-01 shows (RFC 8737 section 3)."""
        return hashlib.sha256(self.http_body.encode()).digest()


def http01_url(name: str, token: str, port: int | None = None) -> str:
    """Return where http-01 looks (section 8.3); IPv6 literals are bracketed."""
    host = f"[{name}]" if ":" in name else name
    return f"http://{host}{'' if port is None else f':{port}'}{HTTP01_PATH}{token}"


def dns01_name(name: str) -> str:
    """Return the TXT name of dns-01 (section 8.4); `*.` is dropped."""
    return f"{DNS01_LABEL}.{name.removeprefix('*.')}"


def account_label(account_url: str) -> str:
    """Return the label of an account (draft-ietf-acme-dns-account-label): ten octets of its URL's SHA-256 in base32."""
    digest = hashlib.sha256(account_url.encode()).digest()[:10]
    return f"_{base64.b32encode(digest).decode('ascii').lower()}"
