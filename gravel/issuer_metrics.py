"""What Prometheus is told of an issuer: how long its functions took and how they ended, and what waits for whom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from acme_server.protocol.journal import Fact
from issuer_bridge.conditions import READY, is_true, ready_reason
from issuer_bridge.issuer_lib.forms import Form
from issuer_bridge.references import key_of
from issuer_bridge.resources import Kind, Resources

try:
    from prometheus_client import CollectorRegistry, Histogram, generate_latest
    from prometheus_client.core import GaugeMetricFamily
except ModuleNotFoundError:  # without the extra `metrics`
    CollectorRegistry = None  # type: ignore[assignment,misc]

_HISTOGRAMS = {"SignAnswered": "sign", "CheckAnswered": "check"}


class Metrics:
    """Metrics of one process; without prometheus-client, none."""

    def __init__(
        self, resources: Resources, kinds: Sequence[Kind], forms: Sequence[Form], leads: Callable[[], bool]
    ) -> None:
        self._resources, self._kinds, self._forms, self._leads = resources, kinds, forms, leads
        self._histograms: dict[str, Any] = {}
        if CollectorRegistry is None:
            return
        self._registry = CollectorRegistry()
        for fact, name in _HISTOGRAMS.items():
            text = f"How long {name} took, by how it ended."
            labels = ("issuer", "result")
            self._histograms[fact] = Histogram(
                f"issuer_bridge_{name}_duration_seconds", text, labels, registry=self._registry
            )
        self._registry.register(self)

    def record(self, _house: str, facts: Sequence[Fact]) -> None:
        """Count what the frame tells."""
        for fact in facts:
            if fact.kind in self._histograms:
                labelled = self._histograms[fact.kind].labels(fact.subject["issuer"], fact.data["result"])
                labelled.observe(fact.data["seconds"])

    def text(self) -> bytes | None:
        """Return all metrics in Prometheus' text format, None without its library."""
        return generate_latest(self._registry) if self._histograms else None

    def collect(self) -> Iterator[Any]:
        """Count what is there at this moment."""
        requests = GaugeMetricFamily(
            "issuer_bridge_requests", "Requests by issuer and the reason of Ready.", labels=("issuer", "reason")
        )
        for labels, count in self._requests().items():
            requests.add_metric(labels, count)
        yield requests
        ready = GaugeMetricFamily(
            "issuer_bridge_issuer_ready", "Whether an issuer is Ready.", labels=("kind", "issuer")
        )
        for kind in self._kinds:
            for issuer in self._resources.list(kind):
                ready.add_metric((kind.kind, key_of(issuer)), is_true(issuer, READY))
        yield ready
        yield GaugeMetricFamily("issuer_bridge_leading", "Whether this process works.", value=self._leads())

    def _requests(self) -> Counter[tuple[str, str]]:
        found: Counter[tuple[str, str]] = Counter()
        for form in self._forms:
            for request in self._resources.list(form.kind):
                place = form.match(request, self._kinds)
                if place is not None:
                    found[place.key, ready_reason(request) or "None"] += 1
        return found
