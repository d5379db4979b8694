"""Where TXT records are written: the provider of a dns01 solver, and the one that is the built-in zone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

import attrs

from acme_server.protocol.vantage import Inquiry
from solvers.dns.zone import Zone
from solvers.solver import SolverError

FindZone: TypeAlias = Callable[[], Inquiry[str]]
"""Finds the zone that the name is in, over the network; QueryError when there is none."""


class Provider(Protocol):
    """Adds and removes single TXT values; both are idempotent, and a SolverError says why one could not be done."""

    def add(self, name: str, find_zone: FindZone, value: str) -> Inquiry[None]:
        """Add the value to the TXT records of a name."""
        ...

    def remove(self, name: str, find_zone: FindZone, value: str) -> Inquiry[None]:
        """Remove this value, and no other."""
        ...


@attrs.frozen
class ZoneProvider:
    """Writes into a zone of this process (`webhook {groupName: acme.gravel.test, solverName: builtin}`)."""

    data: Zone

    def add(self, name: str, find_zone: FindZone, value: str) -> Inquiry[None]:
        """Add a value; SolverError when it is too long. It knows its zones, but upstream tells a webhook which one."""
        yield from find_zone()
        try:
            self.data.add_txt(name, value)
        except ValueError as error:
            raise SolverError(str(error)) from None

    def remove(self, name: str, find_zone: FindZone, value: str) -> Inquiry[None]:  # noqa: ARG002 - see below
        """Remove a value, without a question: upstream has kept the answer to that, and nothing may be left behind."""
        self.data.remove_txt(name, value)
        yield from ()
