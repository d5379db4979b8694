"""HTTPS, one exchange at a time, each kept as it was sent: connections are reused, every wait is bounded."""

from __future__ import annotations

import http.client
import json
import ssl
import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import attrs

from conformance.verdict import Failed, NotReachable

PREFIX = "urn:ietf:params:acme:error:"
USER_AGENT = "gravel-conformance/1 (http.client)"
MAX_REPLY = 1 << 20
_HANGS_UP = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError)


@attrs.frozen
class Reply:
    """An HTTP reply; header names are lower-case."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def all(self, name: str) -> list[str]:
        """Return every value of a header."""
        return [value for found, value in self.headers if found == name.lower()]

    def header(self, name: str) -> str:
        """Return a header, its values joined; empty when it is not there."""
        return ", ".join(self.all(name))

    def json(self) -> dict[str, Any]:
        """Return the body; it is a failure when it is no JSON object."""
        try:
            document = json.loads(self.body)
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise Failed("a JSON object as body", f"{self} with the body {self.body[:80]!r}")
        return document

    @property
    def problem(self) -> dict[str, Any] | None:
        """The problem document, if the body is one."""
        if self.header("Content-Type").partition(";")[0].strip() != "application/problem+json":
            return None
        try:
            document = json.loads(self.body)
        except ValueError:
            return None
        return document if isinstance(document, dict) else None

    @property
    def kind(self) -> str:
        """The type of the problem, without the prefix of ACME; empty when there is none."""
        return str((self.problem or {}).get("type", "")).removeprefix(PREFIX)

    def __str__(self) -> str:
        """Say what came back, in a few words."""
        if self.status < 400:
            return str(self.status)
        return f"{self.status} {self.kind or ('about:blank' if self.problem is not None else 'without a problem document')}"


@attrs.frozen
class Exchange:
    """A request and its reply, as they were on the wire; a reply that never came is None."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    reply: Reply | None


class Wire:
    """What all clients of a run speak through; `log` holds every exchange.

    rate: requests a second at most; timeout: seconds for one reply; private: header fields of every request, which
    the log leaves out.
    """

    def __init__(
        self,
        tls: ssl.SSLContext,
        rate: float | None = None,
        timeout: float = 15.0,
        private: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._tls, self._timeout, self._private = tls, timeout, private
        self._pause, self._next = (1 / rate if rate else 0.0), 0.0
        self._connections: dict[str, http.client.HTTPConnection] = {}
        self.log: list[Exchange] = []

    def close(self) -> None:
        """Hang up everywhere."""
        for connection in self._connections.values():
            connection.close()

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> Reply:
        """Return the reply; one that does not come is a failure, a server that is not there is not reachable."""
        time.sleep(max(0.0, self._next - time.monotonic()))
        self._next = time.monotonic() + self._pause
        headers = {"User-Agent": USER_AGENT, "Accept-Language": "en", **headers}
        reply: Reply | None = None
        try:
            reply = self._ask(method, url, headers, body)
        except (http.client.HTTPException, OSError) as error:
            raise Failed("an HTTP reply", f"none to {method} {url}: {error or type(error).__name__}") from None
        finally:
            self.log.append(Exchange(method, url, headers, body, reply))
        return reply

    def _ask(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        parts = urlsplit(url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        connection, known = self._connection(parts.scheme, parts.netloc)
        try:
            connection.request(method, target or "/", body or None, {**headers, **self._private})
            answer = connection.getresponse()
        except _HANGS_UP:
            # It may hang up whenever nothing is asked; only on a new connection does that say something.
            connection.close()
            if not known:
                raise
            return self._ask(method, url, headers, body)
        except (OSError, http.client.HTTPException):
            connection.close()
            raise
        received = answer.read(MAX_REPLY)
        if answer.will_close or not answer.isclosed():
            connection.close()
        return Reply(answer.status, tuple((name.lower(), value) for name, value in answer.getheaders()), received)

    def _connection(self, scheme: str, netloc: str) -> tuple[http.client.HTTPConnection, bool]:
        """Return a connection, and whether it was used before."""
        connection = self._connections.get(f"{scheme}://{netloc}")
        if connection is None:
            if scheme == "https":
                connection = http.client.HTTPSConnection(netloc, timeout=self._timeout, context=self._tls)
            else:
                connection = http.client.HTTPConnection(netloc, timeout=self._timeout)
            self._connections[f"{scheme}://{netloc}"] = connection
        if connection.sock is not None:
            return connection, True
        try:
            connection.connect()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise NotReachable(f"{scheme}://{netloc} cannot be reached: {error}") from None
        return connection, False
