"""Who may update the zone over the wire (RFC 2136 section 3.3): nobody, the holders of keys, or anyone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from solvers.dns.tsig import Keyring


@attrs.frozen
class Writers:
    """`keyring`: whose signature is enough; `anyone`: whether none is needed."""

    keyring: Keyring | None = None
    anyone: bool = False


NOBODY = Writers()
