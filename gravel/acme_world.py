"""One world as a test sees it: where it is, what it was asked, what it issued; its clock, its faults and its DNS.

`gravel.testing` makes them; every method asks the management API and returns
when it has answered.
"""

from __future__ import annotations

import os
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeAlias

import attrs

from acme_server.protocol.journal import Entry
from acme_server.protocol.times import parse_rfc3339
from gravel.acme_controls import Dns, Faults
from gravel.acme_records import Certificate, Order, line_of, read_record
from gravel.management_client import ManagementClient
from gravel.trust import Place, environment_of

if TYPE_CHECKING:
    from gravel.async_acme_world import AsyncAcmeServer

# Seconds, or as in "60d", "1h30m".
Duration: TypeAlias = timedelta | float | str
# The server bounds how long one request may wait.
_TURN = 20.0


class NotOffered(Exception):  # noqa: N818 - says what is so
    """A server that is not gravel cannot be asked this; the fixture skips the test."""


@attrs.frozen
class Where:
    """How a world is reached.

    directory: URL; dns: HOST:PORT, or empty; http01_port, tls_alpn_port: what
    validation dials; ca_bundle: file, or empty for the system's; root: PEM; folder: for files.
    """

    id: str
    directory: str
    dns: str
    http01_port: int
    tls_alpn_port: int
    ca_bundle: str
    folder: Path
    root: str = attrs.field(default="", repr=False)
    seed: int | None = None


class AcmeServer:
    """A world of its own: `with` it, or close it.

    directory_url: what a client is told; ca_bundle: file, what the client must
    trust to speak to it; dns: HOST:PORT; http01_port, tls_alpn_port: what its
    validation dials, on 127.0.0.1 unless DNS says otherwise; seed: what it repeats
    by; faults, zone: what may be changed.
    """

    def __init__(self, where: Where, client: ManagementClient | None) -> None:
        self.where = where
        self.directory_url, self.ca_bundle, self.dns = where.directory, where.ca_bundle, where.dns
        self.http01_port, self.tls_alpn_port, self.seed = where.http01_port, where.tls_alpn_port, where.seed
        self.faults = Faults(self.ask)
        self.zone = Dns(self.ask, self.dns)
        self._client = client
        self.is_open = client is not None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.directory_url}>"

    @property
    def management_url(self) -> str:
        """Where the management API has this world: `/faults`, `/clock`, `/journal`, ... are below."""
        return f"{self._offered('the management API').url}/worlds/{self.where.id}"

    @property
    def roots(self) -> str:
        """PEM of the root under which it issues."""
        self._offered("the root")
        return self.where.root

    @property
    def roots_file(self) -> str:
        """A file with `roots`, for clients that verify what was issued."""
        path = self.where.folder / f"roots-{self.where.id}.pem"
        path.write_text(self.roots, encoding="ascii")
        return str(path)

    @property
    def aio(self) -> AsyncAcmeServer:
        """The same with methods to await, so that a validation can meet a responder in the test's own event loop."""
        from gravel.async_acme_world import AsyncAcmeServer

        return AsyncAcmeServer(self)

    @property
    def environment(self) -> dict[str, str]:
        """This process's environment with what makes clients find and trust the server (as `gravel run` has it)."""
        client = self._client
        place = Place(
            directory=self.directory_url,
            management=self.management_url if client else "",
            management_token=client.token if client else None,
            dns=self.dns,
            http01_port=self.http01_port,
            tls_alpn_port=self.tls_alpn_port,
            tls_ca=self.ca_bundle,
            issuing_roots=self.roots_file if client else "",
        )
        return environment_of(place, os.environ)

    def ssl_context(self) -> ssl.SSLContext:
        """Return a context that trusts the server's own certificate."""
        return ssl.create_default_context(cafile=self.ca_bundle or None)

    def now(self) -> datetime:
        """Return the world's moment."""
        return parse_rfc3339(self.ask("GET", "/clock")["now"])

    def freeze(self) -> None:
        """Let time stand still."""
        self.ask("POST", "/clock", {"freeze": True})

    def resume(self) -> None:
        """Let time run on."""
        self.ask("POST", "/clock", {"freeze": False})

    def advance(self, duration: Duration) -> datetime:
        """Jump forward; return, when everything due has happened, the world's moment."""
        seconds = duration.total_seconds() if isinstance(duration, timedelta) else duration
        return parse_rfc3339(self.ask("POST", "/clock", {"advance": seconds})["now"])

    def run_to_next(self) -> datetime:
        """Jump to the moment at which something is due next, if anything is; return the world's moment."""
        return self.advance("next")

    @property
    def orders(self) -> tuple[Order, ...]:
        """All orders, oldest first."""
        return tuple(read_record(Order, each) for each in self.ask("GET", "/orders")["orders"])

    def issued(self, name: str | None = None) -> tuple[Certificate, ...]:
        """Return the certificates, oldest first; with a name, those that have it."""
        found = [read_record(Certificate, each) for each in self.ask("GET", "/certificates")["certificates"]]
        return tuple(each for each in found if name is None or name in each.identifiers)

    def history(self, kind: str | None = None, *, after: int = 0) -> tuple[Entry, ...]:
        """Return what happened, from the journal: of one kind, or all; after an entry's number."""
        return _entries(self.ask("GET", f"/journal?since={after}"), kind)

    def wait_for(
        self,
        wanted: str | Callable[[Entry], bool],
        /,
        *,
        timeout: float = 10.0,
        after: int = 0,
        **expected: Any,
    ) -> Entry:
        """Return the first entry of a kind whose subject or data have what is expected; it may be there already.

        wanted: a kind, `wait_for("CertificateIssued", identifiers=["a.test"])`, or a function that
        says whether an entry is the one. TimeoutError, after `timeout` real seconds, says what did happen.
        """
        deadline, seen = time.monotonic() + timeout, after
        while True:
            left = max(deadline - time.monotonic(), 0.0)
            for entry in _entries(self.ask("GET", f"/journal?since={seen}&wait={min(left, _TURN):.3f}")):
                seen = entry.seq
                if _fits(entry, wanted, expected):
                    return entry
            if not left:
                raise TimeoutError(_unmet(wanted, expected, timeout, self.history(after=after)))

    def snapshot(self) -> str:
        """Keep a copy of the world as it is; return what `restore` takes."""
        return str(self.ask("POST", "/snapshot")["snapshot"])

    def restore(self, snapshot: str) -> None:
        """Bring the world back to what it was, its clock and DNS too."""
        self.ask("POST", "/restore", {"snapshot": snapshot})

    def reset(self) -> None:
        """Bring the world back to where it began."""
        self.ask("POST", "/reset")

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Ask the management API about this world; ManagementError when it refuses."""
        return self._offered(f"{method} {path}").ask(method, f"/worlds/{self.where.id}{path}", body)

    def close(self) -> None:
        """Delete the world."""
        if self.is_open:
            self.is_open = False
            self._offered("an end").delete(f"/worlds/{self.where.id}")

    def _offered(self, what: str) -> ManagementClient:
        if self._client is None:
            raise NotOffered(f"{self.directory_url} is not gravel's, which {what} would take")
        return self._client


def _entries(lines: Sequence[Mapping[str, Any]], kind: str | None = None) -> tuple[Entry, ...]:
    return tuple(Entry(**line) for line in lines if kind in (None, line["kind"]))


def _fits(entry: Entry, wanted: str | Callable[[Entry], bool], expected: Mapping[str, Any]) -> bool:
    if callable(wanted):
        return wanted(entry)
    known = {**entry.subject, **entry.data}
    return entry.kind == wanted and all(name in known and known[name] == value for name, value in expected.items())


def _unmet(wanted: Any, expected: Mapping[str, Any], timeout: float, history: Sequence[Entry]) -> str:
    which = "".join(f", {name}={value!r}" for name, value in expected.items())
    happened = "\n".join(map(line_of, history[-20:])) or "nothing at all"
    return f"no {wanted if isinstance(wanted, str) else 'such entry'}{which} within {timeout:g} s; what happened:\n{happened}"
