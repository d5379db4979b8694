"""The worlds of one process, beside its default one: made, copied, brought back and deleted while it runs.

Each has its own records, journal, entropy, certificate authority, nonces, clock
and view of the network. They share nothing but the sockets they are reached by.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

import attrs

from acme_server.clock import WorldClock, clock_from
from acme_server.protocol.driver import Clock, Entropy
from acme_server.runner import AsyncioDriver
from acme_server.server import Server
from acme_server.settings import Settings
from acme_server.world import World, create_world

DEFAULT = "default"
# The snapshot that every world has.
BEGINNING = "0"
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class NoSuchWorld(LookupError):  # noqa: N818 - says what happened
    """There is no world, or no snapshot, of that name; the message is a sentence."""


class View(Protocol):
    """What one world's validations look through, say a DNS of its own."""

    def copy(self) -> Any:
        """Return its data as they are now."""
        ...

    def restore(self, copied: Any) -> None:
        """Have the data of a copy again; the copy stays good."""
        ...

    def follow(self, world: World, driver: AsyncioDriver) -> None:
        """Be the view of this world: of its faults, and in its time; told anew after each restore."""
        ...

    async def close(self) -> None:
        """Release its sockets."""
        ...


V = TypeVar("V", bound=View)


@attrs.frozen
class Ports(Generic[V]):
    """What worlds are made with.

    clock: the one that theirs follow; entropy: makes the bytes of a seed, or
    without one of the system; view: opens a view, as the options say; driver:
    makes a world's driver; begun: told of each world that was made or brought
    back, before anything happens in it.
    """

    clock: Clock
    entropy: Callable[[int | None], Entropy]
    view: Callable[[Any], Awaitable[V]]
    driver: Callable[[WorldClock, V], AsyncioDriver]
    begun: Callable[[World], None] = lambda _: None


@attrs.frozen
class Options:
    """What a world is made of; start: what its clock shows first, None for what it is; frozen: its clock stands.

    view: what whoever opens its view is told.
    """

    settings: Settings = attrs.field(factory=Settings)
    seed: int | None = None
    start: datetime | None = None
    frozen: bool = False
    view: Any = None


@attrs.frozen
class Snapshot:
    """A world as it was."""

    world: World
    clock: WorldClock
    view: Any


@attrs.define
class HostedWorld(Generic[V]):
    """A world that runs; after a reset or a restore it has another server and driver.

    keep: called after each change by the management API, before that is answered.
    """

    server: Server
    driver: AsyncioDriver
    view: V
    snapshots: dict[str, Snapshot] = attrs.field(factory=dict)
    keep: Callable[[], None] = lambda: None

    @property
    def world(self) -> World:
        """The state."""
        return self.server.world

    def take(self, snapshot_id: str) -> None:
        """Keep a copy of the world as it is now."""
        self.snapshots[snapshot_id] = Snapshot(self.world.copy(), self.driver.clock.copy(), self.view.copy())


class Worlds(Generic[V]):
    """All worlds but the default one, by ID; each at `base_url`/w/ID."""

    def __init__(self, base_url: str, ports: Ports[V]) -> None:
        self._base_url = base_url.rstrip("/")
        self._ports = ports
        self._worlds: dict[str, HostedWorld[V]] = {}
        self._made = 0

    def __len__(self) -> int:
        return len(self._worlds)

    def __iter__(self) -> Iterator[HostedWorld[V]]:
        return iter(tuple(self._worlds.values()))

    def get(self, world_id: str) -> HostedWorld[V]:
        """Return a world, or raise NoSuchWorld."""
        try:
            return self._worlds[world_id]
        except KeyError:
            raise NoSuchWorld(f"there is no world {world_id[:64]!r}") from None

    def server_of(self, world_id: str) -> Server | None:
        """Return what answers for a world, or None."""
        hosted = self._worlds.get(world_id)
        return hosted.server if hosted else None

    async def create(self, world_id: str | None = None, options: Options | None = None) -> HostedWorld[V]:
        """Make an empty world, without an ID under a new one; ValueError when the ID is taken or none."""
        world_id = self._new_id() if world_id is None else self._checked(world_id)
        options = options or Options()
        view = await self._ports.view(options.view)
        try:
            hosted = self._host(self._checked(world_id), view, options)
        except BaseException:
            await view.close()
            raise
        self._worlds[world_id] = hosted
        return hosted

    async def delete(self, world_id: str) -> None:
        """End a world and all that it does."""
        hosted = self.get(world_id)
        del self._worlds[world_id]
        await hosted.driver.close()
        await hosted.view.close()

    async def reset(self, world_id: str) -> None:
        """Bring a world back to where it began: the same authority, nothing else, the clock set back too."""
        await self.restore(world_id, BEGINNING)

    def snapshot(self, world_id: str) -> str:
        """Keep a copy of a world; return its ID."""
        hosted = self.get(world_id)
        snapshot_id = str(len(hosted.snapshots))
        hosted.take(snapshot_id)
        return snapshot_id

    async def restore(self, world_id: str, snapshot_id: str) -> None:
        """Bring back what a snapshot holds, as often as wanted; what the world was doing ends, its nonces are void."""
        hosted = self.get(world_id)
        snapshot = hosted.snapshots.get(snapshot_id)
        if snapshot is None:
            raise NoSuchWorld(f"world {world_id!r} has no snapshot {snapshot_id[:64]!r}")
        ended = hosted.driver
        hosted.driver = self._ports.driver(snapshot.clock.copy(), hosted.view)
        hosted.server = Server(snapshot.world.copy(), hosted.driver)
        hosted.view.restore(snapshot.view)
        hosted.view.follow(hosted.world, hosted.driver)
        self._ports.begun(hosted.world)
        hosted.server.resume()
        await ended.close()

    async def close(self) -> None:
        """Delete all worlds."""
        while self._worlds:
            await self.delete(next(iter(self._worlds)))

    def _host(self, world_id: str, view: V, options: Options) -> HostedWorld[V]:
        clock = clock_from(self._ports.clock, options.start, frozen=options.frozen)
        entropy = self._ports.entropy(options.seed)
        world = create_world(f"{self._base_url}/w/{world_id}", options.settings, entropy, clock(), world_id)
        driver = self._ports.driver(clock, view)
        hosted = HostedWorld(Server(world, driver), driver, view)
        view.follow(world, driver)
        self._ports.begun(world)
        hosted.take(BEGINNING)
        return hosted

    def _new_id(self) -> str:
        while True:
            self._made += 1
            if str(self._made) not in self._worlds:
                return str(self._made)

    def _checked(self, world_id: str) -> str:
        if not _ID.fullmatch(world_id):
            raise ValueError(f"{world_id[:64]!r} is no ID for a world: 1 to 64 letters, digits, '-' and '_'")
        if world_id == DEFAULT or world_id in self._worlds:
            raise ValueError(f"there is a world {world_id!r} already")
        return world_id
