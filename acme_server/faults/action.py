"""What all actions have in common.

Every action belongs to a plane: STATE changes what becomes of a resource,
INSTEAD puts another reply in the place of the server's, CHANGE edits the
reply, DELIVERY decides how it travels. One exchange may suffer one action of
each plane. An exchange is a request to the ACME server, a query to the DNS, or
one of the deeds inside that have a name here.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import ClassVar

import attrs


class Plane(Enum):
    """What an action acts on."""

    STATE = "state"
    INSTEAD = "instead"
    CHANGE = "change"
    DELIVERY = "delivery"


class Stage(Enum):
    """When an action acts: in the place of the command, so that nothing is committed, or after it."""

    BEFORE = "before"
    AFTER = "after"


# Where queries to the DNS arrive, and what is done inside; all other endpoints are the ACME server's.
DNS, SIGNING, SECRETS, API, APPROVAL = "dns", "signing", "secrets", "kubernetes", "approval"
# Place -> the members of a match that mean nothing there.
PLACES: Mapping[str, tuple[str, ...]] = {
    DNS: ("account", "header", "problem"),
    SIGNING: ("header", "problem", "type"),
    SECRETS: ("account", "header", "problem", "type", "server"),
    API: ("account", "header", "problem", "type", "server"),
    APPROVAL: ("account", "header", "problem", "type", "server"),
}
BEFORE, AFTER = (Stage.BEFORE,), (Stage.AFTER,)
EITHER = (Stage.BEFORE, Stage.AFTER)


@attrs.frozen
class Action:
    """What all have: their plane, the stages they may act in (the first is the default), and where they make sense.

    endpoints: those, or when empty all of the ACME server; at_dns: a query to the DNS can suffer it.
    """

    kind: ClassVar[str]
    plane: ClassVar[Plane]
    stages: ClassVar[tuple[Stage, ...]] = BEFORE
    endpoints: ClassVar[tuple[str, ...]] = ()
    at_dns: ClassVar[bool] = False

    @classmethod
    def happens_at(cls, place: str) -> bool:
        """Whether a place other than the ACME server can suffer it."""
        return place in cls.endpoints or (cls.at_dns and place == DNS)

    @property
    def only_posts(self) -> bool:
        """Whether a request without a signature is left alone."""
        return False
