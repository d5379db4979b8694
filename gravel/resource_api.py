"""The embedded Kubernetes API of a house on its socket: always on loopback, over TLS where a token is wanted."""

from __future__ import annotations

from contextlib import AsyncExitStack

from acme_server.tls import TlsMaterial
from gravel.house import House
from gravel.listening import serve
from gravel.sockets import Bound
from issuer_bridge.kube_api.api import create_app
from issuer_bridge.kube_api.users import ADMIN, Access
from solvers.tls_context import server_context


async def serve_resources(
    stack: AsyncExitStack, house: House, at: Bound, token: str | None, material: TlsMaterial
) -> None:
    """Serve until the stack ends. Without a token whoever is on this machine may use it; kubectl shows one over TLS only."""
    operator, tokens = house.operator, {token: ADMIN} if token else {}
    access = Access(tokens, identities=True, audit=operator.record_decision)
    tls = server_context(material.certificate_pem, material.key_pem) if token else None
    await serve(stack, create_app(house.resources, access), at.sock, tls)
