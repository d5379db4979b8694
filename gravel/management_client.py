"""A blocking client of the management API, of the standard library alone; safe to use from several threads."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from collections import deque
from typing import Any
from urllib.parse import urlsplit

# Advancing a clock waits for validations over real sockets.
_TIMEOUT = 300.0


class ManagementError(Exception):
    """The API refused, with the sentence that says why, or does not answer."""


class ManagementClient:
    """Keeps its connections open, as many as were in use at once.

    url: of the API; trust: of its certificate; token: what it wants beyond loopback.
    """

    def __init__(self, url: str, trust: ssl.SSLContext, token: str | None = None) -> None:
        self.url, self.trust, self.token = url, trust, token
        self._host = urlsplit(url).netloc
        self._idle: deque[http.client.HTTPSConnection] = deque()

    def get(self, path: str) -> Any:
        """Return the JSON of an answer, or a list where it has one value a line."""
        return self.ask("GET", path)

    def post(self, path: str, body: Any = None) -> Any:
        """Send JSON; return the JSON of the answer, or None for an empty one."""
        return self.ask("POST", path, body)

    def delete(self, path: str) -> Any:
        """Delete."""
        return self.ask("DELETE", path)

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request; ManagementError when it fails."""
        try:
            status, kind, content = self._exchange(method, path, None if body is None else _encoded(body))
        except (OSError, http.client.HTTPException) as error:
            raise ManagementError(
                f"{method} {self.url}{path} got no answer: {error or type(error).__name__}"
            ) from error
        if status >= 400:
            raise ManagementError(_complaint(status, content))
        if kind == "application/x-ndjson":
            return [json.loads(line) for line in content.splitlines()]
        return json.loads(content) if content and kind == "application/json" else content.decode() or None

    def close(self) -> None:
        """Close what is idle."""
        while self._idle:
            self._idle.pop().close()

    def _exchange(self, method: str, path: str, body: bytes | None) -> tuple[int, str, bytes]:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        while True:
            connection, kept = self._connection()
            try:
                connection.request(method, path, body, headers)
                answer = connection.getresponse()
                content = answer.read()
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
                connection.close()
                if not kept:
                    raise
                continue  # It had been closed while it was idle; nothing has been done.
            except BaseException:
                connection.close()
                raise
            self._idle.append(connection)
            return answer.status, answer.headers.get_content_type(), content

    def _connection(self) -> tuple[http.client.HTTPSConnection, bool]:
        try:
            return self._idle.pop(), True
        except IndexError:
            connection = http.client.HTTPSConnection(self._host, timeout=_TIMEOUT, context=self.trust)
            connection.connect()
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return connection, False


def _encoded(body: Any) -> bytes:
    return json.dumps(body).encode()


def _complaint(status: int, content: bytes) -> str:
    try:
        return str(json.loads(content)["error"])
    except (ValueError, LookupError, TypeError):
        return f"the answer is {status}: {content[:200].decode(errors='replace').strip()}"
