"""What this process's responders show for tests, as pebble-challtestsrv does, and which world it is of.

The listeners are the process's, since a validation dials one port whatever the
world; what stands on them is a world's: copied and brought back with it, and
gone when it is.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeAlias, TypeVar

import attrs

from acme_server.protocol.challenge_certificate import server_name
from acme_server.protocol.driver import Entropy
from acme_server.protocol.identifier import identifier_of
from solvers.dns.name import canonical
from solvers.http01.site import AnyHost, Site
from solvers.tlsalpn01.certificate import ChallengeCertificate, create
from solvers.tlsalpn01.responder import Responder

T = TypeVar("T")
# What an exhibit showed, table by table.
Shown: TypeAlias = tuple[dict[str, Any], ...]


@attrs.frozen
class Responders:
    """What the listeners show, and `HOST:PORT` of each; None where nothing listens."""

    site: Site
    tls: Responder
    http01: str | None
    https01: str | None
    tls_alpn: str | None

    def exhibit(self) -> Exhibit:
        """Return a new world's part, which shows nothing yet."""
        exhibit = Exhibit(self)
        self.site.tables.append(exhibit.any_host)
        self.tls.tables.append(exhibit.certificates)
        return exhibit


@attrs.frozen(eq=False)
class Exhibit:
    """One world's part: contents, redirects, and challenge certificates by name."""

    responders: Responders
    any_host: AnyHost = attrs.field(factory=AnyHost)
    certificates: dict[str, ChallengeCertificate] = attrs.field(factory=dict)

    def add_redirect(self, path: str, target: str) -> None:
        """Redirect from a path; ValueError for what cannot stand in a Location header."""
        if not (target.isascii() and target.isprintable()):
            raise ValueError(f"{target[:64]!a} cannot be a redirect's target: write it in printable ASCII")
        self.any_host.redirects[path] = target

    def add_certificate(self, entropy: Entropy, now: datetime, host: str, key: str) -> None:
        """Make and show the certificate for a name or address and a key authorization; the last one counts."""
        self.certificates[_shown_at(host)] = create(entropy, now, canonical(host), key)

    def remove_certificate(self, host: str) -> None:
        """Show none for a name; harmless when none was shown."""
        self.certificates.pop(_shown_at(host), None)

    def copy(self) -> Shown:
        """Return what is shown now."""
        return tuple(map(dict, self._tables))

    def restore(self, shown: Shown) -> None:
        """Show what was shown when a copy was made; the copy stays good."""
        for mine, copied in zip(self._tables, shown, strict=True):
            mine.clear()
            mine.update(copied)

    @property
    def _tables(self) -> Shown:
        return self.any_host.contents, self.any_host.redirects, self.certificates

    def close(self) -> None:
        """Show nothing more."""
        _take_out(self.responders.site.tables, self.any_host)
        _take_out(self.responders.tls.tables, self.certificates)


def _shown_at(host: str) -> str:
    return server_name(identifier_of(canonical(host)))


def _take_out(tables: list[T], mine: T) -> None:
    """Remove a table, and not one that is equal to it."""
    tables[:] = [table for table in tables if table is not mine]
