"""What all actions have in common.

Every action belongs to a plane: STATE changes what becomes of a resource,
INSTEAD puts another reply in the place of the server's, CHANGE edits the
reply, DELIVERY decides how it travels. One exchange may suffer one action of
each plane.
"""

from __future__ import annotations

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


BEFORE, AFTER = (Stage.BEFORE,), (Stage.AFTER,)
EITHER = (Stage.BEFORE, Stage.AFTER)


@attrs.frozen
class Action:
    """What all have: their plane, the stages they may act in (the first is the default), and where they make sense."""

    kind: ClassVar[str]
    plane: ClassVar[Plane]
    stages: ClassVar[tuple[Stage, ...]] = BEFORE
    endpoints: ClassVar[tuple[str, ...]] = ()

    @property
    def only_posts(self) -> bool:
        """Whether a request without a signature is left alone."""
        return False
