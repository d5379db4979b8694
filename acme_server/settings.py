"""What an operator of the server may choose; one frozen value per world."""

from __future__ import annotations

from datetime import timedelta

import attrs

from acme_server.certificate_authority import Design
from acme_server.profiles import PROFILES, Profile


@attrs.frozen
class Settings:
    """Lifetimes, limits and the ports that validation dials.

    dns: `HOST:PORT` of the resolver that validation asks, None for the system's;
    max_body: bytes of request body (RFC 8555 has no figure, Boulder takes 50,000);
    authorization_reuse: how probable it is that a new order takes over a valid
    authorization; order_reuse: whether newOrder returns an unfinished order for
    the same, as Boulder does; authority: the hierarchy to make; certificate_urls: whether
    certificates say where their issuer and its revocation list are, by which their
    bytes depend on the port;
    profiles: what orders choose from, the default first.
    """

    http01_port: int = 80
    tls_alpn_port: int = 443
    dns: str | None = None
    order_lifetime: timedelta = timedelta(days=7)
    pending_authorization_lifetime: timedelta = timedelta(days=7)
    valid_authorization_lifetime: timedelta = timedelta(days=30)
    certificate_lifetime: timedelta = timedelta(days=90)
    backdate: timedelta = timedelta(minutes=1)
    nonce_lifetime: timedelta = timedelta(hours=1)
    max_nonces: int = 65536
    max_body: int = 65536
    max_identifiers: int = 100
    retry_after: timedelta = timedelta(seconds=1)
    renewal_info_retry_after: timedelta = timedelta(hours=6)
    authorization_reuse: float = 0.0
    order_reuse: bool = False
    validation_timeout: timedelta = timedelta(seconds=10)
    terms_of_service: str | None = None
    website: str | None = None
    caa_identities: tuple[str, ...] = ()
    always_valid: bool = False
    authority: Design = attrs.field(factory=Design)
    certificate_urls: bool = False
    profiles: tuple[Profile, ...] = PROFILES
    revocation_list_lifetime: timedelta = timedelta(days=1)
