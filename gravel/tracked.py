"""A dict that remembers which of its keys were written or removed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Tracked(dict[K, V]):
    """`touched`: the keys of changes since somebody cleared it; of what a dict can do, what its users here do."""

    def __init__(self, items: Mapping[K, V]) -> None:
        super().__init__(items)
        self.touched: dict[K, None] = {}

    def __setitem__(self, key: K, value: V) -> None:
        self.touched[key] = None
        super().__setitem__(key, value)

    def __delitem__(self, key: K) -> None:
        self.touched[key] = None
        super().__delitem__(key)

    def update(self, items: Any) -> None:  # a mapping, and nothing else
        """Write all of a mapping."""
        self.touched.update(dict.fromkeys(items))
        super().update(items)

    def pop(self, key: K, *default: Any) -> Any:
        """Remove a key."""
        self.touched[key] = None
        return super().pop(key, *default)

    def clear(self) -> None:
        """Remove all keys."""
        self.touched.update(dict.fromkeys(self))
        super().clear()
