"""The http-01 solver: presents on the responder, checks as cert-manager does.

The self-check is pkg/issuer/acme/http/http.go of cert-manager: several passes
in a row, each with ten seconds in all, redirects followed like Go's client
follows them, the body compared without trimming. What was received is never
part of a reason, and a reason is the same from try to try, since a change of it
makes upstream check at once: so it is Go's words, but without ephemeral ports.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from ipaddress import ip_address
from urllib.parse import urljoin, urlsplit

import attrs

from acme_server.protocol.driver import Clock
from acme_server.protocol.host_port import join_host_port
from acme_server.protocol.key_authorization import http01_url
from acme_server.protocol.vantage import (
    REFUSED,
    TIMEOUT,
    DnsAnswer,
    Fetch,
    HttpAnswer,
    Inquiry,
    Resolve,
    fetch,
    pause,
)
from solvers.http01.responder import Responder
from solvers.solver import NotReady, Presentation, Readiness, Ready
from solvers.timing import Timing

REQUEST_TIMEOUT = timedelta(seconds=10)
"""For a pass with all its lookups and redirects."""
LOOKUP_TIMEOUT = timedelta(seconds=3)
"""For a question to one resolver."""
# The form is upstream's, whose first word people may let through; the last says who it is.
USER_AGENT = "cert-manager-challenges/v1.21.1 (linux/amd64) gravel"
BODY_LIMIT = 1 << 20
MAX_REDIRECTS = 10
REDIRECTS = frozenset({301, 302, 303, 307, 308})
_FAMILIES: Mapping[str, int] = {"A": 4, "AAAA": 6}
_OUT_OF_TIME = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
# What Go says of a dial that fails.
_DIAL_FAILURES: Mapping[str, str] = {REFUSED: "connect: connection refused", TIMEOUT: "i/o timeout"}


class Http01Solver:
    """Shows key authorizations on a responder.

    port: what a self-check dials instead of port 80; clock: what its ten seconds
    are counted by; nameservers: `HOST:PORT` of the resolvers it asks, one after
    the other until one answers (`--acme-http01-solver-nameservers`), none for
    the system's.
    """

    def __init__(
        self, responder: Responder, port: int, timing: Timing, clock: Clock, nameservers: tuple[str, ...] = ()
    ) -> None:
        self._responder = responder
        self._port = port
        self._timing = timing
        self._clock = clock
        self._nameservers = nameservers

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
            return f"failed to perform self check GET request '{url}': Get \"{error.url}\": {error}"
        if answer.status != 200:
            return f"wrong status code '{answer.status}', expected '200'"
        if answer.body != presentation.key.encode():
            return f'did not get expected response "{presentation.key}" when querying endpoint'
        return None

    def _get(self, url: str) -> Inquiry[HttpAnswer]:
        """Follow redirects to any scheme's host and port, as Go's client does; one without Location is an answer."""
        deadline = self._clock() + REQUEST_TIMEOUT
        target = self._target(url)
        for _ in range(MAX_REDIRECTS + 1):
            answer = yield from self._visit(target, deadline)
            location = answer.header("Location") if answer.status in REDIRECTS else None
            if not location:
                return answer
            target = self._target(location, target.url)
        raise _RequestError(target.url, f"stopped after {MAX_REDIRECTS} redirects")

    def _target(self, url: str, base: str = "") -> _Target:
        try:
            joined = urljoin(base, url)
            parts = urlsplit(joined)
            host, port = parts.hostname, parts.port
        except ValueError:
            raise _RequestError(base, "redirected to what is not a URL") from None
        if parts.scheme not in ("http", "https") or not host:
            raise _RequestError(base, f"redirected to an unsupported URL of scheme {parts.scheme[:32]!r}")
        if parts.scheme == "http" and port in (None, 80):
            port = self._port
        return _Target(parts._replace(fragment="").geturl(), host, port or 443)

    def _visit(self, target: _Target, deadline: datetime) -> Inquiry[HttpAnswer]:
        """Ask at the host's IPv4 addresses, then at its IPv6 ones, until one speaks HTTP or the time is over."""
        failures: list[str] = []
        for rtype in _FAMILIES:
            try:
                addresses = yield from self._addresses(target, rtype, deadline)
            except _RequestError as error:
                failures.append(str(error))
                continue
            for number, address in enumerate(addresses):
                # A dead address leaves time for the next, as Go's dialer divides its deadline.
                timeout = self._left(target, deadline) / (len(addresses) - number)
                answer = yield from fetch(_request(target, address, timeout))
                if answer.error is None:
                    return answer
                failures.append(_failure(target.at(address), answer.error))
        self._left(target, deadline)
        # Sorted, because resolvers shuffle their answers.
        reasons = sorted(dict.fromkeys(failures)) or [f"dial tcp: lookup {target.host}: no such host"]
        raise _RequestError(target.url, "; ".join(reasons))

    def _left(self, target: _Target, deadline: datetime) -> timedelta:
        """Return how much time is left; raise when none is."""
        left = deadline - self._clock()
        if left <= timedelta(0):
            raise _RequestError(target.url, _OUT_OF_TIME)
        return left

    def _addresses(self, target: _Target, rtype: str, deadline: datetime) -> Inquiry[tuple[str, ...]]:
        """Return a host's addresses of one family, as the first resolver that answers says."""
        host, failure = target.host, ""
        try:
            return (host,) if ip_address(host).version == _FAMILIES[rtype] else ()
        except ValueError:
            pass
        for server in self._nameservers or (None,):
            answer = yield Resolve(host, rtype, server, min(LOOKUP_TIMEOUT, self._left(target, deadline)))
            assert isinstance(answer, DnsAnswer)
            where = f"{host} on {server}" if server else host
            if answer.error is None:
                break
            failure = f"{where}: {_DIAL_FAILURES.get(answer.error, answer.error)}"
        else:
            raise _RequestError(target.url, f"dial tcp: lookup {failure}")
        if answer.rcode == "NXDOMAIN":
            raise _RequestError(target.url, f"dial tcp: lookup {where}: no such host")
        if answer.rcode != "NOERROR":
            raise _RequestError(target.url, f"dial tcp: lookup {where}: server misbehaving ({answer.rcode})")
        return answer.values(rtype)


@attrs.frozen
class _Target:
    """A URL to visit, and what to dial for it."""

    url: str
    host: str
    port: int

    def at(self, address: str) -> str:
        return join_host_port(address, self.port)


class _RequestError(Exception):
    """A request to `url` got no answer; the message says why, in words that do not vary."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(reason)
        self.url = url


def _failure(authority: str, error: str) -> str:
    words = _DIAL_FAILURES.get(error)
    return f"dial tcp {authority}: {words}" if words else f"{authority}: {error}"


def _request(target: _Target, address: str, timeout: timedelta) -> Fetch:
    return Fetch(
        target.url,
        headers=(("User-Agent", USER_AGENT),),
        address=target.at(address),
        verify=False,
        timeout=timeout,
        limit=BODY_LIMIT,
    )
