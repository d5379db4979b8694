"""The kinds of parts that last: one value, the keys of a dict, the names of the DNS; each says which rows have changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import takewhile
from typing import Any, Protocol, TypeAlias

import attrs

from acme_server.worlds import HostedWorld
from gravel.dns_view import DnsView
from gravel.tracked import Tracked

Hosted: TypeAlias = HostedWorld[DnsView]
# The name of a row that is the only one.
ALONE = ""
_UNKNOWN = object()


class Part(Protocol):
    """Some of the world."""

    @property
    def name(self) -> str:
        """Whose its rows are."""
        ...

    def begin(self, hosted: Hosted) -> None:
        """Look at a world as if for the first time."""
        ...

    def changes(self, hosted: Hosted) -> Iterable[tuple[str, Any]]:
        """Return rows that may have changed since this was asked last, None for one that is gone."""
        ...

    def restore(self, hosted: Hosted, rows: Mapping[str, Any]) -> None:
        """Be what the rows say; none: nothing was ever written."""
        ...


@attrs.define
class Value:
    """One row. read: what is compared each time, so that it must cost little; to_json, put: how it is kept."""

    name: str
    read: Callable[[Hosted], Any]
    to_json: Callable[[Any], Any]
    put: Callable[[Hosted, Any], None]
    _last: Any = _UNKNOWN

    def begin(self, _: Hosted) -> None:
        """See Part."""
        self._last = _UNKNOWN

    def changes(self, hosted: Hosted) -> Iterable[tuple[str, Any]]:
        """See Part."""
        found = self.read(hosted)
        if found is self._last or found == self._last:
            return ()
        self._last = found
        return ((ALONE, self.to_json(found)),)

    def restore(self, hosted: Hosted, rows: Mapping[str, Any]) -> None:
        """See Part."""
        if ALONE in rows:
            self.put(hosted, rows[ALONE])


@attrs.frozen
class Table:
    """A row for each key of a dict, the attribute `attribute` of what `owner` finds."""

    name: str
    owner: Callable[[Hosted], Any]
    attribute: str
    to_json: Callable[[Any], Any] = lambda value: value
    from_json: Callable[[Any], Any] = lambda value: value
    to_name: Callable[[Any], str] = lambda key: key
    from_name: Callable[[str], Any] = lambda name: name

    def begin(self, hosted: Hosted) -> None:
        """See Part."""
        owner = self.owner(hosted)
        setattr(owner, self.attribute, Tracked(getattr(owner, self.attribute)))

    def changes(self, hosted: Hosted) -> Iterable[tuple[str, Any]]:
        """See Part."""
        table: Tracked[Any, Any] = getattr(self.owner(hosted), self.attribute)
        if not table.touched:
            return ()
        rows = [(self.to_name(key), self.to_json(table[key]) if key in table else None) for key in table.touched]
        table.touched.clear()
        return rows

    def restore(self, hosted: Hosted, rows: Mapping[str, Any]) -> None:
        """See Part."""
        table = getattr(self.owner(hosted), self.attribute)
        table.update({self.from_name(name): self.from_json(value) for name, value in rows.items()})
        table.touched.clear()


@attrs.define
class Names:
    """A row for each name of the DNS."""

    name: str = "zone"
    _serial: int = 0

    def begin(self, hosted: Hosted) -> None:
        """See Part."""
        self._serial = hosted.view.zone.serial

    def changes(self, hosted: Hosted) -> Iterable[tuple[str, Any]]:
        """See Part; the zone remembers more changes than can be made between two calls."""
        zone = hosted.view.zone
        recent = takewhile(lambda change: change.serial > self._serial, reversed(zone.changes))
        rows = {change.name: dict(zone.stored(change.name)) or None for change in recent}
        self._serial = zone.serial
        return tuple(rows.items())

    def restore(self, hosted: Hosted, rows: Mapping[str, Any]) -> None:
        """See Part."""
        zone = hosted.view.zone
        stored = {name: {each: tuple(values) for each, values in held.items()} for name, held in rows.items()}
        zone.revise(zone, stored, zone.serial)
