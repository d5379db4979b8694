"""The dns-01 solver: finds the name and its zone, has a provider write there, and checks as cert-manager does.

As pkg/issuer/acme/dns/dns.go of cert-manager does for its webhook and rfc2136
providers: without a zone there is nothing to present in.
"""

from __future__ import annotations

from functools import partial

import attrs

from acme_server.protocol.key_authorization import dns01_name
from acme_server.protocol.vantage import Inquiry, pause
from solvers.dns.name import canonical
from solvers.dns01.propagation import Propagation
from solvers.dns01.provider import Provider
from solvers.dns01.queries import QueryError, final_name
from solvers.solver import NotReady, Presentation, Readiness, Ready, SolverError
from solvers.timing import Timing


@attrs.frozen
class Dns01Solver:
    """Shows TXT values through a provider; `follow` is cnameStrategy Follow: write where aliases lead."""

    provider: Provider
    propagation: Propagation
    timing: Timing
    follow: bool = False

    def present(self, presentation: Presentation) -> Inquiry[None]:
        """Add the TXT value; SolverError when there is no such name, no zone, or the provider cannot."""
        try:
            name = yield from self._name(canonical(dns01_name(presentation.dns_name)))
            yield from self.provider.add(name, partial(self._zone_of, name), presentation.key)
        except (ValueError, QueryError) as error:
            raise SolverError(str(error)) from None

    def clean_up(self, presentation: Presentation) -> Inquiry[None]:
        """Remove this TXT value, and no other; SolverError as above, but where there can be no name, nothing is shown."""
        try:
            name = canonical(dns01_name(presentation.dns_name))
        except ValueError:
            return
        try:
            name = yield from self._name(name)
            yield from self.provider.remove(name, partial(self._zone_of, name), presentation.key)
        except QueryError as error:
            raise SolverError(str(error)) from None

    def check(self, presentation: Presentation) -> Inquiry[Readiness]:
        """Look for the value wherever it must be; once it was seen, let it settle."""
        name = dns01_name(presentation.dns_name).lower()
        try:
            if not (yield from self.propagation.shows(name, presentation.key)):
                return NotReady(f'DNS record for "{presentation.dns_name}" not yet propagated')
        except QueryError as error:
            return NotReady(str(error))
        yield from pause(self.timing.dns01_settle)
        return Ready()

    def _name(self, name: str) -> Inquiry[str]:
        """Return the name to write at."""
        if not self.follow:
            return name
        return (yield from final_name(name, self.propagation.nameservers))

    def _zone_of(self, name: str) -> Inquiry[str]:
        return self.propagation.authorities.zone_of(name, self.propagation.nameservers)
