"""A metric as a value: what it is called, and what a reading of it holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

import attrs

from acme_server.protocol.histogram import Histogram

Labels: TypeAlias = tuple[str, ...]
"""The values of a family's labels, in its order."""


@attrs.frozen
class Summary:
    """How many there were, how long all took together, and quantiles of the last ones: NaN where there are none."""

    count: int
    total: float
    quantiles: Mapping[float, float]


Value: TypeAlias = float | Histogram | Summary
Samples: TypeAlias = Mapping[Any, Value]
"""By labels."""


@attrs.frozen
class Family:
    """A metric: type is counter, gauge, histogram or summary; always: what is told of even before it happened.

    A counter that appears with its first increment hides that one from `increase()`.
    """

    name: str
    type: str
    help: str
    labels: tuple[str, ...] = ()
    always: tuple[Labels, ...] = ()


Reading: TypeAlias = tuple[Family, Samples]
Source: TypeAlias = Callable[[], Iterable[Reading]]
"""Whoever has something to tell: called at each scrape."""
