"""The form of a rule about what was seen of a name, and the words for who must act."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum
from typing import TypeAlias

import attrs

from gravel.check.looking import DNS, HTTP, Seen

Found: TypeAlias = Iterable[tuple[str, str]]
"""Where, and the cause; equal causes become one finding."""

ZONE = "whoever runs the zone"
RESOLVER = "whoever runs the resolver"
CLIENT = "whoever presents the challenge"
WEB = "whoever runs the web server or ingress"
NETWORK = "whoever runs the network"
NOBODY = "nobody"


class Blocks(Enum):
    """When what was found keeps a check from passing: EXPECTED is only where something must be there."""

    ALWAYS = "always"
    EXPECTED = "expected"
    NEVER = "never"


@attrs.frozen
class Rule:
    """Something that can be wrong; `find` says where it is, and why, for one challenge type."""

    code: str
    who: str
    attempt: str
    find: Callable[[Seen, str], Found]
    blocks: Blocks = Blocks.ALWAYS
    types: tuple[str, ...] = (HTTP, DNS)
