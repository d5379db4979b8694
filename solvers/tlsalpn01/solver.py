"""The tls-alpn-01 solver: presents on the responder, checks as a validation would (RFC 8737 section 3).

cert-manager has no such solver; the words of a reason are our own, and the
same from try to try. What was received is never part of a reason.
"""

from __future__ import annotations

from datetime import timedelta

from acme_server.protocol.challenge_certificate import ACME_TLS, expected, read
from acme_server.protocol.driver import Clock, Entropy
from acme_server.protocol.host_port import join_host_port
from acme_server.protocol.identifier import Identifier
from acme_server.protocol.vantage import Handshake, Inquiry, TlsAnswer, resolve, shake_hands
from solvers.solver import NotReady, Presentation, Readiness, Ready, SolverError
from solvers.tlsalpn01.certificate import create, digest_of
from solvers.tlsalpn01.responder import Responder

REQUEST_TIMEOUT = timedelta(seconds=10)


class TlsAlpn01Solver:
    """Shows challenge certificates on a responder.

    port: what a self-check dials instead of port 443; dns: `HOST:PORT` of the
    resolver it asks, None for the system's. A presentation's key is the key
    authorization. Of two presentations at one name the last is shown: a
    handshake has room for one certificate.
    """

    def __init__(self, responder: Responder, port: int, entropy: Entropy, clock: Clock, dns: str | None = None) -> None:
        self._responder = responder
        self._port = port
        self._entropy = entropy
        self._clock = clock
        self._dns = dns

    def present(self, presentation: Presentation) -> Inquiry[None]:
        """Show a certificate for the name; SolverError when there can be none."""
        name, key = presentation.dns_name.lower(), presentation.key
        if presentation.wildcard:
            raise SolverError(f"*.{name} cannot be validated through tls-alpn-01, which is for single names (RFC 8737)")
        if not self._responder.shows(name, key):
            try:
                certificate = create(self._entropy, self._clock(), name, key)
            except ValueError:
                raise SolverError(f"{name!a} cannot be in a certificate: write it in A-labels (xn--...)") from None
            self._responder.add(name, key, certificate)
        yield from ()

    def clean_up(self, presentation: Presentation) -> Inquiry[None]:
        """Show it no more."""
        self._responder.remove(presentation.dns_name, presentation.key)
        yield from ()

    def check(self, presentation: Presentation) -> Inquiry[Readiness]:
        """Shake hands at the name's IPv6 addresses, then at its IPv4 ones; the first that completes it decides."""
        name = presentation.dns_name.lower()
        failures: list[str] = []
        for rtype in ("AAAA", "A"):
            found = yield from resolve(name, rtype, self._dns)
            if found.error is not None or found.rcode != "NOERROR":
                failures.append(f"lookup {name}: {found.error or found.rcode}")
                continue
            addresses = found.values(rtype)
            for address in addresses:
                dialled = join_host_port(address, self._port)
                # A dead address leaves time for the next.
                question = Handshake(dialled, name, (ACME_TLS,), REQUEST_TIMEOUT / len(addresses))
                answer = yield from shake_hands(question)
                if answer.error is None:
                    return _readiness(answer, name, presentation.key)
                failures.append(f"dial {dialled}: {answer.error}")
        # Sorted, because resolvers shuffle their answers.
        why = "; ".join(sorted(dict.fromkeys(failures))) or f"lookup {name}: no address"
        return NotReady(f"failed to perform self check TLS handshake for '{name}': {why}")


def _readiness(answer: TlsAnswer, name: str, key: str) -> Readiness:
    if answer.protocol != ACME_TLS:
        return NotReady(f"the TLS server for '{name}' did not agree on the protocol '{ACME_TLS}'")
    try:
        shown = read(answer.certificate)
    except ValueError:
        shown = None
    if shown != expected(Identifier("dns", name), digest_of(key)):
        return NotReady(f"did not get the expected challenge certificate in the TLS handshake for '{name}'")
    return Ready()
