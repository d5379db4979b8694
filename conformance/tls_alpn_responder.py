"""Our tls-alpn-01 responder (RFC 8737): certificates as told, right ones and wrong ones, chosen by SNI."""

from __future__ import annotations

import hashlib
import socket
import ssl
import tempfile
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

import attrs
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from conformance.verdict import NotReachable

ACME_TLS = "acme-tls/1"
ACME_IDENTIFIER = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.31")
TIMEOUT = 5.0


@attrs.frozen
class Shown:
    """What a certificate says.

    text: whose SHA-256 is in acmeIdentifier; names: its dNSNames; critical: of acmeIdentifier; protocol: of ALPN.
    """

    text: str
    names: tuple[str, ...]
    critical: bool = True
    protocol: str = ACME_TLS


class TlsAlpnResponder:
    """A TLS server on loopback, which listens from the first certificate on; asked: the names of SNI."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._listener: socket.socket | None = None
        self.asked: list[str] = []

    def show(self, name: str, shown: Shown) -> None:
        """Show a certificate to whoever asks for a name."""
        self._contexts[name.lower()] = _context(shown)
        if self._listener is None:
            try:
                self._listener = socket.create_server(("127.0.0.1", self._port))
            except OSError as error:
                raise NotReachable(
                    f"port {self._port}, where tls-alpn-01 is answered, cannot be had: {error}"
                ) from None
            Thread(target=self._serve, args=(self._listener,), daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        if self._listener is not None:
            # Only this wakes the thread that waits in accept().
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()

    def _serve(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            Thread(target=self._shake_hands, args=(connection,), daemon=True).start()

    def _shake_hands(self, connection: socket.socket) -> None:
        connection.settimeout(TIMEOUT)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.sni_callback = self._choose
        try:
            with context.wrap_socket(connection, server_side=True) as tls:
                tls.recv(1)
        except OSError:
            connection.close()

    def _choose(self, tls: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: ssl.SSLContext) -> int | None:
        self.asked.append(name or "")
        chosen = self._contexts.get((name or "").lower())
        if chosen is None:
            return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        tls.context = chosen
        return None


def _context(shown: Shown) -> ssl.SSLContext:
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "conformance challenge")])
    value = b"\x04\x20" + hashlib.sha256(shown.text.encode()).digest()
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(one) for one in shown.names]), critical=False)
        .add_extension(x509.UnrecognizedExtension(ACME_IDENTIFIER, value), critical=shown.critical)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(Encoding.PEM) + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        (path := Path(folder, "challenge.pem")).write_bytes(pem)
        context.load_cert_chain(path)
    context.set_alpn_protocols([shown.protocol])
    return context
