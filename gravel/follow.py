"""Follows CertificateRequests and Certificates to their end: on a terminal, in plain lines or in JSON."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Sequence
from contextlib import aclosing, contextmanager

from rich.console import Console
from rich.live import Live

from gravel.kube_client import KubeClient
from gravel.progress_display import Lines, as_json, as_text, table
from gravel.request_progress import Progress, Verdict, by_owner, certificate_progress, progress_of
from issuer_bridge.resources import CERTIFICATE, CERTIFICATE_REQUEST, CHALLENGE, ORDER, ApiError, Kind, Resource

Key = tuple[str, str]
Show = Callable[[Sequence[Progress]], None]

WATCHED = (CERTIFICATE, CERTIFICATE_REQUEST, ORDER, CHALLENGE)
GONE = 410
# Changes come in bursts; what follows within a moment is shown at once.
_BURST = 0.05
_AGAIN = 0.5


class Mirror:
    """A local copy of certificates, requests, orders and challenges, kept by watches."""

    def __init__(self) -> None:
        self.changed = asyncio.Event()
        self._objects: dict[Kind, dict[Key, Resource]] = {}

    @property
    def complete(self) -> bool:
        """Whether every kind has been listed."""
        return len(self._objects) == len(WATCHED)

    async def keep(self, client: KubeClient, kind: Kind) -> None:
        """List and watch, and begin anew whenever the server ends the watch."""
        while True:
            listing = await client.list(kind)
            self._objects[kind] = {_key(item): item for item in listing.items}
            self.changed.set()
            try:
                async with aclosing(client.watch(kind, resource_version=listing.resource_version)) as events:
                    async for event, resource in events:
                        self._apply(kind, event, resource)
            except ApiError as error:
                if error.code != GONE:
                    raise
            await asyncio.sleep(_AGAIN)

    def _apply(self, kind: Kind, event: str, resource: Resource) -> None:
        if event == "DELETED":
            self._objects[kind].pop(_key(resource), None)
        else:
            self._objects[kind][_key(resource)] = resource
        self.changed.set()

    def progress(self, names: Sequence[Key], certificates: Sequence[Key] = ()) -> list[Progress]:
        """Return where each Certificate and each request is, in the order asked for."""
        found, requests, orders, challenges = (self._objects[kind] for kind in WATCHED)
        owned = by_owner([*requests.values(), *orders.values(), *challenges.values()])
        return [
            *(certificate_progress(*key, found.get(key), owned) for key in certificates),
            *(progress_of(*key, requests.get(key), owned) for key in names),
        ]


def _key(resource: Resource) -> Key:
    return resource["metadata"].get("namespace", ""), resource["metadata"]["name"]


async def follow(
    client: KubeClient,
    names: Sequence[Key],
    certificates: Sequence[Key] = (),
    *,
    timeout: float,  # noqa: ASYNC109 - running out is an outcome here, not an exception
    console: Console,
    json: bool = False,
) -> list[Progress]:
    """Follow requests and Certificates, each (namespace, name), until all are over or the time is up; return where each is then.

    What does not exist is over, as Deleted. Unreachable and ApiError come through.
    """
    mirror = Mirror()
    progress = [
        Progress(*key, Verdict.PENDING, message="not seen yet", kind=kind.kind)
        for kind, keys in ((CERTIFICATE, certificates), (CERTIFICATE_REQUEST, names))
        for key in keys
    ]
    watches = [asyncio.create_task(mirror.keep(client, kind)) for kind in WATCHED]
    for watch in watches:
        watch.add_done_callback(lambda _: mirror.changed.set())
    try:
        with _display(console, json=json) as show:
            async with asyncio.timeout(timeout):
                while not (mirror.complete and all(item.over for item in progress)):
                    await _next(mirror, watches)
                    if mirror.complete:
                        progress = mirror.progress(names, certificates)
                        show(progress)
    except TimeoutError:
        pass
    finally:
        for watch in watches:
            watch.cancel()
        await asyncio.gather(*watches, return_exceptions=True)
    return progress


async def _next(mirror: Mirror, watches: Sequence[asyncio.Task[None]]) -> None:
    """Wait for a change; a watch that failed says so here."""
    await mirror.changed.wait()
    for watch in watches:
        if watch.done():
            watch.result()
    await asyncio.sleep(_BURST)
    mirror.changed.clear()


@contextmanager
def _display(console: Console, *, json: bool) -> Generator[Show, None, None]:
    if json or not console.is_terminal:
        yield Lines(console, as_json if json else as_text)
        return
    with Live(console=console, auto_refresh=False) as live:
        yield lambda progress: live.update(table(progress, console.height), refresh=True)
