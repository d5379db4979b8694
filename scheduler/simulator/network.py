"""A network without sockets: authorities are functions, DNS is a function, time passes by request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TypeAlias
from urllib.parse import urlsplit

import attrs

from acme_server.protocol.host_port import join_host_port
from acme_server.protocol.vantage import (
    REFUSED,
    TIMEOUT,
    Answer,
    Compute,
    DnsAnswer,
    Elapsed,
    Fetch,
    Handshake,
    HttpAnswer,
    Pause,
    Question,
    Reply,
    Resolve,
    Send,
    TlsAnswer,
)

Route: TypeAlias = Callable[[Fetch], HttpAnswer | tuple[timedelta, HttpAnswer]]
"""Answers a request, at once or after a delay of its own."""
TlsRoute: TypeAlias = Callable[[Handshake], TlsAnswer]
"""Answers a handshake."""

Names: TypeAlias = Callable[[Resolve], DnsAnswer | tuple[timedelta, DnsAnswer]]
"""Answers a question, at once or after a delay of its own."""

_PORTS = {"http": 80, "https": 443}


def no_dns(_: Resolve) -> DnsAnswer:
    """The DNS of a network that has none."""
    return DnsAnswer(error=REFUSED)


def no_receiver(_: Send) -> Reply:
    """Who takes DNS messages in a network where nobody does."""
    return Reply(error=REFUSED)


@attrs.define
class VirtualNetwork:
    """What `VirtualDriver` asks.

    routes: `HOST:PORT` -> what answers there; dns: answers every Resolve;
    latency: of every answer; receiver: answers every Send; tls_routes:
    `HOST:PORT` -> what shakes hands there. All may change while a run goes on.
    An answer is made when the question is asked and heard `latency` later.
    """

    routes: Mapping[str, Route] = attrs.field(factory=dict)
    dns: Names = no_dns
    latency: timedelta = timedelta(0)
    receiver: Callable[[Send], Reply] = no_receiver
    tls_routes: Mapping[str, TlsRoute] = attrs.field(factory=dict)

    def __call__(self, question: Question) -> tuple[timedelta, Answer]:
        """Return how long the answer takes, and the answer."""
        if isinstance(question, Pause):
            return question.duration, Elapsed()
        if isinstance(question, Compute):
            return timedelta(0), question.answer()
        delay, answer = self._answer(question)
        if delay <= question.timeout - self.latency:
            return self.latency + delay, answer
        return question.timeout, type(answer)(error=TIMEOUT)

    def _answer(
        self, question: Resolve | Send | Fetch | Handshake
    ) -> tuple[timedelta, DnsAnswer | Reply | HttpAnswer | TlsAnswer]:
        if isinstance(question, Fetch):
            return self._fetch(question)
        if isinstance(question, Resolve):
            said = self.dns(question)
            return said if isinstance(said, tuple) else (timedelta(0), said)
        return timedelta(0), self.receiver(question) if isinstance(question, Send) else self._shake_hands(question)

    def _shake_hands(self, question: Handshake) -> TlsAnswer:
        route = self.tls_routes.get(question.address)
        answer = TlsAnswer(error=REFUSED) if route is None else route(question)
        return attrs.evolve(answer, address=question.address)

    def _fetch(self, question: Fetch) -> tuple[timedelta, HttpAnswer]:
        try:
            authority = question.address or authority_of(question.url)
        except ValueError:
            return timedelta(0), HttpAnswer(error="invalid URL")
        route = self.routes.get(authority)
        if route is None:
            return timedelta(0), HttpAnswer(error=REFUSED, address=authority)
        said = route(question)
        delay, answer = said if isinstance(said, tuple) else (timedelta(0), said)
        return delay, attrs.evolve(answer, body=answer.body[: question.limit], address=answer.address or authority)


def authority_of(url: str) -> str:
    """Return the `HOST:PORT` that a URL names; ValueError when it names none."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or _PORTS.get(parts.scheme)
    if not host or port is None:
        raise ValueError("names no host to dial")
    return join_host_port(host, port)
