"""Keeps web pages out: the API has no token, so a browser must not be able to use it for a foreign page.

A page elsewhere sends its Origin. A page whose name was made to resolve to
this machine (DNS rebinding) sends its name as Host; an address, or localhost,
cannot be rebound.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit


def complaint(host: str, origin: str | None) -> str | None:
    """Say why a request with these headers is refused, or None."""
    if not _is_fixed(host):
        return f"requests for the host {host[:80]!r} are refused; use 127.0.0.1 or localhost"
    if origin is not None and origin != f"http://{host}":
        return f"requests of web pages are refused (Origin {origin[:80]!r})"
    return None


def _is_fixed(host: str) -> bool:
    """Whether the host is an address or localhost; no Host at all is no browser."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name in ("", "localhost") or bool(ipaddress.ip_address(name))
    except ValueError:
        return False
