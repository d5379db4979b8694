"""The dns-01 solver: presents in the zone, checks as cert-manager does.

The self-check is pkg/issuer/acme/dns/util/wait.go of cert-manager with
recursive nameservers only: aliases are followed, then every nameserver must
show the value; other values beside it are allowed.
"""

from __future__ import annotations

from contextlib import suppress

from acme_server.protocol.key_authorization import dns01_name
from acme_server.protocol.vantage import DnsAnswer, Inquiry, pause, resolve
from solvers.dns.zone import Zone
from solvers.solver import NotReady, Presentation, Readiness, Ready, SolverError
from solvers.timing import Timing

# Upstream sets no bound; resolvers give up at about as many.
MAX_ALIASES = 16


class Dns01Solver:
    """Shows TXT values in a zone; `nameservers` (`HOST:PORT`) are what a self-check asks."""

    def __init__(self, zone: Zone, nameservers: tuple[str, ...], timing: Timing) -> None:
        if not nameservers:
            raise ValueError("a self-check needs a nameserver to ask")
        self._zone = zone
        self._nameservers = nameservers
        self._timing = timing

    def present(self, presentation: Presentation) -> Inquiry[None]:
        """Add the TXT value; SolverError when there can be no such name."""
        try:
            self._zone.add_txt(dns01_name(presentation.dns_name), presentation.key)
        except ValueError as error:
            raise SolverError(str(error)) from None
        yield from ()

    def clean_up(self, presentation: Presentation) -> Inquiry[None]:
        """Remove this TXT value, and no other."""
        with suppress(ValueError):  # what could not be presented is not there
            self._zone.remove_txt(dns01_name(presentation.dns_name), presentation.key)
        yield from ()

    def check(self, presentation: Presentation) -> Inquiry[Readiness]:
        """Ask every nameserver for the value; the first that does not show it ends the check."""
        try:
            name = yield from self._final_name(_folded(dns01_name(presentation.dns_name)))
            for server in self._nameservers:
                answer = yield from _query(name, "TXT", server)
                if answer.rcode not in ("NOERROR", "NXDOMAIN"):
                    return NotReady(f"NS {server} returned {answer.rcode} for {name}.")
                if presentation.key not in answer.values("TXT"):
                    return NotReady(f'DNS record for "{presentation.dns_name}" not yet propagated')
        except _QueryError as error:
            return NotReady(str(error))
        yield from pause(self._timing.dns01_settle)
        return Ready()

    def _final_name(self, name: str) -> Inquiry[str]:
        """Follow aliases to the name that should hold the value."""
        visited = [name]
        while len(visited) <= MAX_ALIASES:
            alias = yield from self._alias_of(visited[-1])
            if alias is None:
                return visited[-1]
            if alias in visited:
                raise _QueryError(f"CNAME loop at {alias}. looking up {name}.")
            visited.append(alias)
        raise _QueryError(f"more than {MAX_ALIASES} CNAMEs in a row looking up {name}.")

    def _alias_of(self, name: str) -> Inquiry[str | None]:
        """Ask the nameservers in turn until one answers; anything but NOERROR means no alias."""
        failures: list[_QueryError] = []
        for server in self._nameservers:
            try:
                answer = yield from _query(name, "CNAME", server)
            except _QueryError as error:
                failures.append(error)
                continue
            records = answer.records if answer.rcode == "NOERROR" else ()
            targets = (
                _folded(record.value) for record in records if record.rtype == "CNAME" and _folded(record.name) == name
            )
            return next(targets, None)
        raise failures[0]


class _QueryError(Exception):
    """There is no answer to go on; the message says why, in words that do not vary."""


def _query(name: str, rtype: str, server: str) -> Inquiry[DnsAnswer]:
    answer = yield from resolve(name, rtype, server)
    if answer.error is not None:
        raise _QueryError(f"NS {server} gave no answer for {name}.: {answer.error}")
    return answer


def _folded(name: str) -> str:
    return name.removesuffix(".").lower()
