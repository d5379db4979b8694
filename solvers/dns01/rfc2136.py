"""A provider that writes by dynamic updates (RFC 2136), signed by a shared key (TSIG) or not.

As pkg/issuer/acme/dns/rfc2136 of cert-manager: one TXT record with a TTL of 60
is added to what the name has, and exactly that one is removed; any RCODE but
NOERROR is an error. Other than there, a signed update wants a signed reply
(RFC 8945 section 5.3).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from acme_server.protocol.driver import Clock, Entropy
from acme_server.protocol.vantage import Inquiry, Send, send
from solvers.dns.keys import ALGORITHMS, Key
from solvers.dns.update_request import TxtChange, rcode_of, write_update
from solvers.dns01.provider import FindZone
from solvers.solver import SolverError

# What people write in an issuer, in any case -> what a key has.
TSIG_ALGORITHMS: Mapping[str, str] = {
    "HMACMD5": ALGORITHMS["hmac-md5"],
    "HMACSHA1": ALGORITHMS["hmac-sha1"],
    "HMACSHA256": ALGORITHMS["hmac-sha256"],
    "HMACSHA512": ALGORITHMS["hmac-sha512"],
}
DEFAULT_TSIG_ALGORITHM = "HMACMD5"


@attrs.frozen
class Rfc2136Provider:
    """nameserver: `HOST:PORT` to send updates to; key: None sends them unsigned; tcp: not over UDP."""

    nameserver: str
    clock: Clock = attrs.field(eq=False)
    entropy: Entropy = attrs.field(eq=False)
    key: Key | None = None
    tcp: bool = False

    def add(self, name: str, find_zone: FindZone, value: str) -> Inquiry[None]:
        """Add a value."""
        zone = yield from find_zone()
        yield from self._change(TxtChange(zone, name, value))

    def remove(self, name: str, find_zone: FindZone, value: str) -> Inquiry[None]:
        """Remove a value; a server has nothing against one that is not there."""
        zone = yield from find_zone()
        yield from self._change(TxtChange(zone, name, value, remove=True))

    def _change(self, change: TxtChange) -> Inquiry[None]:
        signatures = _signatures() if self.key else None
        try:
            message, mac = write_update(int.from_bytes(self.entropy(2)), change), b""
            if signatures and self.key:
                message, mac = signatures.sign_request(message, self.key, self.clock())
            reply = yield from send(Send(message, self.nameserver, self.tcp))
            if reply.error is not None:
                raise SolverError(f"DNS update failed: NS {self.nameserver} gave no answer: {reply.error}")
            rcode = rcode_of(reply.message)
            if rcode != "NOERROR":
                told = signatures.error_of(reply.message) if signatures else ""
                raise SolverError(f"DNS update failed. Server replied: {rcode}{f' ({told})' if told else ''}")
            if signatures and self.key:
                signatures.check_reply(reply.message, self.key, mac, self.clock())
        except ValueError as error:
            raise SolverError(f"DNS update failed: {error}") from None


def _signatures() -> Any:
    """Return the module that signs, which needs dnspython."""
    try:
        from solvers.dns import tsig
    except ModuleNotFoundError as error:
        if error.name != "dns":
            raise
        raise SolverError("a TSIG key needs dnspython: pip install 'gravel[rfc2136]'") from None
    return tsig
