"""What the tls-alpn-01 responder shows: a challenge certificate to a validator that asks for its name, else an alert."""

from __future__ import annotations

from collections import deque
from enum import IntEnum

import attrs

from acme_server.protocol.challenge_certificate import ACME_TLS
from solvers.tlsalpn01.certificate import ChallengeCertificate
from solvers.tlsalpn01.client_hello import ClientHello

HISTORY = 1000


class Alert(IntEnum):
    """Why a handshake ends (RFC 8446 section 6.2)."""

    DECODE_ERROR = 50
    INTERNAL_ERROR = 80
    UNRECOGNIZED_NAME = 112
    NO_APPLICATION_PROTOCOL = 120


@attrs.frozen
class Greeted:
    """A handshake that was begun, and the alert that ended it, if any."""

    server_name: str
    protocols: tuple[str, ...]
    alert: Alert | None


class Responder:
    """Challenge certificates by name and key authorization; `history` holds the last handshakes, oldest first.

    A handshake can show one certificate only: of several for a name, the one that was added last. `tables` have
    certificates by name in lower case, for names that the solver shows none for; the last table is asked first.
    `nothing` ends the handshakes for all other names.
    """

    def __init__(self, history: int = HISTORY) -> None:
        self._certificates: dict[str, dict[str, ChallengeCertificate]] = {}
        self.nothing = Alert.UNRECOGNIZED_NAME
        self.tables: list[dict[str, ChallengeCertificate]] = []
        self.history: deque[Greeted] = deque(maxlen=history)

    def shows(self, name: str, key: str) -> bool:
        """Return whether there is a certificate for a name and a key authorization."""
        return key in self._certificates.get(name.lower(), {})

    def add(self, name: str, key: str, certificate: ChallengeCertificate) -> None:
        """Show a certificate."""
        self._certificates.setdefault(name.lower(), {})[key] = certificate

    def remove(self, name: str, key: str) -> None:
        """Show it no more; harmless when it was not shown."""
        shown = self._certificates.get(name.lower(), {})
        shown.pop(key, None)
        if not shown:
            self._certificates.pop(name.lower(), None)

    def handle(self, hello: ClientHello) -> ChallengeCertificate | Alert:
        """Return what a client is shown; nobody but a validator, which offers `acme-tls/1`, sees a certificate."""
        shown = self._shown(hello.server_name.lower())
        answer: ChallengeCertificate | Alert
        if ACME_TLS not in hello.protocols:
            answer = Alert.NO_APPLICATION_PROTOCOL
        elif shown is None:
            answer = self.nothing
        else:
            answer = shown
        alert = answer if isinstance(answer, Alert) else None
        self.history.append(Greeted(hello.server_name, hello.protocols, alert))
        return answer

    def _shown(self, name: str) -> ChallengeCertificate | None:
        presented = self._certificates.get(name)
        if presented:
            return next(reversed(presented.values()))
        return next((table[name] for table in reversed(self.tables) if name in table), None)
