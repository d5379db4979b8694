"""What http-01 meets at one address: each request with its answer, through redirects as the ACME server follows them."""

from __future__ import annotations

import attrs

from acme_server import redirects
from acme_server.protocol.host_port import join_host_port
from acme_server.protocol.key_authorization import http01_url
from acme_server.protocol.problem import Problem
from acme_server.protocol.vantage import Fetch, HttpAnswer, Inquiry, fetch, resolve
from acme_server.redirects import Target
from acme_server.settings import Settings

# What is asked for where no token is known: that an answer comes is all that matters then.
PROBE = "gravel-check"
# As many addresses of one name are tried: strangers say how many there are.
MAX_ADDRESSES = 8
_HEADERS = (("User-Agent", "gravel"), ("Accept", "*/*"))


@attrs.frozen
class Visit:
    """One request; `address` is what was dialled."""

    target: Target
    address: str
    answer: HttpAnswer


@attrs.frozen
class Trace:
    """The requests that begin at one address; refusal: why the last redirect is not followed."""

    address: str
    visits: tuple[Visit, ...]
    refusal: str | None = None

    @property
    def last(self) -> Visit:
        """Where it ended."""
        return self.visits[-1]


def trace(name: str, token: str | None, address: str, port: int, resolver: str) -> Inquiry[Trace]:
    """Ask an address of a name for its challenge; redirects to other hosts are looked up at the resolver."""
    targets: tuple[Target, ...] = (redirects.target_of(http01_url(name, token or PROBE)),)
    visits = [(yield from _visit(targets[-1], address, port))]
    while visits[-1].answer.status in redirects.STATUSES:
        try:
            targets = (*targets, redirects.follow(targets, visits[-1].answer.header("Location"), Settings()))
        except Problem as problem:
            return Trace(address, tuple(visits), problem.detail)
        host = targets[-1].host
        addresses = (address,) if host == name else (yield from _addresses(host, resolver))
        if not addresses:
            return Trace(address, tuple(visits), f"Redirect to {targets[-1].shown}, whose host has no address")
        visits.append((yield from _visit(targets[-1], addresses[0], port)))
        for other in addresses[1:]:
            if visits[-1].answer.error is None:
                break
            visits.append((yield from _visit(targets[-1], other, port)))
    return Trace(address, tuple(visits))


def _visit(target: Target, address: str, port: int) -> Inquiry[Visit]:
    number = target.port or (port if target.scheme == "http" else 443)
    dialled = join_host_port(address, number)
    answer = yield from fetch(Fetch(target.url, headers=_HEADERS, address=dialled, verify=False))
    return Visit(target, dialled, answer)


def _addresses(host: str, resolver: str) -> Inquiry[tuple[str, ...]]:
    """Return a host's addresses; it may be one itself."""
    if redirects.is_address(host):
        return (host,)
    found: tuple[str, ...] = ()
    for rtype in ("A", "AAAA"):
        found += (yield from resolve(host, rtype, resolver)).values(rtype)
    return found[:MAX_ADDRESSES]
