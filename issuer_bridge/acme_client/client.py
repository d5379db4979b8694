"""An ACME client without I/O (RFC 8555): every verb an inquiry, for any server and any vantage.

One client is one account at one server. It keeps no order and no
authorization: whoever calls it holds the URLs, and can continue after a crash.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

from acme_server.protocol.driver import Clock
from acme_server.protocol.encoding import b64url
from acme_server.protocol.identifier import Identifier
from acme_server.protocol.jwk import PrivateKey
from acme_server.protocol.key_authorization import KeyAuthorization
from acme_server.protocol.times import rfc3339
from acme_server.protocol.vantage import Inquiry, pause
from issuer_bridge.acme_client.errors import TransportError
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
from issuer_bridge.pem import read_chain

POLL_INTERVAL = timedelta(seconds=1)
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
    ) -> None:
        self._session = Session(directory_url, key, clock, trust=trust, verify=verify, user_agent=user_agent)
        self._clock = clock

    @property
    def account_url(self) -> str | None:
        """The account's URL; None until it is registered."""
        return self._session.account_url

    def key_authorization(self, token: str) -> KeyAuthorization:
        """Bind a challenge's token to the account key (section 8.1)."""
        return KeyAuthorization(token, self._session.jwk.thumbprint)

    def profiles(self) -> Inquiry[tuple[str, ...]]:
        """Return the names of the certificate profiles that the directory advertises."""
        meta = (yield from self._session.directory()).get("meta")
        profiles = meta.get("profiles") if isinstance(meta, dict) else None
        return tuple(profiles) if isinstance(profiles, dict) else ()

    def register(self, contact: Sequence[str] = (), *, only_existing: bool = False) -> Inquiry[AcmeAccount]:
        """Create the account or find it (section 7.3); its terms of service are agreed to."""
        payload: dict[str, Any] = {"onlyReturnExisting": True} if only_existing else {"termsOfServiceAgreed": True}
        if contact and not only_existing:
            payload["contact"] = list(contact)
        url = yield from self._session.url_of("newAccount")
        reply = yield from self._session.post(url, payload, with_jwk=True)
        if not reply.location:
            raise TransportError("newAccount was answered without a Location")
        self._session.account_url = reply.location
        return read_account(reply.location, reply.document())

    def update_contact(self, contact: Sequence[str]) -> Inquiry[AcmeAccount]:
        """Replace the account's contacts (section 7.3.2)."""
        url = self._session.account_url or ""
        reply = yield from self._session.post(url, {"contact": list(contact)})
        return read_account(url, reply.document())

    def new_order(
        self, identifiers: Sequence[Identifier], *, not_after: datetime | None = None, profile: str | None = None
    ) -> Inquiry[AcmeOrder]:
        """Ask for a certificate (section 7.4)."""
        payload: dict[str, Any] = {"identifiers": [identifier.to_json() for identifier in identifiers]}
        if not_after is not None:
            payload["notAfter"] = rfc3339(not_after)
        if profile:
            payload["profile"] = profile
        reply = yield from self._session.post((yield from self._session.url_of("newOrder")), payload)
        if not reply.location:
            raise TransportError("newOrder was answered without a Location")
        return read_order(reply.location, reply.document(), reply.retry_after)

    def order(self, url: str) -> Inquiry[AcmeOrder]:
        """Look at an order."""
        reply = yield from self._session.post(url, None)
        return read_order(url, reply.document(), reply.retry_after)

    def authorization(self, url: str) -> Inquiry[AcmeAuthorization]:
        """Look at an authorization (section 7.5)."""
        reply = yield from self._session.post(url, None)
        return read_authorization(url, reply.document(), reply.retry_after)

    def respond(self, challenge_url: str) -> Inquiry[AcmeChallenge]:
        """Say that the answer to a challenge is there (section 7.5.1)."""
        reply = yield from self._session.post(challenge_url, {})
        return read_challenge(reply.document(), reply.retry_after)

    def finalize(self, url: str, order_url: str, csr: bytes) -> Inquiry[AcmeOrder]:
        """Hand in the CSR, in DER (section 7.4); the order is known by its own URL, not by a Location."""
        reply = yield from self._session.post(url, {"csr": b64url(csr)})
        return read_order(order_url, reply.document(), reply.retry_after)

    def certificate(self, url: str) -> Inquiry[str]:
        """Download a chain in PEM, leaf first (section 7.4.2)."""
        reply = yield from self._session.post(url, None, accept=PEM_CHAIN)
        try:
            return read_chain(reply.body)
        except ValueError as error:
            raise TransportError(f"the certificate chain {error}") from None

    def revoke(self, certificate: bytes, reason: int | None = None) -> Inquiry[None]:
        """Revoke a certificate, given in DER (section 7.6)."""
        payload: dict[str, Any] = {"certificate": b64url(certificate)}
        if reason is not None:
            payload["reason"] = reason
        yield from self._session.post((yield from self._session.url_of("revokeCert")), payload)

    def poll(
        self, read: Callable[[], Inquiry[R]], finished: Callable[[R], bool], patience: timedelta | None
    ) -> Inquiry[R | None]:
        """Read until finished, as often as the server asks for and else once a second; None when patience (None: endless) ends."""
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
