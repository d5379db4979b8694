"""Which validity an order may ask for (RFC 8555 section 7.4), and which its certificate gets."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from acme_server.orders import Order
from acme_server.profiles import Profile, of_order
from acme_server.protocol.problem import malformed
from acme_server.protocol.times import parse_rfc3339
from acme_server.settings import Settings

# Both ends of a validity belong to it (RFC 5280 section 4.1.2.5).
_LAST_SECOND = timedelta(seconds=1)


def parse_validity(
    document: Mapping[str, Any], settings: Settings, profile: Profile, now: datetime
) -> tuple[datetime | None, datetime | None]:
    """Read `notBefore` and `notAfter`; what cannot be issued is refused here, never issued differently."""
    not_before, not_after = _moment(document, "notBefore"), _moment(document, "notAfter")
    if (not_before or not_after) and not settings.personality.dates:
        raise malformed("NotBefore and NotAfter are not supported")
    limit = profile.lifetime or settings.certificate_lifetime
    if not_before is not None and not_before < now - settings.backdate:
        raise malformed("'notBefore' is in the past")
    if not_before is not None and not_before > now + limit:
        raise malformed(f"'notBefore' is more than {_days(limit)} ahead")
    if not_after is not None:
        start = not_before or (now - settings.backdate).replace(microsecond=0)
        if not_after <= now:
            raise malformed("'notAfter' is in the past")
        if not_after <= start:
            raise malformed("'notAfter' is not later than 'notBefore'")
        if not_after > start + limit:
            raise malformed(f"'notAfter' asks for a longer life than the maximum of {_days(limit)}")
    return not_before, not_after


def validity_of(order: Order, settings: Settings, now: datetime) -> tuple[datetime, datetime]:
    """Return what the certificate will say: what was asked for, else the longest there is, from a little earlier."""
    not_before = order.not_before or (now - settings.backdate).replace(microsecond=0)
    lifetime = of_order(settings.profiles, order.profile).lifetime or settings.certificate_lifetime
    return not_before, order.not_after or not_before + lifetime - _LAST_SECOND


def _moment(document: Mapping[str, Any], name: str) -> datetime | None:
    """Fractions are cut, since a certificate has none."""
    value = document.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise malformed(f"{name!r} is not a string")
    try:
        return parse_rfc3339(value).replace(microsecond=0)
    except ValueError:
        raise malformed(f"{name!r} is not an RFC 3339 moment: {value[:64]!r}") from None


def _days(duration: timedelta) -> str:
    days = duration / timedelta(days=1)
    return f"{days:g} days"
