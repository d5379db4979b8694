"""When a certificate is renewed, and how long failures push the next attempt away.

Facts from upstream `pkg/util/pki/renewaltime.go`, the API's CertificateACMEARIStatus, and `pkg/controller/certificates/trigger`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import attrs

from acme_server.protocol.times import parse_rfc3339
from issuer_bridge.acme_client.renewal import certificate_id
from issuer_bridge.durations import fraction_of, parse_duration

NO_WINDOWS = "spec.renewal.windows is not supported here; leave it out"


@attrs.frozen
class Backoff:
    """After the first failure of an issuance `minimum`, doubled with each further one up to `maximum`."""

    minimum: timedelta = timedelta(hours=1)
    maximum: timedelta = timedelta(hours=32)

    def delay(self, attempts: int) -> timedelta:
        """Return how long to wait after so many failures in a row."""
        if attempts < 1:
            return self.minimum
        factor: int = 2 ** min(attempts - 1, 32)
        return max(self.minimum, min(self.minimum * factor, self.maximum))

    def left(self, status: Mapping[str, Any], now: datetime) -> timedelta:
        """Return how much of the wait a Certificate's status has still before it; zero when it may go on."""
        failed_at = status.get("lastFailureTime")
        if not failed_at or self.minimum <= timedelta(0):
            return timedelta(0)
        attempts = status.get("failedIssuanceAttempts")
        wait = self.minimum if attempts is None else self.delay(attempts)
        return max(timedelta(0), parse_rfc3339(failed_at) + wait - now)


def renewal_time(not_before: datetime, not_after: datetime, spec: Mapping[str, Any]) -> datetime | None:
    """Return when to renew, in whole seconds; None where the spec has renewal off.

    renewBefore, then renewBeforePercentage, each only where it fits the real validity; else a third before the end.
    """
    if (spec.get("renewal") or {}).get("policy") == "Disabled":
        return None
    validity = not_after - not_before
    before = parse_duration(spec["renewBefore"]) if spec.get("renewBefore") else timedelta(0)
    percentage = spec.get("renewBeforePercentage") or 0
    if not timedelta(0) < before < validity:
        before = validity * percentage / 100 if 0 < percentage < 100 else validity / 3
    return (not_after - before).replace(microsecond=0)


def suggested_time(information: Mapping[str, Any], chain: bytes) -> datetime | None:
    """Return a moment in the window that an ACME server suggests for a certificate (RFC 9773 section 4.2), in seconds.

    information: `status.acme.ari`. None where that is about another certificate, or has no window. Which moment it is
    follows from the certificate.
    """
    window = information.get("suggestedWindow") or {}
    try:
        name = certificate_id(chain.decode("ascii"))
        start, end = (parse_rfc3339(window[member]) for member in ("start", "end"))
    except (ValueError, KeyError):
        return None
    if information.get("certID") != name:
        return None
    return (start + (end - start) * fraction_of(name)).replace(microsecond=0)


def windows_in_the_way(spec: Mapping[str, Any]) -> str:
    """Return why a renewal time cannot be what the spec wants, or ""."""
    renewal = spec.get("renewal") or {}
    return NO_WINDOWS if renewal.get("windows") and renewal.get("policy") != "Disabled" else ""
