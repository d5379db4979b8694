"""Whether a TXT value can be seen: the self-check of cert-manager (pkg/issuer/acme/dns/util/{wait,cache}.go).

Aliases are followed, whatever the solver's cnameStrategy; then each nameserver
of the final name's zone must show the value, or with recursive nameservers only
each of those. Other values beside it are allowed.
"""

from __future__ import annotations

from typing import Any

import attrs

from acme_server.protocol.host_port import join_host_port
from acme_server.protocol.vantage import DnsAnswer, Inquiry, resolve
from solvers.dns01.authorities import Authorities
from solvers.dns01.queries import QueryError, ask, final_name

DNS_PORT = 53


def _some(_propagation: Any, _attribute: attrs.Attribute[tuple[str, ...]], value: tuple[str, ...]) -> None:
    if not value:
        raise ValueError("a self-check needs a nameserver to ask")


@attrs.frozen
class Propagation:
    """Where to look.

    nameservers: recursive ones, `HOST:PORT`, asked in turn; authoritative: look
    at the zone's own nameservers (else only at the recursive ones); port: of
    those, upstream always 53.
    """

    nameservers: tuple[str, ...] = attrs.field(validator=_some)
    authorities: Authorities = attrs.field(eq=False)
    authoritative: bool = True
    port: int = DNS_PORT

    def shows(self, name: str, value: str) -> Inquiry[bool]:
        """Whether every nameserver shows the value; the first that does not ends it. QueryError when one cannot say."""
        name = yield from final_name(name, self.nameservers)
        if not self.authoritative:
            for server in self.nameservers:
                answer = yield from ask(name, "TXT", (server,))
                if not _holds(answer, server, name, value):
                    return False
            return True
        for host in (yield from self.authorities.nameservers_of(name, self.nameservers)):
            answer = yield from self._ask_at(host, name)
            if not _holds(answer, self._shown(host), name, value):
                return False
        return True

    def _ask_at(self, host: str, name: str) -> Inquiry[DnsAnswer]:
        """Ask a nameserver by its name: at its IPv4 addresses, then at its IPv6 ones, until one answers."""
        failures: list[str] = []
        for rtype in ("A", "AAAA"):
            found = yield from ask(host, rtype, self.nameservers)
            for address in found.values(rtype):
                at = join_host_port(address, self.port)
                answer = yield from resolve(name, "TXT", at)
                if answer.error is None:
                    return answer
                failures.append(f"{at}: {answer.error}")
        # Sorted, because resolvers shuffle their answers.
        reason = "; ".join(sorted(failures)) or "it has no address"
        raise QueryError(f"NS {self._shown(host)} gave no answer for {name}.: {reason}")

    def _shown(self, host: str) -> str:
        return f"{host}.:{self.port}"


def _holds(answer: DnsAnswer, server: str, name: str, value: str) -> bool:
    """NXDOMAIN is a value that is not there yet; other RCODEs are errors."""
    if answer.rcode not in ("NOERROR", "NXDOMAIN"):
        raise QueryError(f"NS {server} returned {answer.rcode} for {name}.")
    return value in answer.values("TXT")
