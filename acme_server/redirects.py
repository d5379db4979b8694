"""Where an http-01 validation is sent next: URLs from strangers, read with care (RFC 8555 sections 8.3 and 10.4)."""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import urljoin, urlsplit

import attrs

from acme_server.protocol.problem import Problem
from acme_server.settings import Settings

STATUSES = (301, 302, 303, 307, 308)
# As Boulder, va/http.go.
MAX_LOCATION = 2000
_SHOWN = 200
_VISIBLE = re.compile(r"[!-~]+")
_HOST = re.compile(r"(?=.{1,253}$)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")


@attrs.frozen
class Target:
    """A URL to visit; `port` is None where the URL names none."""

    url: str
    scheme: str
    host: str
    port: int | None

    @property
    def shown(self) -> str:
        """The URL as a sentence quotes it."""
        return self.url[:_SHOWN] + ("..." if len(self.url) > _SHOWN else "")


def follow(visited: tuple[Target, ...], location: str | None, settings: Settings) -> Target:
    """Return where the last visited URL redirects to; raise a connection problem rather than go there."""
    here = visited[-1]
    if len(visited) > settings.max_redirects:
        raise _refusal(here, f"Too many redirects; at most {settings.max_redirects} are followed")
    if not location:
        raise _refusal(here, "Redirect without a Location header")
    if len(location) > MAX_LOCATION:
        raise _refusal(here, f"Redirect to a URL longer than {MAX_LOCATION} characters")
    try:
        target = target_of(location, base=here.url)
    except ValueError as error:
        raise _refusal(here, f"Redirect to {location[:_SHOWN]!a}, which {error}") from None
    ports = settings.redirect_ports
    if ports and target.port is not None and target.port not in ports:
        known = " and ".join(map(str, ports))
        raise _refusal(here, f"Invalid port in redirect target. Only ports {known} are supported, not {target.port}")
    if target in visited:
        raise _refusal(here, f"Redirect loop detected at {target.shown}")
    return target


def target_of(url: str, base: str = "") -> Target:
    """Read a URL that is safe to ask for, relative to a base; ValueError says what it is instead."""
    if not _VISIBLE.fullmatch(url):
        raise ValueError("is not made of visible ASCII characters")
    try:
        parts = urlsplit(urljoin(base, url))
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError("is not a URL") from None
    if parts.scheme not in ("http", "https"):
        raise ValueError("is neither http nor https")
    if "@" in parts.netloc:
        raise ValueError("carries user information")
    if port == 0 or not (_HOST.fullmatch(host.removesuffix(".")) or is_address(host)):
        raise ValueError("has no usable host and port")
    return Target(parts._replace(fragment="").geturl(), parts.scheme, host, port)


def is_address(host: str) -> bool:
    """Whether a URL's host is an address that can be dialled as it is."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return "%" not in host


def _refusal(here: Target, reason: str) -> Problem:
    return Problem("connection", f"Fetching {here.shown}: {reason}")
