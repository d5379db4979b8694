"""Readings as text (the Prometheus text format, version 0.0.4), which prometheus_client writes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate

import attrs
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from acme_server.protocol.histogram import Histogram
from gravel.metrics.family import Family, Samples, Summary, Value

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
_TOTAL = "_total"


def text_of(readings: Mapping[Family, Samples]) -> bytes:
    """Return readings as text; a family of which nothing is known has its head."""
    text = generate_latest(_Readings(readings))
    for family in readings:
        # The library would have every counter end in `_total`; cert-manager's do not all.
        if family.type == "counter" and not family.name.endswith(_TOTAL):
            for head in ("HELP", "TYPE"):
                text = text.replace(f"# {head} {family.name}{_TOTAL} ".encode(), f"# {head} {family.name} ".encode())
    return text


@attrs.frozen
class _Readings(Collector):
    readings: Mapping[Family, Samples]

    def collect(self) -> Iterator[Metric]:
        for family, samples in self.readings.items():
            name = family.name.removesuffix(_TOTAL) if family.type == "counter" else family.name
            metric = Metric(name, family.help, family.type)
            for values, value in samples.items():
                labels = dict(zip(family.labels, values, strict=True))
                for suffix, more, number in _points(value):
                    metric.add_sample(family.name + suffix, {**labels, **more}, number)
            yield metric


def _points(value: Value) -> Iterable[tuple[str, Mapping[str, str], float]]:
    """Yield what a value is written as: the ending of the name, further labels, and a number."""
    match value:
        case Histogram(bounds=bounds, counts=counts, total=total):
            limits = (*(f"{bound:g}" for bound in bounds), "+Inf")
            for limit, count in zip(limits, accumulate(counts), strict=True):
                yield "_bucket", {"le": limit}, count
            yield "_sum", {}, total
            yield "_count", {}, sum(counts)
        case Summary(count=count, total=total, quantiles=quantiles):
            for quantile, seconds in quantiles.items():
                yield "", {"quantile": f"{quantile:g}"}, seconds
            yield "_sum", {}, total
            yield "_count", {}, count
        case _:
            yield "", {}, value
