"""Questions to the network, and what is heard back.

Whoever looks at the network (a validation, a self-check, an ACME client) is an
*inquiry*: a generator that yields questions and is sent the answers. It never
performs I/O, so the same inquiry runs on real sockets and in virtual time.
Failure is an answer with `error` set, never an exception. What takes long to
compute is a question too.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from datetime import timedelta
from typing import Any, TypeAlias, TypeVar

import attrs

T = TypeVar("T")

Headers: TypeAlias = tuple[tuple[str, str], ...]

# What `error` says of an answer that never came, the same at every try; TLS failures begin with "TLS: ".
TIMEOUT = "timeout"
REFUSED = "connection refused"
RESET = "connection reset"
NAME_NOT_FOUND = "name not found"


@attrs.frozen
class Resolve:
    """A DNS question; `server` is `HOST:PORT`, or None for the vantage's own resolver."""

    name: str
    rtype: str
    server: str | None = None
    timeout: timedelta = timedelta(seconds=10)


@attrs.frozen
class Fetch:
    """One HTTP request; redirects are never followed.

    address: `HOST:PORT` to dial instead of what the URL says (the Host header
    stays the URL's); trust: PEM roots for TLS, None for the system's;
    verify: False accepts any certificate; limit: bytes of body read at most.
    """

    url: str
    method: str = "GET"
    headers: Headers = ()
    body: bytes = b""
    address: str | None = None
    trust: str | None = None
    verify: bool = True
    timeout: timedelta = timedelta(seconds=10)
    limit: int = 65536


@attrs.frozen
class Send:
    """One DNS message as it is, such as an update (RFC 2136), to a server, `HOST:PORT`; over UDP unless `tcp`."""

    message: bytes = attrs.field(repr=False)
    server: str
    tcp: bool = False
    timeout: timedelta = timedelta(seconds=10)


@attrs.frozen
class Handshake:
    """One TLS handshake, of version 1.2 or later, and not a word after it; any certificate is accepted.

    address: `HOST:PORT` to dial; server_name: what SNI says; protocols: what ALPN offers.
    """

    address: str
    server_name: str
    protocols: tuple[str, ...]
    timeout: timedelta = timedelta(seconds=10)


@attrs.frozen
class Pause:
    """Let time pass."""

    duration: timedelta


@attrs.frozen
class Compute:
    """Something that takes long to work out, and is not to hold up the event loop; it touches nothing of others."""

    work: Callable[[], Any] = attrs.field(repr=False)

    def answer(self) -> Computed:
        """Work it out, here and now."""
        try:
            return Computed(self.work())
        except Exception as error:  # noqa: BLE001 - told to whoever asked
            return Computed(error=error)


@attrs.frozen
class DnsRecord:
    """One resource record; `value` is the presentation form (TXT: its strings joined, unquoted)."""

    name: str
    rtype: str
    value: str
    ttl: int = 60


@attrs.frozen
class DnsAnswer:
    """A DNS reply; with `error` set there was none (time-out, refused connection, garbage)."""

    rcode: str = "NOERROR"
    records: tuple[DnsRecord, ...] = ()
    authority: tuple[DnsRecord, ...] = ()
    error: str | None = None

    def values(self, rtype: str) -> tuple[str, ...]:
        """Return the values of one type, in the order of the answer."""
        return tuple(record.value for record in self.records if record.rtype == rtype)


@attrs.frozen
class HttpAnswer:
    """An HTTP reply; with `error` set there was none. `address` is what was dialled."""

    status: int = 0
    headers: Headers = ()
    body: bytes = b""
    error: str | None = None
    address: str | None = None

    def header(self, name: str) -> str | None:
        """Return the first value of a header, its name in any case."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)


@attrs.frozen
class Reply:
    """The DNS message that answers one that was sent; with `error` set there was none."""

    message: bytes = attrs.field(default=b"", repr=False)
    error: str | None = None


@attrs.frozen
class TlsAnswer:
    """How a handshake ended; with `error` set it was not completed.

    certificate: what the server showed first, DER; protocol: what ALPN agreed
    on, None when it was nothing; address: what was dialled.
    """

    certificate: bytes = b""
    protocol: str | None = None
    error: str | None = None
    address: str | None = None


@attrs.frozen
class Elapsed:
    """The pause is over."""


@attrs.frozen
class Computed:
    """What came out, or what was raised."""

    value: Any = attrs.field(default=None, repr=False)
    error: Exception | None = None


Question: TypeAlias = Resolve | Fetch | Handshake | Send | Pause | Compute
Answer: TypeAlias = DnsAnswer | HttpAnswer | TlsAnswer | Reply | Elapsed | Computed
Inquiry: TypeAlias = Generator[Question, Answer, T]
Vantage: TypeAlias = Callable[[Question], Awaitable[Answer]]
"""A place to look from: answers any question about the network."""


def resolve(name: str, rtype: str, server: str | None = None) -> Inquiry[DnsAnswer]:
    """Ask one DNS question."""
    answer = yield Resolve(name, rtype, server)
    assert isinstance(answer, DnsAnswer)
    return answer


def fetch(question: Fetch) -> Inquiry[HttpAnswer]:
    """Make one HTTP request."""
    answer = yield question
    assert isinstance(answer, HttpAnswer)
    return answer


def send(question: Send) -> Inquiry[Reply]:
    """Send one DNS message."""
    answer = yield question
    assert isinstance(answer, Reply)
    return answer


def shake_hands(question: Handshake) -> Inquiry[TlsAnswer]:
    """Make one TLS handshake."""
    answer = yield question
    assert isinstance(answer, TlsAnswer)
    return answer


def compute(work: Callable[[], T]) -> Inquiry[T]:
    """Work something out beside the event loop; what the work raises is raised here."""
    answer = yield Compute(work)
    assert isinstance(answer, Computed)
    if answer.error is not None:
        raise answer.error
    result: T = answer.value
    return result


def pause(duration: timedelta) -> Inquiry[None]:
    """Let time pass."""
    if duration > timedelta(0):
        yield Pause(duration)


async def conduct(inquiry: Inquiry[T], vantage: Vantage) -> T:
    """Run an inquiry to its end against a vantage."""
    try:
        question = next(inquiry)
        while True:
            question = inquiry.send(await vantage(question))
    except StopIteration as stop:
        result: T = stop.value
        return result
