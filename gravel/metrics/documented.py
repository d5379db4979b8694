"""All metrics there are, for docs/metrics.md."""

from __future__ import annotations

from gravel.metrics import bridge, cert_manager
from gravel.metrics.facts import OF_BRIDGE
from gravel.metrics.worlds import FAMILIES as OF_WORLDS

FAMILIES = (*OF_WORLDS.values(), *bridge.FAMILIES, *OF_BRIDGE, *cert_manager.FAMILIES)
