"""The ACME client for asyncio, usable on its own: `AcmeClient`, with real sockets and in real time.

It carries out the inquiries of `issuer_bridge.acme_client.client`, the same
that the bridge carries out through its driver, and adds `obtain`, which does
all that one certificate takes. docs/acme-client.md shows how.
"""

from __future__ import annotations

import asyncio
import functools
import os
import ssl
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import aiohttp
from yarl import URL

from acme_server.protocol.jwk import PrivateKey
from acme_server.protocol.key_authorization import KeyAuthorization
from acme_server.protocol.vantage import (
    NAME_NOT_FOUND,
    RESET,
    TIMEOUT,
    Answer,
    Elapsed,
    Fetch,
    HttpAnswer,
    Inquiry,
    Pause,
    Question,
    conduct,
)
from issuer_bridge.acme_client.client import Client
from issuer_bridge.acme_client.external_account import ExternalAccount
from issuer_bridge.acme_client.obtaining import PATIENCE, AsyncSolver, obtain, signing_request

P = ParamSpec("P")
T = TypeVar("T")

# aiohttp would add these; the client's own headers are all that is said.
_UNSAID = ("Accept-Encoding", "Content-Type", "User-Agent")


def _conducted(
    verb: Callable[Concatenate[Client, P], Inquiry[T]],
) -> Callable[Concatenate[AcmeClient, P], Coroutine[Any, Any, T]]:
    async def call(self: AcmeClient, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await conduct(verb(self.client, *args, **kwargs), self._answer)

    functools.update_wrapper(call, verb)
    return call


class AcmeClient:
    """One account at one server, between `async with` and its end; any number of tasks may use it at once.

    directory_url: RFC 8555 section 7.1.1; key: the account's; trust: PEM roots
    for TLS, None for the system's; verify: False accepts any certificate.
    Errors are those of `issuer_bridge.acme_client.errors`, and `Problem`.
    """

    def __init__(
        self,
        directory_url: str,
        key: PrivateKey,
        *,
        trust: str | None = None,
        verify: bool = True,
        user_agent: str = "gravel",
    ) -> None:
        self.client = Client(
            directory_url, key, lambda: datetime.now(UTC), trust=trust, verify=verify, user_agent=user_agent
        )
        self._tls = _tls(trust, verify)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        # Proxies of the environment are not followed, nor is .netrc read.
        connector = aiohttp.TCPConnector(ssl=self._tls)
        cookies = aiohttp.DummyCookieJar()
        self._session = aiohttp.ClientSession(connector=connector, cookie_jar=cookies, auto_decompress=False)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    @property
    def account_url(self) -> str | None:
        """The account's URL; None until it is registered."""
        return self.client.account_url

    def resume(self, account_url: str) -> None:
        """Go on with an account that was registered before; nothing is asked."""
        self.client.resume(account_url)

    def key_authorization(self, token: str) -> KeyAuthorization:
        """Bind a challenge's token to the account key (section 8.1)."""
        return self.client.key_authorization(token)

    directory = _conducted(Client.directory)
    profiles = _conducted(Client.profiles)
    register = _conducted(Client.register)
    update_contact = _conducted(Client.update_contact)
    deactivate = _conducted(Client.deactivate)
    change_key = _conducted(Client.change_key)
    new_order = _conducted(Client.new_order)
    order = _conducted(Client.order)
    preauthorize = _conducted(Client.preauthorize)
    authorization = _conducted(Client.authorization)
    deactivate_authorization = _conducted(Client.deactivate_authorization)
    challenge = _conducted(Client.challenge)
    respond = _conducted(Client.respond)
    finalize = _conducted(Client.finalize)
    certificate = _conducted(Client.certificate)
    chains = _conducted(Client.chains)
    renewal_info = _conducted(Client.renewal_info)
    revoke = _conducted(Client.revoke)

    async def obtain(
        self,
        csr: bytes,
        solver: AsyncSolver,
        *,
        contact: Sequence[str] = (),
        external: ExternalAccount | None = None,
        preferred_chain: str = "",
        patience: timedelta = PATIENCE,
        **order: Any,
    ) -> str:
        """Return the chain in PEM, leaf first, for a CSR in PEM or DER, with all that it takes.

        The account is registered with `contact` and `external` unless it was
        before. patience: how long to wait for each authorization, and for the
        certificate; order: more of `new_order`. ValueError: the CSR is none.
        """
        request = signing_request(csr)
        if self.account_url is None:
            await self.register(contact, external=external)
        return await obtain(self.client, self._answer, request, solver, preferred_chain, patience, **order)

    async def _answer(self, question: Question) -> Answer:
        """The vantage of this client: requests and pauses are all that it asks for."""
        if isinstance(question, Pause):
            await asyncio.sleep(question.duration.total_seconds())
            return Elapsed()
        assert isinstance(question, Fetch)
        if self._session is None:
            raise RuntimeError("an AcmeClient is used inside `async with`")
        request = self._session.request(
            question.method,
            URL(question.url, encoded=True),  # as it is signed
            headers=question.headers,
            data=question.body or None,
            allow_redirects=False,
            skip_auto_headers=_UNSAID,
            timeout=aiohttp.ClientTimeout(total=question.timeout.total_seconds()),
        )
        try:
            async with request as response:
                body = await _read(response.content, question.limit)
                return HttpAnswer(response.status, tuple(response.headers.items()), body)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return HttpAnswer(error=_failure(error))


async def _read(content: aiohttp.StreamReader, limit: int) -> bytes:
    """Read up to the limit; leaving the rest unread makes aiohttp drop the connection."""
    body = b""
    while len(body) < limit and (chunk := await content.read(limit - len(body))):
        body += chunk
    return body


def _tls(trust: str | None, verify: bool) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cadata=trust)
    except (ssl.SSLError, TypeError):
        raise ValueError("trust: not certificates in PEM") from None
    if not verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _failure(error: Exception) -> str:
    """Say in few and stable words why there was no answer."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"TLS: {getattr(error.certificate_error, 'verify_message', error.certificate_error)}"
    if isinstance(error, aiohttp.ClientSSLError):
        return f"TLS: {error.os_error.strerror or error.os_error}"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return NAME_NOT_FOUND
    if isinstance(error, TimeoutError):
        return TIMEOUT
    if isinstance(error, aiohttp.ClientConnectorError):
        return os.strerror(error.errno).lower() if error.errno else "connection failed"
    if isinstance(error, aiohttp.ClientResponseError):
        return "malformed response"
    return "invalid URL" if isinstance(error, ValueError) else RESET
