"""A server that lives as long as whoever started it: one line of JSON when ready, the end when stdin ends.

`gravel.server_process` starts it. Signals from a terminal are left to the
parent, which may still have something to ask.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys

from gravel.event_loop import quick_imports, run
from gravel.settings import Settings


def main() -> None:
    """Serve on free ports."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    run(_serve(Settings(acme_port=0, management_port=0, dns_port=0, json=True)))


async def _serve(settings: Settings) -> None:
    from gravel.output import announce

    with quick_imports():
        from gravel.running import Running
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), _read, ended)
    async with Running(settings, bridge=False) as running:
        announce(running)
        sys.stdout.flush()
        await ended.wait()


def _read(ended: asyncio.Event) -> None:
    if not os.read(sys.stdin.fileno(), 4096):
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        ended.set()
