"""What the http-01 solver presents: a key for an exact host and path, else nothing.

As cert-manager's acmesolver (solver/solver.go of cert-manager), but for any number of names at once.
"""

from __future__ import annotations

from acme_server.protocol.key_authorization import HTTP01_PATH

READING = ("GET", "HEAD")


class Responder:
    """Key authorizations by host and token."""

    def __init__(self) -> None:
        self._keys: dict[tuple[str, str], bytes] = {}

    def add(self, host: str, token: str, key: str) -> None:
        """Show a key; for the same host and token the last one counts."""
        self._keys[bare_host(host), HTTP01_PATH + token] = key.encode()

    def remove(self, host: str, token: str) -> None:
        """Show it no more; harmless when it was not shown."""
        self._keys.pop((bare_host(host), HTTP01_PATH + token), None)

    def handle(self, method: str, host: str, path: str) -> tuple[int, bytes]:
        """Return status and body for a request; `host` is the Host header, `path` is raw, without its query."""
        key = self._keys.get((bare_host(host), path))
        if key is None:
            return 404, b""
        return (200, key) if method in READING else (405, b"")


def bare_host(host: str) -> str:
    """Return a Host header's host in lower case, without port and brackets."""
    name = host.lower()
    if name.startswith("["):
        return name[1:].partition("]")[0]
    return name if name.count(":") > 1 else name.partition(":")[0]
