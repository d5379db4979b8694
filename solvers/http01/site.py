"""What an http-01 listener shows: redirects and contents for any host, and what the solver presents for one.

The first two are for tests, as pebble-challtestsrv has them (httpone.go of
letsencrypt/challtestsrv), but a path is compared as it was sent, and one that
shows nothing is not found, where challtestsrv answers 200 and no content; in its
place we do too.
"""

from __future__ import annotations

from collections import deque
from typing import Protocol

import attrs

from acme_server.protocol.key_authorization import HTTP01_PATH
from solvers.http01.responder import READING, Responder

HISTORY = 1000


@attrs.frozen
class Visit:
    """A request: `host` is its Host header, `url` its path and query, both as they were sent.

    server_name: what the client asked for in TLS, empty when it did not or there is none.
    """

    method: str
    host: str
    url: str
    user_agent: str = ""
    https: bool = False
    server_name: str = ""

    @property
    def path(self) -> str:
        """The URL without its query."""
        return self.url.partition("?")[0]


@attrs.frozen
class Reply:
    """What is answered; `location` with a redirect only."""

    status: int
    body: bytes = b""
    location: str | None = None


class Table(Protocol):
    """Something that may have an answer."""

    def reply(self, visit: Visit) -> Reply | None:
        """Return what is here for a request, if anything."""
        ...


@attrs.frozen(eq=False)
class AnyHost:
    """Contents by token and targets of redirects by path, whatever the host."""

    contents: dict[str, str] = attrs.field(factory=dict)
    redirects: dict[str, str] = attrs.field(factory=dict)

    def reply(self, visit: Visit) -> Reply | None:
        """Return what is here for a request, if anything; over HTTPS nothing is redirected, or it would go in circles."""
        path = visit.path
        if not visit.https and path in self.redirects:
            return Reply(302, location=self.redirects[path])
        content = self.contents.get(path.removeprefix(HTTP01_PATH)) if path.startswith(HTTP01_PATH) else None
        if content is None:
            return None
        return Reply(200, content.encode()) if visit.method in READING else Reply(405)


class Site:
    """Tables, mostly for any host, of which the last is asked first, and behind them a solver's responder.

    history: the last requests with the status of each answer, oldest first; nothing: the answer where nothing is shown.
    """

    def __init__(self, responder: Responder, history: int = HISTORY) -> None:
        self.responder = responder
        self.nothing = Reply(404)
        self.tables: list[Table] = []
        self.history: deque[tuple[Visit, int]] = deque(maxlen=history)

    def handle(self, visit: Visit) -> Reply:
        """Return the answer to a request."""
        found = (reply for table in reversed(self.tables) if (reply := table.reply(visit)))
        reply = next(found, None) or Reply(*self.responder.handle(visit.method, visit.host, visit.path))
        if reply.status == 404:
            reply = self.nothing
        self.history.append((visit, reply.status))
        return reply
