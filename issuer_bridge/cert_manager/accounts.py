"""The accounts that are registered: one ACME client for each issuer, by its uid."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import attrs

from issuer_bridge.acme_client.client import Client
from issuer_bridge.acme_client.external_account import ExternalAccount
from issuer_bridge.resources import Resource


@attrs.frozen
class WorldAddress:
    """Where `gravel://NAME` leads: a directory, and the PEM roots to trust it by."""

    directory_url: str
    trust_pem: str | None = None


@attrs.frozen
class Target:
    """What an issuer's client is made for: when a field changes, the issuer is looked at again."""

    directory_url: str
    trust: str | None
    verify: bool
    key_hash: str
    email: str
    generation: int


Registration: TypeAlias = tuple[Target, ExternalAccount | None]
"""What a server is asked to register, and the account at its CA to bind it to."""


class Accounts:
    """Registered clients; an issuer whose spec or key changed has none until it is registered again.

    Also remembers what a server refused for good, so that it is not asked the same again, and which account
    a server has lost, so that the issuer's status is not believed.
    """

    def __init__(self) -> None:
        self._clients: dict[str, tuple[Target, Client]] = {}
        self._refused: dict[str, Registration] = {}
        self._lost: dict[str, bool] = {}

    def client(self, issuer: Resource | None) -> Client | None:
        """Return the issuer's client, or None while it is not registered."""
        known = self._clients.get(issuer["metadata"]["uid"]) if issuer else None
        return known[1] if known else None

    def target(self, issuer: Resource) -> Target | None:
        """Return what the issuer's client was made for."""
        known = self._clients.get(issuer["metadata"]["uid"])
        return known[0] if known else None

    def refused(self, issuer: Resource) -> Registration | None:
        """Return what the server refused to register."""
        return self._refused.get(issuer["metadata"]["uid"])

    def is_lost(self, issuer: Resource) -> bool:
        """Whether the server has lost the account that the issuer's status names."""
        return issuer["metadata"]["uid"] in self._lost

    def refuse(self, issuer: Resource, registration: Registration) -> None:
        """Remember that the server refused, for good."""
        self.forget(issuer)
        self._refused[issuer["metadata"]["uid"]] = registration

    def lose(self, issuer: Resource) -> None:
        """Drop the client, as the server does not know the account."""
        self.forget(issuer)
        self._lost[issuer["metadata"]["uid"]] = True

    def put(self, issuer: Resource, target: Target, client: Client) -> None:
        """Keep a registered client."""
        self.forget(issuer)
        self._clients[issuer["metadata"]["uid"]] = (target, client)

    def forget(self, issuer: Resource) -> None:
        """Drop what is known: the issuer is gone, or changed."""
        for known in (self._clients, self._refused, self._lost):
            known.pop(issuer["metadata"]["uid"], None)


def acme_of(issuer: Resource) -> Mapping[str, object] | None:
    """Return `spec.acme`, or None for an issuer of another type."""
    acme = issuer["spec"].get("acme")
    return acme if isinstance(acme, Mapping) else None
