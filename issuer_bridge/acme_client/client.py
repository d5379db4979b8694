"""An ACME client without I/O (RFC 8555): every verb an inquiry, for any server and any vantage.

One client is one account at one server. It keeps no order and no
authorization: whoever calls it holds the URLs, and can continue after a crash.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, Protocol, TypeVar

import attrs

from acme_server.protocol.driver import Clock
from acme_server.protocol.encoding import b64url
from acme_server.protocol.identifier import Identifier
from acme_server.protocol.jose import sign
from acme_server.protocol.jwk import PrivateKey, jwk_of
from acme_server.protocol.key_authorization import KeyAuthorization
from acme_server.protocol.times import rfc3339
from acme_server.protocol.vantage import Inquiry, pause
from issuer_bridge.acme_client.errors import TransportError
from issuer_bridge.acme_client.external_account import ExternalAccount
from issuer_bridge.acme_client.renewal import RenewalInfo, certificate_id, read_renewal_info
from issuer_bridge.acme_client.resources import (
    AcmeAccount,
    AcmeAuthorization,
    AcmeChallenge,
    AcmeOrder,
    read_account,
    read_authorization,
    read_challenge,
    read_order,
)
from issuer_bridge.acme_client.session import Session
from issuer_bridge.acme_client.traffic import UNNAMED, Traffic
from issuer_bridge.pem import read_chain, top_issuer

POLL_INTERVAL = timedelta(seconds=1)
MAX_ALTERNATES = 10
PEM_CHAIN = "application/pem-certificate-chain"


class Pollable(Protocol):
    """What a poll reads: an answer that may say when to ask again."""

    @property
    def retry_after(self) -> timedelta | None:
        """When the server wants to be asked again."""
        ...


R = TypeVar("R", bound=Pollable)


class Client:
    """The verbs of one account; register comes first."""

    def __init__(
        self,
        directory_url: str,
        key: PrivateKey,
        clock: Clock,
        *,
        trust: str | None = None,
        verify: bool = True,
        user_agent: str = "gravel",
        gate: Callable[[], None] = lambda: None,
        traffic: Traffic | None = None,
    ) -> None:
        about: Mapping[str, Any] = {"trust": trust, "verify": verify, "user_agent": user_agent}
        self._session = Session(directory_url, key, clock, **about, gate=gate, traffic=traffic)
        self._clock = clock

    @property
    def account_url(self) -> str | None:
        """The account's URL; None until it is registered."""
        return self._session.account_url

    def resume(self, account_url: str) -> None:
        """Go on with an account that was registered before; nothing is asked."""
        self._session.account_url = account_url

    def key_authorization(self, token: str) -> KeyAuthorization:
        """Bind a challenge's token to the account key (section 8.1)."""
        return KeyAuthorization(token, self._session.jwk.thumbprint)

    def directory(self) -> Inquiry[Mapping[str, Any]]:
        """Return the directory (section 7.1.1), which is fetched once."""
        return (yield from self._session.directory())

    def profiles(self) -> Inquiry[tuple[str, ...]]:
        """Return the names of the certificate profiles that the directory advertises."""
        meta = (yield from self._session.directory()).get("meta")
        profiles = meta.get("profiles") if isinstance(meta, dict) else None
        return tuple(profiles) if isinstance(profiles, dict) else ()

    def register(
        self, contact: Sequence[str] = (), *, only_existing: bool = False, external: ExternalAccount | None = None
    ) -> Inquiry[AcmeAccount]:
        """Create the account or find it (section 7.3); its terms of service are agreed to.

        external: the account at the CA to bind it to, which is of no use to one that exists.
        """
        session, action = self._session, "get_registration" if only_existing else "register_account"
        url = yield from session.url_of("newAccount", action)
        payload: dict[str, Any] = {"onlyReturnExisting": True} if only_existing else {"termsOfServiceAgreed": True}
        if contact and not only_existing:
            payload["contact"] = list(contact)
        if external and not only_existing:
            payload["externalAccountBinding"] = external.bind(session.jwk, url)
        reply = yield from session.post(url, payload, action, key=session.key)
        account = read_account(reply.place(), reply.document(), created=reply.status == HTTPStatus.CREATED)
        session.account_url = account.url
        return account

    def update_contact(self, contact: Sequence[str]) -> Inquiry[AcmeAccount]:
        """Replace the account's contacts (section 7.3.2)."""
        return (yield from self._update_account({"contact": list(contact)}))

    def deactivate(self) -> Inquiry[AcmeAccount]:
        """Deactivate the account, for good (section 7.3.6)."""
        return (yield from self._update_account({"status": "deactivated"}))

    def _update_account(self, payload: Mapping[str, Any]) -> Inquiry[AcmeAccount]:
        url = self._session.account_url or ""
        reply = yield from self._session.post(url, payload, "update_registration")
        return read_account(url, reply.document())

    def change_key(self, key: PrivateKey) -> Inquiry[None]:
        """Have the account go over to another key (section 7.3.5), with which we sign from then on."""
        session = self._session
        url = yield from session.url_of("keyChange")
        change = {"account": session.account_url, "oldKey": dict(session.jwk.members)}
        header = {"jwk": dict(jwk_of(key.public_key()).members), "url": url}
        yield from session.post(url, sign(key, header, json.dumps(change).encode()))
        session.use_key(key)

    def new_order(
        self,
        identifiers: Sequence[Identifier],
        *,
        not_before: datetime | None = None,
        not_after: datetime | None = None,
        profile: str | None = None,
        replaces: str | None = None,
    ) -> Inquiry[AcmeOrder]:
        """Ask for a certificate (section 7.4); `replaces` is the `certificate_id` of another one (RFC 9773 section 5)."""
        optional = {
            "notBefore": not_before and rfc3339(not_before),
            "notAfter": not_after and rfc3339(not_after),
            "profile": profile,
            "replaces": replaces,
        }
        payload: dict[str, Any] = {"identifiers": [identifier.to_json() for identifier in identifiers]}
        payload |= {name: value for name, value in optional.items() if value}
        action = "authorize_order"
        reply = yield from self._session.post((yield from self._session.url_of("newOrder", action)), payload, action)
        return read_order(reply.place(), reply.document(), reply.retry_after)

    def order(self, url: str, action: str = "get_order") -> Inquiry[AcmeOrder]:
        """Look at an order; action: what for, as cert-manager calls it."""
        reply = yield from self._session.post(url, None, action)
        return read_order(url, reply.document(), reply.retry_after)

    def preauthorize(self, identifier: Identifier) -> Inquiry[AcmeAuthorization]:
        """Ask for an authorization before any order (section 7.4.1)."""
        url = yield from self._session.url_of("newAuthz")
        reply = yield from self._session.post(url, {"identifier": identifier.to_json()})
        return read_authorization(reply.place(), reply.document(), reply.retry_after)

    def authorization(self, url: str, action: str = "get_authorization") -> Inquiry[AcmeAuthorization]:
        """Look at an authorization (section 7.5); action: as for `order`."""
        return (yield from self._authorization(url, None, action))

    def deactivate_authorization(self, url: str) -> Inquiry[AcmeAuthorization]:
        """Give an authorization up (section 7.5.2)."""
        return (yield from self._authorization(url, {"status": "deactivated"}, UNNAMED))

    def _authorization(self, url: str, payload: Mapping[str, Any] | None, action: str) -> Inquiry[AcmeAuthorization]:
        reply = yield from self._session.post(url, payload, action)
        return read_authorization(url, reply.document(), reply.retry_after)

    def challenge(self, url: str) -> Inquiry[AcmeChallenge]:
        """Look at a challenge."""
        return (yield from self._challenge(url, None, "get_challenge"))

    def respond(self, challenge_url: str) -> Inquiry[AcmeChallenge]:
        """Say that the answer to a challenge is there (section 7.5.1)."""
        return (yield from self._challenge(challenge_url, {}, "accept_challenge"))

    def _challenge(self, url: str, payload: Mapping[str, Any] | None, action: str) -> Inquiry[AcmeChallenge]:
        reply = yield from self._session.post(url, payload, action)
        return read_challenge(reply.document(), reply.retry_after)

    def finalize(self, url: str, order_url: str, csr: bytes) -> Inquiry[AcmeOrder]:
        """Hand in the CSR, in DER (section 7.4); the order is known by its own URL, not by a Location."""
        reply = yield from self._session.post(url, {"csr": b64url(csr)}, "create_order_cert")
        return attrs.evolve(
            read_order(order_url, reply.document(), reply.retry_after), location=reply.answer.header("Location") or ""
        )

    def certificate(self, url: str, preferred_chain: str = "") -> Inquiry[str]:
        """Download a chain in PEM, leaf first (section 7.4.2).

        preferred_chain: the common name of who issued the last certificate of
        the chain that is wanted; where none of the server's has it, its first one
        is returned, as cert-manager does.
        """
        chain, others = yield from self._chain(url)
        if preferred_chain and top_issuer(chain) != preferred_chain:
            for other in others[:MAX_ALTERNATES]:
                alternate, _ = yield from self._chain(other, "list_cert_alternates")
                if top_issuer(alternate) == preferred_chain:
                    return alternate
        return chain

    def chains(self, url: str) -> Inquiry[tuple[str, ...]]:
        """Download every chain that the server offers, its first choice first."""
        chain, others = yield from self._chain(url)
        chains = [chain]
        for other in others[:MAX_ALTERNATES]:
            alternate, _ = yield from self._chain(other, "list_cert_alternates")
            chains.append(alternate)
        return tuple(chains)

    def _chain(self, url: str, action: str = "fetch_cert") -> Inquiry[tuple[str, tuple[str, ...]]]:
        reply = yield from self._session.post(url, None, action, accept=PEM_CHAIN)
        try:
            return read_chain(reply.body(PEM_CHAIN)), tuple(reply.alternates())
        except ValueError as error:
            raise TransportError(f"the certificate chain {error}") from None

    def renewal_info(self, certificate: str) -> Inquiry[RenewalInfo]:
        """Ask when to replace a certificate, given as a chain in PEM (RFC 9773 section 4); nothing is signed."""
        action = "get_renewal_info"
        url = yield from self._session.url_of("renewalInfo", action)
        reply = yield from self._session.get(f"{url.rstrip('/')}/{certificate_id(certificate)}", action)
        return read_renewal_info(reply.document(), reply.retry_after)

    def revoke(self, certificate: bytes, reason: int | None = None, key: PrivateKey | None = None) -> Inquiry[None]:
        """Revoke a certificate, given in DER (section 7.6); key: its own, which needs no account."""
        payload: dict[str, Any] = {"certificate": b64url(certificate)}
        if reason is not None:
            payload["reason"] = reason
        yield from self._session.post((yield from self._session.url_of("revokeCert")), payload, key=key)

    def poll(
        self, read: Callable[[], Inquiry[R]], finished: Callable[[R], bool], patience: timedelta | None
    ) -> Inquiry[R | None]:
        """Read until finished; None when patience (None: endless) ends before.

        Between two reads passes what the server asks for, and a second when it asks for less.
        """
        began = self._clock()
        while True:
            found = yield from read()
            if finished(found):
                return found
            asked = max(found.retry_after or POLL_INTERVAL, POLL_INTERVAL)
            if patience is not None:
                left = began + patience - self._clock()
                if left <= timedelta(0):
                    return None
                asked = min(asked, left)
            yield from pause(asked)
