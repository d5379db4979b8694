"""Older facts of a journal, packed: compressed JSON, a tenth of what they are as values."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

Row: TypeAlias = tuple[str, str, Mapping[str, str], Mapping[str, Any], str]
"""House, kind, subject, data and moment: an entry of the journal without its place in the chain."""

# Members stay in their order, as people see them.
_encode = json.JSONEncoder(separators=(",", ":"), default=dict).encode
# More costs twice the time, and gains a tenth.
_LEVEL = 3


def pack(rows: Sequence[Row]) -> bytes:
    """Return rows as one piece."""
    return zlib.compress(_encode(rows).encode("ascii"), _LEVEL)


def unpack(piece: bytes) -> list[Row]:
    """Return the rows of a piece; what were tuples inside their data are lists."""
    return [tuple(row) for row in json.loads(zlib.decompress(piece))]
