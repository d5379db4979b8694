"""Which of an issuer's solvers answers for a name (upstream `pkg/util/solverpicker`).

A solver without a selector is the default. Otherwise all parts of its selector
must match, and the more specific solver wins: an exact DNS name before a zone,
a longer zone before a shorter one, more labels before fewer, and the one that
comes first in the issuer when they are equal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import attrs

Solver: TypeAlias = Mapping[str, Any]
Offer: TypeAlias = Mapping[str, Any]
"""A challenge that the server offers: url, token, type."""

FIELD_OF: Mapping[str, str] = {"http-01": "http01", "dns-01": "dns01"}


@attrs.frozen
class Pick:
    """A solver and the challenge that it takes on."""

    solver: Solver
    offer: Offer


@attrs.frozen(order=True)
class Specificity:
    """How well a selector fits; field by field, the first difference decides."""

    exact_name: bool = False
    zone_labels: int = 0
    labels: int = 0


def pick(name: str, offers: Sequence[Offer], solvers: Sequence[Solver], labels: Mapping[str, str]) -> Pick | None:
    """Return the solver for a name (`*.` in front of a wildcard's), or None when no solver fits."""
    best: tuple[Specificity, Pick] | None = None
    for solver in solvers:
        offer = next((offer for offer in offers if solver.get(FIELD_OF.get(offer["type"], "")) is not None), None)
        if offer is None:
            continue
        selector = solver.get("selector")
        found = Specificity() if selector is None else specificity(selector, name, labels)
        if found is not None and (best is None or found > best[0]):
            best = found, Pick(solver, offer)
    return best[1] if best else None


def specificity(selector: Mapping[str, Any], name: str, labels: Mapping[str, str]) -> Specificity | None:
    """Return how well a selector fits a name of an order with these labels; None when a part of it does not."""
    wanted, names, zones = (selector.get(part) or () for part in ("matchLabels", "dnsNames", "dnsZones"))
    zone_labels = max((zone.count(".") + 1 for zone in zones if _is_in(name, zone)), default=0)
    if wanted and any(labels.get(key) != value for key, value in wanted.items()):
        return None
    if (names and name not in names) or (zones and not zone_labels):
        return None
    return Specificity(bool(names), zone_labels, len(wanted))


def _is_in(name: str, zone: str) -> bool:
    """Whether the labels of a zone end a name."""
    return name == zone or name.endswith("." + zone)
