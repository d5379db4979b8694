"""A server of ours in a thread of this process, so that a test can patch it."""

from __future__ import annotations

import asyncio
import threading

from gravel.announced import Addresses
from gravel.running import Running
from gravel.settings import Settings

PATIENCE = 60.0
FREE = dict.fromkeys(("acme_port", "management_port", "dns_port", "kubernetes_port"), 0)


class Served:
    """A house, without its bridge unless told, in an event loop of its own thread."""

    def __init__(self, *, bridge: bool = False, **changes: object) -> None:
        self._bridge = bridge
        self._settings = Settings(**{**FREE, **changes})
        self._up, self._down = threading.Event(), asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.addresses: Addresses | None = None
        self._thread = threading.Thread(target=asyncio.run, args=(self._serve(),), daemon=True)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        try:
            async with Running(self._settings, bridge=self._bridge) as running:
                self.addresses = running.addresses
                self._up.set()
                await self._down.wait()
        finally:
            self._up.set()

    def __enter__(self) -> Addresses:
        self._thread.start()
        assert self._up.wait(PATIENCE)
        assert self.addresses is not None, "it did not start"
        return self.addresses

    def __exit__(self, *error: object) -> None:
        self._loop.call_soon_threadsafe(self._down.set)
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()
