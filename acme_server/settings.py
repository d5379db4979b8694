"""What an operator of the server may choose; one frozen value per world."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import attrs

from acme_server.personality import RFC8555, Personality
from acme_server.protocol.rate_limit import Rate


@attrs.frozen
class Settings:
    """Lifetimes, limits and the ports that validation dials.

    dns: `HOST:PORT` of the resolver that validation asks, None for the system's;
    max_body: bytes of request body (RFC 8555 has no figure, Boulder takes 50,000);
    authorization_reuse: how probable it is that a new order takes over a valid
    authorization; order_reuse: whether newOrder returns an unfinished order for
    the same, as Boulder does; pre_authorization: whether there is newAuthz
    (RFC 8555 section 7.4.1); issuance_delay: how long an order is processing;
    validation_attempts: how often validation fails before a challenge is invalid,
    validation_retry_after apart (section 8.2 says SHOULD to more than one; real
    CAs have one); external_accounts: the MAC key of each key identifier
    (section 7.3.4); rate_limits: those that a world begins with, by name
    (acme_server.limits), and public_suffixes: below which its registered domains
    are, beside names of one label; personality: what the server says where the RFC
    leaves room; blocked_names: that no certificate is issued for, nor for names below.
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
    pre_authorization: bool = True
    orders_per_page: int = 100
    issuance_delay: timedelta = timedelta(0)
    validation_attempts: int = 1
    validation_retry_after: timedelta = timedelta(seconds=5)
    validation_timeout: timedelta = timedelta(seconds=10)
    terms_of_service: str | None = None
    website: str | None = None
    caa_identities: tuple[str, ...] = ()
    external_account_required: bool = False
    external_accounts: Mapping[str, bytes] = attrs.field(factory=dict, repr=False)
    always_valid: bool = False
    rate_limits: Mapping[str, Rate] = attrs.field(factory=dict)
    public_suffixes: tuple[str, ...] = ()
    personality: Personality = RFC8555
    blocked_names: tuple[str, ...] = ()
