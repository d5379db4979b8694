"""Where all that can be told comes together, when somebody asks: until then, nothing of it is even imported."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from acme_server.protocol.driver import Clock
from acme_server.worlds import DEFAULT, HostedWorld
from gravel.dns_view import DnsView

if TYPE_CHECKING:
    from gravel.metrics.family import Family, Labels, Reading, Samples, Source, Value
    from gravel.metrics.fold import Fold
    from issuer_bridge.operator import Operator
    from issuer_bridge.resources import Resources

Hosted = HostedWorld[DnsView]


class Metrics:
    """What the worlds and the bridge have to tell.

    worlds: all there are, the default one first; sources: where the bridge, and whoever is on it, hands over its
    readings: append to it. Without any, there is no bridge.
    """

    def __init__(self, worlds: Callable[[], Iterable[Hosted]]) -> None:
        self.sources: list[Source] = []
        self._worlds = worlds
        self._folds: dict[str, Fold] = {}
        for hosted in worlds():
            if hosted.world.settings.journal_limit is not None:
                self._fold(hosted)

    def watch(self, resources: Resources, operator: Callable[[], Operator | None], slots: int, clock: Clock) -> None:
        """Tell of a bridge too, as `BridgeSource` does."""

        def readings() -> Iterable[Reading]:
            from gravel.metrics.bridge import BridgeSource

            return BridgeSource(resources, operator, slots, clock)()

        self.sources.append(readings)

    async def of_all(self) -> Mapping[Family, Samples]:
        """Tell of the worlds, and of the bridge."""
        from gravel.metrics.worlds import read_world

        readings: list[Reading] = []
        here = {hosted.world.id: hosted for hosted in self._worlds()}
        self._folds = {world_id: fold for world_id, fold in self._folds.items() if world_id in here}
        for hosted in here.values():
            readings += await read_world(hosted, await self._up_to_date(hosted))
        return _merged([*readings, *self._bridge()])

    async def of_bridge(self) -> Mapping[Family, Samples]:
        """Tell of the bridge alone."""
        await self._up_to_date(next(iter(self._worlds())))
        return _merged(self._bridge())

    def _bridge(self) -> Iterable[Reading]:
        from gravel.metrics.facts import OF_BRIDGE

        if not self.sources:
            return
        for source in self.sources:
            yield from source()
        told = dict(self._folds[DEFAULT].readings)
        yield from ((family, told[family]) for family in OF_BRIDGE)

    async def _up_to_date(self, hosted: Hosted) -> Fold:
        fold = self._fold(hosted)
        for _ in fold.steps():
            await asyncio.sleep(0)
        return fold

    def _fold(self, hosted: Hosted) -> Fold:
        """Return the fold of a world's journal; a world that was brought back has another one."""
        from gravel.metrics.fold import Fold

        world = hosted.world
        fold = self._folds.get(world.id)
        if fold is None or fold.journal is not world.journal:
            fold = self._folds[world.id] = Fold(world.journal)
        return fold


def _merged(readings: Iterable[Reading]) -> Mapping[Family, Samples]:
    merged: dict[Family, dict[Labels, Value]] = {}
    for family, samples in readings:
        merged.setdefault(family, {}).update(samples)
    return merged
