"""Why there was no answer, in few and stable words: a reason that a user reads must not vary from try to try."""

from __future__ import annotations

import errno
import os
import re
import socket
import ssl

import aiohttp

from acme_server.direct_fetch import InvalidRequest
from acme_server.http_response import MalformedResponse
from acme_server.protocol.vantage import NAME_NOT_FOUND, REFUSED, RESET, TIMEOUT

# aiohttp wraps what the operating system says into an error of its own; the number stays.
_OS_FAILURES = {
    errno.ECONNREFUSED: REFUSED,
    errno.ECONNRESET: RESET,
    errno.EPIPE: RESET,
    errno.ETIMEDOUT: TIMEOUT,
}
# Of errors that Python has no name for.
_DECORATION = re.compile(r"^\[[^]]*\] | \(_ssl\.c:\d+\)$")


def http_failure(error: Exception) -> str:
    """Say why a request, or a handshake, got no answer."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"TLS: {_tls_reason(error.certificate_error)}"
    if isinstance(error, aiohttp.ClientSSLError):
        return f"TLS: {_tls_reason(error.os_error)}"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return NAME_NOT_FOUND
    if isinstance(error, OSError):
        return os_failure(error)
    if isinstance(error, aiohttp.ClientResponseError | MalformedResponse):
        return "malformed response"
    if isinstance(error, InvalidRequest):
        return "invalid request"
    if isinstance(error, ValueError):
        return "invalid URL"
    # The peer closed before or in the middle of its response: whether that is seen as a reset is a matter of timing.
    return RESET


def os_failure(error: OSError) -> str:
    """Say what the operating system, or OpenSSL, has against a connection."""
    if isinstance(error, TimeoutError):
        return TIMEOUT
    if isinstance(error, ConnectionResetError | ConnectionAbortedError):
        return RESET
    if isinstance(error, ssl.SSLError):
        return f"TLS: {_tls_reason(error)}"
    if isinstance(error, socket.gaierror):
        return NAME_NOT_FOUND
    # Several addresses that failed in different ways are reported as one error without a number.
    number = error.errno or 0
    return _OS_FAILURES.get(number) or (os.strerror(number).lower() if number else "connection failed")


def _tls_reason(error: Exception) -> str:
    """OpenSSL's words, without the library before and the source position after them."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    reason = getattr(error, "reason", None)
    return str(reason).replace("_", " ").lower() if reason else _DECORATION.sub("", str(error.args[-1]))
