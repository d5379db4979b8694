"""The solver contract: present, check, clean_up.

All three are inquiries (`acme_server.protocol.vantage`), so a solver runs on
real sockets and in virtual time alike. All are idempotent; `clean_up` may come
without a `present` before it. Failure to present or clean up is a
`SolverError`; an answer that cannot be seen yet is `NotReady`, not an error.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Protocol, TypeAlias

import attrs

from acme_server.protocol.vantage import Inquiry

HTTP01 = "HTTP-01"
DNS01 = "DNS-01"
# Not of cert-manager, which has no such solver.
TLSALPN01 = "TLS-ALPN-01"


@attrs.frozen
class Presentation:
    """What a solver is asked to show (cert-manager's ChallengeSpec).

    dns_name: without `*.`; key: for HTTP-01 and TLS-ALPN-01 the key
    authorization, for DNS-01 the TXT value, and never logged.
    """

    type: str
    dns_name: str
    token: str
    key: str = attrs.field(repr=False)
    wildcard: bool = False


@attrs.frozen
class Ready:
    """The answer can be seen: the challenge may be accepted."""


@attrs.frozen
class NotReady:
    """The answer cannot be seen yet; `reason` in cert-manager's words, without its "Waiting for ..." prefix.

    retry_after: when to look again; None means the scheduler's retry period.
    """

    reason: str
    retry_after: timedelta | None = None


Readiness: TypeAlias = Ready | NotReady


class SolverError(Exception):
    """Presenting or cleaning up failed; the message becomes the challenge's reason."""


class Solver(Protocol):
    """Shows answers of one challenge type in one place."""

    def present(self, presentation: Presentation) -> Inquiry[None]:
        """Show the answer; quick, and safe to repeat."""
        ...

    def check(self, presentation: Presentation) -> Inquiry[Readiness]:
        """Look at the answer as the certificate authority would."""
        ...

    def clean_up(self, presentation: Presentation) -> Inquiry[None]:
        """Take the answer away, whether or not it was ever shown."""
        ...
