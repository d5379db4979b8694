"""`gravel serve`: the ACME server and its DNS, for clients of one's own."""

from __future__ import annotations

import click

from gravel.configuration import configured
from gravel.settings import Settings


@click.command()
@configured("serve")
def command(settings: Settings) -> int:
    """Start the ACME server, its management API and its DNS; stop with Ctrl-C or SIGTERM."""
    from gravel.event_loop import run

    return run(_serve(settings))


async def _serve(settings: Settings) -> int:
    from gravel.event_loop import quick_imports, stop_signals
    from gravel.output import announce

    with quick_imports():
        from gravel.running import Running
    with stop_signals() as stop:
        async with Running(settings, bridge=False) as running:
            announce(running)
            await stop.wait()
    return 0
