"""Which zone a name is in, and who serves it: the SOA walk of cert-manager (pkg/issuer/acme/dns/util/cache.go).

From the name upwards each is asked for its SOA record. NXDOMAIN, an alias and
an answer without a SOA record in its answer section lead up; another RCODE ends
the walk. What was found is kept by nameserver and name, as long as its TTL.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import attrs

from acme_server.protocol.driver import Clock
from acme_server.protocol.vantage import Inquiry
from solvers.dns.name import suffixes
from solvers.dns01.queries import QueryError, ask, folded

# How often what has expired is thrown away.
TIDY_EVERY = timedelta(minutes=1)


@attrs.frozen
class _Found:
    names: tuple[str, ...]
    expires: datetime


class Authorities:
    """Finds zones and their nameservers, and remembers them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._found: dict[tuple[str, str, str], _Found] = {}
        self._tidied = clock()

    def zone_of(self, name: str, nameservers: tuple[str, ...]) -> Inquiry[str]:
        """Return the apex of the zone that a name is in; QueryError, with what the last nameserver said, when none is found."""
        (zone,) = yield from self._first("SOA", name, nameservers, lambda one: self._walk(name, one, nameservers))
        return zone

    def nameservers_of(self, name: str, nameservers: tuple[str, ...]) -> Inquiry[tuple[str, ...]]:
        """Return the names of the nameservers of a name's zone, in the order of the answer; QueryError as above."""
        return (yield from self._first("NS", name, nameservers, lambda one: self._list(name, one)))

    def _first(
        self,
        rtype: str,
        name: str,
        nameservers: tuple[str, ...],
        find: Callable[[str], Inquiry[tuple[tuple[str, ...], int]]],
    ) -> Inquiry[tuple[str, ...]]:
        """Return what is known of a nameserver, else what the first that has an answer says."""
        now = self._clock()
        self._tidy(now)
        for server in nameservers:
            known = self._found.get((rtype, server, name))
            if known is not None and now < known.expires:
                return known.names
        failure = QueryError("nameservers is required")
        for server in nameservers:
            try:
                names, ttl = yield from find(server)
            except QueryError as error:
                failure = error
                continue
            self._found[rtype, server, name] = _Found(names, now + timedelta(seconds=ttl))
            return names
        raise failure

    def _walk(self, name: str, server: str, nameservers: tuple[str, ...]) -> Inquiry[tuple[tuple[str, ...], int]]:
        for each in suffixes(name):
            answer = yield from ask(each, "SOA", (server,))
            if answer.rcode not in ("NOERROR", "NXDOMAIN"):
                raise QueryError(
                    f"When querying the SOA record for the domain '{each}.' using nameservers {_listed(nameservers)}, "
                    f"rcode was expected to be 'NOERROR' or 'NXDOMAIN', but got '{answer.rcode}'"
                )
            if answer.rcode == "NXDOMAIN" or answer.values("CNAME"):
                continue
            record = next((one for one in answer.records if one.rtype == "SOA"), None)
            if record is not None:
                return (folded(record.name),), record.ttl
        raise QueryError(
            f"Could not find the SOA record in the DNS tree for the domain '{name}.' "
            f"using nameservers {_listed(nameservers)}"
        )

    def _list(self, name: str, server: str) -> Inquiry[tuple[tuple[str, ...], int]]:
        try:
            zone = yield from self.zone_of(name, (server,))
        except QueryError as error:
            raise QueryError(f'Could not determine the zone for "{name}.": {error}') from None
        answer = yield from ask(zone, "NS", (server,))
        records = [one for one in answer.records if one.rtype == "NS"]
        if not records:
            raise QueryError(f'Could not determine authoritative nameservers for "{name}."')
        return tuple(folded(one.value) for one in records), min(one.ttl for one in records)

    def _tidy(self, now: datetime) -> None:
        if now - self._tidied >= TIDY_EVERY:
            self._tidied = now
            self._found = {key: found for key, found in self._found.items() if now < found.expires}


def _listed(nameservers: tuple[str, ...]) -> str:
    """Write a list as Go does."""
    return f"[{' '.join(nameservers)}]"
