"""A TLS server's context from a certificate and a key in PEM: they reach OpenSSL through pipes, a key is never a file."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager


def server_context(certificate_pem: str, key_pem: str) -> ssl.SSLContext:
    """Return a context for TLS 1.2 and later."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    with _piped(certificate_pem) as certificate, _piped(key_pem) as key:
        context.load_cert_chain(certificate, key)
    return context


@contextmanager
def _piped(text: str) -> Iterator[str]:
    """Offer a short text as a path that can be read once."""
    reader, writer = os.pipe()
    try:
        with os.fdopen(writer, "w", encoding="ascii") as file:
            file.write(text)
        yield f"/dev/fd/{reader}"
    finally:
        os.close(reader)
