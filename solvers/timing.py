"""How long solvers look and wait before they call an answer visible (contracts: `--timing`)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import attrs


@attrs.frozen
class Timing:
    """http01_passes self-checks in a row, http01_interval apart; dns01_settle after the TXT record was seen."""

    http01_passes: int
    http01_interval: timedelta
    dns01_settle: timedelta


# cert-manager: pkg/issuer/acme/http/http.go (5 passes, 2 s apart), pkg/issuer/acme/dns/dns.go (60 s).
TIMINGS: Mapping[str, Timing] = {
    "cert-manager": Timing(5, timedelta(seconds=2), timedelta(seconds=60)),
    "fast": Timing(1, timedelta(0), timedelta(0)),
}
