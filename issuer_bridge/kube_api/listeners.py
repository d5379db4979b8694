"""Who is told of writes: each in its order, also when one of them writes while it listens."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from issuer_bridge.resources import Kind, Listener, Resource


class Listeners:
    """The listeners of a store."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []
        self._untold: deque[tuple[str, Kind, Resource]] = deque()
        self._telling = False

    def add(self, listener: Listener) -> Callable[[], None]:
        """Call the listener from now on; the returned function stops it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def tell(self, event: str, kind: Kind, resource: Resource) -> None:
        """Tell all listeners, with the same object; what happens meanwhile is told afterwards."""
        self._untold.append((event, kind, resource))
        if self._telling:
            return
        self._telling = True
        try:
            while self._untold:
                event, kind, told = self._untold.popleft()
                for listener in tuple(self._listeners):
                    listener(event, kind, told)
        finally:
            self._telling = False
