"""Rates by name: what Let's Encrypt's production and staging allow, and how an operator's own are read.

Source: letsencrypt.org/docs/rate-limits (2026-08-05) and docs/staging-environment (2026-04-10).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from acme_server.limits import NAMES
from acme_server.protocol.rate_limit import Rate, parse_rate

_PRODUCTION: Mapping[str, str] = {
    "NewRegistrationsPerIPAddress": "10/3h",
    "NewRegistrationsPerIPv6Range": "500/3h",
    "NewOrdersPerAccount": "300/3h",
    "CertificatesPerDomain": "50/7d",
    "CertificatesPerFQDNSet": "5/7d",
    "FailedAuthorizationsPerDomainPerAccount": "5/h",
    "FailedAuthorizationsForPausingPerDomainPerAccount": "1/d/1152",
    "DirectoryRequestsPerIPAddress": "40/s/40",
    "NewNonceRequestsPerIPAddress": "20/s/10",
    "NewAccountRequestsPerIPAddress": "5/s/15",
    "NewOrderRequestsPerIPAddress": "300/s/200",
    "RevokeCertRequestsPerIPAddress": "10/s/100",
    "RenewalInfoRequestsPerIPAddress": "1000/s/100",
    "OtherRequestsPerIPAddress": "250/s/125",
}
_STAGING: Mapping[str, str] = {
    **_PRODUCTION,
    "NewRegistrationsPerIPAddress": "50/3h",
    "NewOrdersPerAccount": "1500/3h",
    "CertificatesPerDomain": "30000/s",
    "CertificatesPerFQDNSet": "30000/w",
    "FailedAuthorizationsPerDomainPerAccount": "200/h",
    "FailedAuthorizationsForPausingPerDomainPerAccount": "3600/6h",
    "NewOrderRequestsPerIPAddress": "20/s/40",
    "OtherRequestsPerIPAddress": "20/s/20",
}
PRESETS: Mapping[str, Mapping[str, str]] = {"none": {}, "letsencrypt": _PRODUCTION, "letsencrypt-staging": _STAGING}


def preset(name: str) -> dict[str, Rate]:
    """Return a preset's rates; ValueError when there is none of that name."""
    if name not in PRESETS:
        raise ValueError(f"{name[:64]!r} is no preset of rate limits; there are {', '.join(PRESETS)}")
    return read_rates(PRESETS[name])


def read_rates(document: Any) -> dict[str, Rate]:
    """Read limits and their rates, `{NAME: "COUNT/PERIOD[/BURST]"}`; ValueError says what is wrong."""
    if not isinstance(document, Mapping):
        raise ValueError("rate limits are an object of names and rates")
    for name, text in document.items():
        if name not in NAMES:
            raise ValueError(f"{str(name)[:64]!r} is no rate limit; there are {', '.join(NAMES)}")
        if not isinstance(text, str):
            raise ValueError(f"the rate of {name} is not a text such as 300/3h")
    return {name: parse_rate(text) for name, text in document.items()}
