"""All that one certificate takes, for asyncio: order, show, wait, finalize, download (RFC 8555 section 7.1)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Any, Protocol, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from acme_server.protocol.identifier import Identifier
from acme_server.protocol.problem import Problem
from acme_server.protocol.vantage import Inquiry, Vantage, conduct, pause
from issuer_bridge.acme_client.client import Client, Pollable
from issuer_bridge.acme_client.errors import NetworkError, Refused
from issuer_bridge.acme_client.resources import AcmeAuthorization
from issuer_bridge.pem import SigningRequest, encode, read_request
from solvers.http01.responder import Responder
from solvers.http01.server import serve_http01
from solvers.http01.site import Site
from solvers.solver import DNS01, HTTP01, Presentation

PATIENCE = timedelta(minutes=2)
# Whoever looks at once is told to come back in a second; a server at hand has decided by then.
FIRST_LOOK = timedelta(milliseconds=50)

R = TypeVar("R", bound=Pollable)


class AsyncSolver(Protocol):
    """Shows answers to challenges of one type: "http-01", "dns-01" or "tls-alpn-01"."""

    type: str

    async def present(self, presentation: Presentation) -> None:
        """Show the answer, and return once the CA can see it."""
        ...

    async def clean_up(self, presentation: Presentation) -> None:
        """Take it away; called after each `present`, whether or not that succeeded."""
        ...


def signing_request(csr: bytes) -> SigningRequest:
    """Read a CSR in PEM or DER; ValueError when it is neither, or names nothing."""
    try:
        pem = csr if csr.startswith(b"-----") else x509.load_der_x509_csr(csr).public_bytes(Encoding.PEM)
        request = read_request(encode(pem.decode("ascii")))
    except ValueError as error:
        raise ValueError(f"the CSR cannot be read: {error}") from None
    if not identifiers_of(request):
        raise ValueError("the CSR names nothing that a certificate could be for")
    return request


def identifiers_of(request: SigningRequest) -> list[Identifier]:
    """Return what a CSR asks a certificate for; its common name counts where there is nothing else."""
    found = [Identifier("dns", name) for name in request.dns_names]
    found += [Identifier("ip", address) for address in request.ip_addresses]
    return found or [Identifier("dns", name) for name in (request.common_name,) if name]


async def obtain(
    client: Client,
    vantage: Vantage,
    request: SigningRequest,
    solver: AsyncSolver,
    preferred_chain: str = "",
    patience: timedelta = PATIENCE,
    **order: Any,
) -> str:
    """Return the chain in PEM, for an account that is registered; `order`: more of `new_order`."""
    placed = await conduct(client.new_order(identifiers_of(request), **order), vantage)
    for url in placed.authorizations:
        await _authorize(client, vantage, url, solver, patience)
    look = partial(client.order, placed.url)
    found = await _until(client, vantage, look, lambda order: order.status != "pending", patience)
    if found.status == "ready":
        found = await conduct(client.finalize(found.finalize, placed.url, request.der), vantage)
    if found.status in ("ready", "processing"):
        found = await _until(client, vantage, look, lambda order: order.status not in ("ready", "processing"), patience)
    if found.certificate is None:
        raise Refused(f"the order {placed.url} is {found.status}", found.error)
    return await conduct(client.certificate(found.certificate, preferred_chain), vantage)


async def _authorize(client: Client, vantage: Vantage, url: str, solver: AsyncSolver, patience: timedelta) -> None:
    found = await conduct(client.authorization(url), vantage)
    if found.status == "valid":
        return
    offered = next((item for item in found.challenges if item.type == solver.type), None)
    if offered is None:
        types = ", ".join(item.type for item in found.challenges) or "none"
        raise Refused(f"{found.identifier} cannot be shown by {solver.type}; offered are: {types}")
    answer = client.key_authorization(offered.token)
    key = answer.dns_value if solver.type == DNS01.lower() else answer.http_body
    shown = Presentation(solver.type.upper(), found.identifier, offered.token, key, found.wildcard)
    try:
        await solver.present(shown)
        await conduct(client.respond(offered.url), vantage)
        await conduct(pause(FIRST_LOOK), vantage)
        look = partial(client.authorization, url)
        decided = await _until(client, vantage, look, lambda now: now.status != "pending", patience)
    finally:
        await solver.clean_up(shown)
    if decided.status != "valid":
        raise Refused(f"the authorization of {found.identifier} is {decided.status}", _reason(decided))


def _reason(authorization: AcmeAuthorization) -> Problem | None:
    return next((challenge.error for challenge in authorization.challenges if challenge.error), None)


async def _until(
    client: Client, vantage: Vantage, look: Callable[[], Inquiry[R]], finished: Callable[[R], bool], patience: timedelta
) -> R:
    found = await conduct(client.poll(look, finished, patience), vantage)
    if found is None:
        raise NetworkError(f"the server did not decide within {patience.total_seconds():g} s")
    return found


@asynccontextmanager
async def http01_on(host: str, port: int) -> AsyncIterator[AsyncSolver]:
    """Answer http-01 at an address until the end of `async with`; OSError when the port is taken."""
    responder = Responder()
    server = await serve_http01(Site(responder), host, port)
    try:
        yield _Http01(responder)
    finally:
        await server.close()


class _Http01:
    type = HTTP01.lower()

    def __init__(self, responder: Responder) -> None:
        self._responder = responder

    async def present(self, presentation: Presentation) -> None:
        self._responder.add(presentation.dns_name, presentation.token, presentation.key)

    async def clean_up(self, presentation: Presentation) -> None:
        self._responder.remove(presentation.dns_name, presentation.token)
