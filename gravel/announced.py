"""Where a house is: what `up` and `serve` print when everything answers."""

from __future__ import annotations

from typing import Any

import attrs


@attrs.frozen
class Addresses:
    """Where everything is; what `--json` prints when ready."""

    directory: str
    management: str
    dns: str
    http01: str | None
    https01: str | None
    tls_alpn: str | None
    kubernetes: str | None
    metrics: str | None
    tls_ca: str
    issuing_roots: str
    state: str | None
    seed: int | None

    def to_json(self) -> dict[str, Any]:
        """Return them as one JSON object."""
        return attrs.asdict(self)
