"""The http-01 solver: presents on the responder, checks as cert-manager does.

The self-check is pkg/issuer/acme/http/http.go of cert-manager: several passes
in a row, redirects followed like Go's client follows them, the body compared
without trimming. What was received is never part of a reason, and a reason is
the same from try to try, since a change of it makes upstream check at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from ipaddress import ip_address
from urllib.parse import urljoin, urlsplit

import attrs

from acme_server.protocol.key_authorization import http01_url
from acme_server.protocol.vantage import DnsAnswer, Fetch, HttpAnswer, Inquiry, Resolve, fetch, pause
from solvers.http01.responder import Responder
from solvers.solver import NotReady, Presentation, Readiness, Ready
from solvers.timing import Timing

REQUEST_TIMEOUT = timedelta(seconds=10)
BODY_LIMIT = 1 << 20
MAX_REDIRECTS = 10
REDIRECTS = frozenset({301, 302, 303, 307, 308})
_FAMILIES: Mapping[str, int] = {"A": 4, "AAAA": 6}


class Http01Solver:
    """Shows key authorizations on a responder.

    port: what a self-check dials instead of port 80; dns: `HOST:PORT` of the
    resolver it asks, None for the system's.
    """

    def __init__(self, responder: Responder, port: int, timing: Timing, dns: str | None = None) -> None:
        self._responder = responder
        self._port = port
        self._timing = timing
        self._dns = dns

    def present(self, presentation: Presentation) -> Inquiry[None]:
        """Show the key authorization."""
        self._responder.add(presentation.dns_name, presentation.token, presentation.key)
        yield from ()

    def clean_up(self, presentation: Presentation) -> Inquiry[None]:
        """Show it no more."""
        self._responder.remove(presentation.dns_name, presentation.token)
        yield from ()

    def check(self, presentation: Presentation) -> Inquiry[Readiness]:
        """Fetch the key authorization as often in a row as the timing asks; the first failure ends it."""
        for number in range(self._timing.http01_passes):
            if number > 0:
                yield from pause(self._timing.http01_interval)
            reason = yield from self._pass(presentation)
            if reason is not None:
                return NotReady(reason)
        return Ready()

    def _pass(self, presentation: Presentation) -> Inquiry[str | None]:
        """Fetch once and say what is wrong."""
        url = http01_url(presentation.dns_name, presentation.token)
        try:
            answer = yield from self._get(url)
        except _RequestError as error:
            return f"failed to perform self check GET request '{url}': {error}"
        if answer.status != 200:
            return f"wrong status code '{answer.status}', expected '200'"
        if answer.body != presentation.key.encode():
            return f'did not get expected response when querying challenge endpoint, expected "{presentation.key}"'
        return None

    def _get(self, url: str) -> Inquiry[HttpAnswer]:
        """Follow redirects to any scheme's host and port, as Go's client does; one without Location is an answer."""
        target = self._target(url)
        for _ in range(MAX_REDIRECTS + 1):
            answer = yield from self._visit(target)
            location = answer.header("Location") if answer.status in REDIRECTS else None
            if not location:
                return answer
            target = self._target(location, target.url)
        raise _RequestError(f"stopped after {MAX_REDIRECTS} redirects")

    def _target(self, url: str, base: str = "") -> _Target:
        try:
            parts = urlsplit(urljoin(base, url))
            host, port = parts.hostname, parts.port
        except ValueError:
            raise _RequestError("redirected to what is not a URL") from None
        if parts.scheme not in ("http", "https") or not host:
            raise _RequestError(f"redirected to an unsupported URL of scheme {parts.scheme[:32]!r}")
        if parts.scheme == "http" and port in (None, 80):
            port = self._port
        return _Target(parts._replace(fragment="").geturl(), host, port or 443)

    def _visit(self, target: _Target) -> Inquiry[HttpAnswer]:
        """Ask at the host's IPv4 addresses, then at its IPv6 ones, until one speaks HTTP."""
        failures: list[str] = []
        for rtype in _FAMILIES:
            try:
                addresses = yield from self._addresses(target.host, rtype)
            except _RequestError as error:
                failures.append(str(error))
                continue
            for address in addresses:
                # A dead address leaves time for the next, as Go's dialer divides its deadline.
                answer = yield from fetch(_request(target, address, REQUEST_TIMEOUT / len(addresses)))
                if answer.error is None:
                    return answer
                failures.append(f"dial {target.at(address)}: {answer.error}")
        # Sorted, because resolvers shuffle their answers.
        raise _RequestError("; ".join(sorted(dict.fromkeys(failures))) or f"lookup {target.host}: no address")

    def _addresses(self, host: str, rtype: str) -> Inquiry[tuple[str, ...]]:
        try:
            return (host,) if ip_address(host).version == _FAMILIES[rtype] else ()
        except ValueError:
            pass
        answer = yield Resolve(host, rtype, self._dns)
        assert isinstance(answer, DnsAnswer)
        if answer.error is not None or answer.rcode != "NOERROR":
            raise _RequestError(f"lookup {host}: {answer.error or answer.rcode}")
        return answer.values(rtype)


@attrs.frozen
class _Target:
    """A URL to visit, and what to dial for it."""

    url: str
    host: str
    port: int

    def at(self, address: str) -> str:
        return f"[{address}]:{self.port}" if ":" in address else f"{address}:{self.port}"


class _RequestError(Exception):
    """A request got no answer; the message says why, in words that do not vary."""


def _request(target: _Target, address: str, timeout: timedelta) -> Fetch:
    return Fetch(target.url, address=target.at(address), verify=False, timeout=timeout, limit=BODY_LIMIT)
