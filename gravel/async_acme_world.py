"""A world for tests that run in an event loop: the methods of `gravel.acme_world`, each awaited.

While one waits, a thread asks, so that a responder in the same event loop can
answer the validation that is waited for.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar

from gravel.acme_controls import Dns, Faults
from gravel.acme_records import Order
from gravel.acme_world import AcmeServer

P = ParamSpec("P")
S = TypeVar("S")
T = TypeVar("T")


class _Threaded(Generic[S]):
    """Has the methods of something that blocks."""

    def __init__(self, blocking: S) -> None:
        self.blocking = blocking


def _threaded(method: Callable[Concatenate[S, P], T]) -> Callable[Concatenate[Any, P], Coroutine[Any, Any, T]]:
    async def call(self: _Threaded[S], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.to_thread(method, self.blocking, *args, **kwargs)

    functools.update_wrapper(call, method)
    return call


class AsyncFaults(_Threaded[Faults]):
    """See Faults."""

    arm = _threaded(Faults.arm)
    add = _threaded(Faults.add)
    persona = _threaded(Faults.persona)
    hits = _threaded(Faults.hits)
    disarm = _threaded(Faults.disarm)
    clear = _threaded(Faults.clear)
    armed = _threaded(Faults.armed)


class AsyncDns(_Threaded[Dns]):
    """See Dns."""

    set_txt = _threaded(Dns.set_txt)
    clear_txt = _threaded(Dns.clear_txt)
    set_addresses = _threaded(Dns.set_addresses)
    set_default_ipv4 = _threaded(Dns.set_default_ipv4)
    set_cname = _threaded(Dns.set_cname)
    clear_cname = _threaded(Dns.clear_cname)


class AsyncAcmeServer(_Threaded[AcmeServer]):
    """See AcmeServer, which `blocking` is; `orders()` is a method here."""

    def __init__(self, blocking: AcmeServer) -> None:
        super().__init__(blocking)
        self.directory_url, self.ca_bundle, self.dns = blocking.directory_url, blocking.ca_bundle, blocking.dns
        self.http01_port, self.tls_alpn_port = blocking.http01_port, blocking.tls_alpn_port
        self.seed, self.where = blocking.seed, blocking.where
        self.faults, self.zone = AsyncFaults(blocking.faults), AsyncDns(blocking.zone)
        self.ssl_context = blocking.ssl_context

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def management_url(self) -> str:
        """See AcmeServer."""
        return self.blocking.management_url

    @property
    def roots(self) -> str:
        """See AcmeServer."""
        return self.blocking.roots

    @property
    def roots_file(self) -> str:
        """See AcmeServer."""
        return self.blocking.roots_file

    @property
    def environment(self) -> dict[str, str]:
        """See AcmeServer."""
        return self.blocking.environment

    async def orders(self) -> tuple[Order, ...]:
        """See AcmeServer."""
        return await asyncio.to_thread(lambda: self.blocking.orders)

    now = _threaded(AcmeServer.now)
    freeze = _threaded(AcmeServer.freeze)
    resume = _threaded(AcmeServer.resume)
    advance = _threaded(AcmeServer.advance)
    run_to_next = _threaded(AcmeServer.run_to_next)
    issued = _threaded(AcmeServer.issued)
    history = _threaded(AcmeServer.history)
    wait_for = _threaded(AcmeServer.wait_for)
    snapshot = _threaded(AcmeServer.snapshot)
    restore = _threaded(AcmeServer.restore)
    reset = _threaded(AcmeServer.reset)
    ask = _threaded(AcmeServer.ask)
    close = _threaded(AcmeServer.close)
