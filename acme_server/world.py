"""A world: all that one ACME server is, in one value; there are no module globals."""

from __future__ import annotations

from copy import copy
from datetime import datetime

import attrs

from acme_server import certificate_authority
from acme_server.account_keys import AccountKeys
from acme_server.certificate_authority import CertificateAuthority
from acme_server.faults.armed import Faults
from acme_server.limits import Limits
from acme_server.links import Links
from acme_server.looks import Looks
from acme_server.nonces import NoncePool
from acme_server.protocol.driver import Entropy
from acme_server.protocol.encoding import b64url
from acme_server.protocol.journal import Fact, Journal
from acme_server.revocation_lists import RevocationList
from acme_server.served import Served
from acme_server.settings import Settings
from acme_server.store import MemoryStore, Store


@attrs.define
class World:
    """State and settings; `base_url` is where its clients see it, without a trailing slash."""

    id: str
    base_url: str
    settings: Settings
    entropy: Entropy = attrs.field(repr=False)
    authority: CertificateAuthority = attrs.field(repr=False)
    store: Store = attrs.field(repr=False)
    nonces: NoncePool = attrs.field(repr=False)
    account_keys: AccountKeys = attrs.field(factory=AccountKeys, repr=False)
    faults: Faults = attrs.field(factory=Faults, repr=False)
    limits: Limits = attrs.field(factory=Limits, repr=False)
    revocation_lists: dict[str, RevocationList] = attrs.field(factory=dict, repr=False)
    # No part of the state: a copy goes on counting.
    served: Served = attrs.field(factory=Served, repr=False)
    # Nor is this: a copy begins anew.
    looks: Looks = attrs.field(factory=Looks, repr=False)
    # The world's URLs: a reply holds some ten of them.
    links: Links = attrs.field(init=False, repr=False)

    @links.default
    def _links(self) -> Links:
        return Links(self.base_url, self.settings.personality.paths)

    @property
    def journal(self) -> Journal:
        """The world's history, which its store writes."""
        return self.store.journal

    @property
    def named_links(self) -> Links | None:
        """The URLs that certificates hold; None where they hold none."""
        return named_links(self.base_url, self.settings)

    @property
    def directory_url(self) -> str:
        """What a client is told."""
        return self.links.directory

    def new_id(self) -> str:
        """Draw an ID or a token: 128 random bits (RFC 8555 sections 8.3 and 10.5)."""
        return b64url(self.entropy(16))

    def reconfigure(self, settings: Settings, fact: Fact, now: datetime) -> None:
        """Have other settings from now on."""
        self.settings, self.links = settings, Links(self.base_url, settings.personality.paths)
        self.store.commit((), (fact,), now)

    def copy(self) -> World:
        """Return a world with the same state, which goes its own way; no nonce is out there.

        Entropy is copied too: a seed's goes on from the same position, the system's never repeats.
        """
        entropy = copy(self.entropy)
        return attrs.evolve(
            self,
            entropy=entropy,
            store=self.store.copy(),
            nonces=NoncePool(entropy, self.settings.nonce_lifetime, self.settings.max_nonces),
            account_keys=AccountKeys(),
            faults=self.faults.copy(),
            limits=self.limits.copy(),
            revocation_lists=dict(self.revocation_lists),
            looks=Looks(),
        )


def named_links(base_url: str, settings: Settings) -> Links | None:
    """Return the URLs that certificates hold; None where they hold none."""
    return Links(base_url.rstrip("/"), ocsp=settings.ocsp_url) if settings.certificate_urls else None


def create_world(
    base_url: str,
    settings: Settings,
    entropy: Entropy,
    now: datetime,
    world_id: str = "default",
    *,
    store: Store | None = None,
    authority: CertificateAuthority | None = None,
) -> World:
    """Make a world, empty and with a certificate authority of its own where none are given."""
    return World(
        id=world_id,
        base_url=base_url.rstrip("/"),
        settings=settings,
        entropy=entropy,
        authority=authority
        or certificate_authority.create(entropy, now, settings.authority, named_links(base_url, settings)),
        store=store or MemoryStore(Journal(world_id, limit=settings.journal_limit)),
        nonces=NoncePool(entropy, settings.nonce_lifetime, settings.max_nonces),
        limits=Limits(settings.rate_limits, settings.public_suffixes),
    )
