"""What a world was asked over HTTP: how often, with which outcome, and how long the answers took."""

from __future__ import annotations

import attrs

from acme_server.protocol.histogram import Histogram

# Seconds. Most answers take less than one thousandth.
BOUNDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
OTHER = "other"
_METHODS = ("GET", "HEAD", "OPTIONS", "POST")


@attrs.define
class Served:
    """Counts; cheap, because every request does.

    requests: by method, route and status, a route that is none being ""; times: by route.
    """

    requests: dict[tuple[str, str, int], int] = attrs.field(factory=dict)
    times: dict[str, Histogram] = attrs.field(factory=dict)
    _route: str = ""

    def count(self, method: str, route: str, status: int) -> None:
        """Count a request that was answered."""
        key = (method if method in _METHODS else OTHER, route, status)
        self.requests[key] = self.requests.get(key, 0) + 1
        self._route = route

    def took(self, seconds: float) -> None:
        """Say how long the answer took that was counted last: nobody else is answered meanwhile."""
        times = self.times.get(self._route)
        if times is None:
            times = self.times[self._route] = Histogram(BOUNDS)
        times.add(seconds)
