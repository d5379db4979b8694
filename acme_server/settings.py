"""What an operator of the server may choose; one frozen value per world."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import attrs

from acme_server.certificate_authority import Design
from acme_server.personality import RFC8555, Personality
from acme_server.profiles import PROFILES, Profile
from acme_server.protocol.rate_limit import Rate

# The one challenge that has no token, and says whom a record may name.
DNS_PERSIST = "dns-persist-01"
CHALLENGE_TYPES = ("http-01", "dns-01", "tls-alpn-01", "dns-account-01", DNS_PERSIST)


@attrs.frozen
class VantagePoint:
    """Where validation looks from too; dns: `HOST:PORT` of its resolver, None for the first one's."""

    name: str
    dns: str | None = None


@attrs.frozen
class Settings:
    """Lifetimes, limits and the ports that validation dials.

    dns: `HOST:PORT` of the resolver that validation asks, None for the system's;
    max_body: bytes of request body (RFC 8555 has no figure, Boulder takes 50,000);
    authorization_reuse: how probable it is that a new order takes over a valid
    authorization; order_reuse: whether newOrder returns an unfinished order for
    the same, as Boulder does; vantages: looked from at the same time once the
    first look succeeded; quorum: how many of those must agree, None for all but
    those that Boulder does without; caa_identities: the issuer's domain names in
    lower case, without any CAA is not looked at; caa_recheck: how old an
    authorization may be for finalize to rest on its look at CAA;
    redirect_ports: what a redirect may name, empty for any; address_families:
    asked for and dialled in this order; max_validations: inquiries at once,
    more wait; ssrf_guard: no address of special purpose (RFC 6890) is dialled;
    pre_authorization: whether there is newAuthz (RFC 8555 section 7.4.1);
    issuance_delay: how long an order is processing; validation_attempts: how
    often validation fails before a challenge is invalid, validation_retry_after
    apart (section 8.2 says SHOULD to more than one; real CAs have one);
    external_accounts: the MAC key of each key identifier (section 7.3.4);
    rate_limits: those that a world begins with, by name (acme_server.limits), and
    public_suffixes: below which its registered domains are, beside names of one label;
    authority: the hierarchy to make; certificate_urls: whether certificates say
    where their issuer and its revocation list are, by which their bytes depend on
    the port, and ocsp_url, where somebody answers OCSP for us; profiles: what orders
    choose from, the default first; personality: what the server says where the RFC
    leaves room; blocked_names: that no certificate is issued for, nor for names below;
    journal_limit: so many entries are kept at least, None for all (a fact is some 35 bytes).
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
    challenge_types: tuple[str, ...] = CHALLENGE_TYPES[:3]
    pre_authorization: bool = True
    orders_per_page: int = 100
    issuance_delay: timedelta = timedelta(0)
    validation_attempts: int = 1
    validation_retry_after: timedelta = timedelta(seconds=5)
    validation_timeout: timedelta = timedelta(seconds=10)
    validation_delay: timedelta = timedelta(0)
    max_validations: int = 256
    max_redirects: int = 10
    redirect_ports: tuple[int, ...] = ()
    max_validation_body: int = 65536
    address_families: tuple[str, ...] = ("AAAA", "A")
    vantages: tuple[VantagePoint, ...] = ()
    quorum: int | None = None
    ssrf_guard: bool = False
    terms_of_service: str | None = None
    website: str | None = None
    caa_identities: tuple[str, ...] = ()
    caa_recheck: timedelta = timedelta(hours=8)
    external_account_required: bool = False
    external_accounts: Mapping[str, bytes] = attrs.field(factory=dict, repr=False)
    always_valid: bool = False
    rate_limits: Mapping[str, Rate] = attrs.field(factory=dict)
    public_suffixes: tuple[str, ...] = ()
    personality: Personality = RFC8555
    blocked_names: tuple[str, ...] = ()
    authority: Design = attrs.field(factory=Design)
    certificate_urls: bool = False
    ocsp_url: str | None = None
    profiles: tuple[Profile, ...] = PROFILES
    revocation_list_lifetime: timedelta = timedelta(days=1)
    journal_limit: int | None = None

    def __attrs_post_init__(self) -> None:
        """Raise ValueError for what contradicts itself."""
        names = [each.name for each in self.vantages]
        if len(dict.fromkeys(names)) < len(names):
            raise ValueError("two vantage points have the same name")
        if self.quorum is not None and self.quorum > len(names):
            raise ValueError(
                f"a quorum of {self.quorum} needs as many vantage points beside the first; there are {len(names)}"
            )
        if DNS_PERSIST in self.challenge_types and not self.caa_identities:
            raise ValueError(f"{DNS_PERSIST} needs a CAA identity, which its records begin with")
