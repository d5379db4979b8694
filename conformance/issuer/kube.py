"""A Kubernetes client of a few verbs, and a watch that keeps every version it is told of."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

import attrs

from conformance.issuer.options import Target
from conformance.verdict import Failed, NotReachable
from conformance.wire import Wire

REQUESTS = "/apis/cert-manager.io/v1/namespaces/{}/certificaterequests"
EVENTS = "/api/v1/namespaces/{}/events"
AGAIN, PAUSE = 20, 0.05
CHANGES = ("ADDED", "MODIFIED", "DELETED")
# Seconds that a watch has to end.
PATIENCE = 5.0


class Refused(NotReachable):
    """The API answers with an error; status: 409 and so on."""

    def __init__(self, what: str, status: int, message: str) -> None:
        super().__init__(f"{what} answers {status}: {message}")
        self.status = status


class Kube:
    """An API, asked one thing at a time; all that is said is in the wire's log."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.wire = Wire(target.tls, private=target.private)

    def ask(self, method: str, path: str, document: Any = None, content: str = "application/json") -> dict[str, Any]:
        """Return what the API answers; raise Refused, or NotReachable where no answer comes."""
        headers = {"Accept": "application/json"} | ({} if document is None else {"Content-Type": content})
        body = b"" if document is None else json.dumps(document).encode()
        try:
            reply = self.wire.send(method, self.target.server + path, headers, body)
            answer = reply.json() if reply.status < 300 or reply.header("Content-Type").endswith("json") else {}
        except Failed as failed:
            raise NotReachable(f"{method} {path}: {failed.actual}") from None
        if reply.status >= 300:
            text = str(answer.get("message") or reply.body[:200].decode("utf-8", "replace").strip())
            raise Refused(f"{method} {path}", reply.status, text)
        return answer

    def get(self, path: str) -> dict[str, Any]:
        """Read an object or a list."""
        return self.ask("GET", path)

    def create(self, path: str, document: Mapping[str, Any]) -> dict[str, Any]:
        """Create an object in a collection."""
        return self.ask("POST", path, document)

    def merge(self, path: str, change: Mapping[str, Any]) -> dict[str, Any]:
        """Change an object by a merge patch (RFC 7396)."""
        return self.ask("PATCH", path, change, "application/merge-patch+json")

    def update_status(self, path: str, change: Callable[[dict[str, Any]], Mapping[str, Any]]) -> dict[str, Any]:
        """Replace an object's status by what `change` makes of it: again where somebody else wrote first."""
        for _ in range(AGAIN):
            found = self.get(path)
            status = change(found.get("status") or {})
            try:
                return self.ask("PUT", f"{path}/status", {**found, "status": status})
            except Refused as refused:
                if refused.status != 409:
                    raise
            time.sleep(PAUSE)
        raise NotReachable(f"the status of {path} is written to so often that nobody else comes to it")


@attrs.frozen
class Seen:
    """A version of an object; at: seconds of the monotonic clock; kind: ADDED, MODIFIED or DELETED."""

    at: float
    kind: str
    object: Mapping[str, Any]


class Follower:
    """A watch in a thread of its own; `seen` holds every version in its order, `news` is notified of each."""

    def __init__(self, kube: Kube, path: str, labels: str = "") -> None:
        chosen = {"labelSelector": labels} if labels else {}
        start = kube.get(f"{path}?{urlencode({**chosen, 'limit': 1})}")["metadata"]["resourceVersion"]
        parts = urlsplit(kube.target.server)
        self.seen: list[Seen] = []
        self.news = threading.Condition()
        self._ended = ""
        secure = parts.scheme == "https"
        self._connection = (
            http.client.HTTPSConnection(parts.netloc, context=kube.target.tls)
            if secure
            else http.client.HTTPConnection(parts.netloc)
        )
        query = urlencode({**chosen, "watch": 1, "resourceVersion": start})
        try:
            self._connection.request("GET", f"{parts.path}{path}?{query}", headers=dict(kube.target.private))
        except OSError as error:
            raise NotReachable(f"{path} cannot be watched: {error}") from None
        self._sock = self._connection.sock
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        try:
            response = self._connection.getresponse()
            while line := response.readline():
                event = json.loads(line)
                if event.get("type") not in CHANGES:
                    break
                with self.news:
                    self.seen.append(Seen(time.monotonic(), event["type"], event["object"]))
                    self.news.notify_all()
            why = f"status {response.status}, at last {line[:200].decode('utf-8', 'replace')!r}"
        except (OSError, ValueError, KeyError, http.client.HTTPException) as error:
            why = f"{type(error).__name__}: {error}"
        with self.news:
            self._ended = why
            self.news.notify_all()

    def wait(self, met: Callable[[], bool], seconds: float) -> bool:
        """Wait until something holds of what was seen; say whether it does."""
        with self.news:
            self.news.wait_for(lambda: self._ended or met(), seconds)
            if self._ended:
                raise NotReachable(f"the watch ended before the run did: {self._ended}")
            return met()

    def close(self) -> None:
        """End the watch."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        self._thread.join(PATIENCE)
        self._connection.close()
