"""gravel in a test, with pytest or without: a server of one's own in a process beside, and worlds on it.

    with serving() as acme:                 # or: async with serving() as acme
        ...                                 # acme.directory_url, acme.faults, acme.advance("60d"), ...

The pytest plugin makes its fixtures of the same parts.
"""

from __future__ import annotations

import asyncio
import shutil
import ssl
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol, Self

from acme_server.protocol.times import rfc3339_micro
from gravel.fixture.acme_world import AcmeServer, Where
from gravel.fixture.async_acme_world import AsyncAcmeServer
from gravel.fixture.management_client import ManagementClient, ManagementError
from gravel.fixture.server_process import ServerProcess
from gravel.free_port import free_port
from gravel.trust import SYSTEM_BUNDLES


class AcmeServers(Protocol):
    """Makes servers for tests, as many as wanted."""

    def create(self, **options: Any) -> AcmeServer:
        """Return an empty world; for the options see GravelServers.create."""
        ...

    def close(self) -> None:
        """End all of them."""
        ...


class GravelServers:
    """Worlds of one gravel: of its own process, or of one that runs already.

    management: URL of the API of one that runs, and its token; process: one that was started already.
    """

    def __init__(
        self, management: str | None = None, token: str | None = None, process: ServerProcess | None = None
    ) -> None:
        self._process = None if management else process or ServerProcess()
        self._management, self._token = management, token
        self._folder = Path(tempfile.mkdtemp(prefix="gravel-test-"))
        self._found: tuple[ManagementClient, str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def create(
        self,
        *,
        id: str | None = None,  # noqa: A002 - the API's word
        seed: int | None = None,
        start: datetime | str | None = None,
        frozen: bool = False,
        persona: str | None = None,
        faults: Any = (),
        **settings: Any,
    ) -> AcmeServer:
        """Return an empty world with its own directory, CA, DNS, clock and faults.

        id: part of its URLs; seed: what it repeats by; start: what its clock shows first; frozen: its clock
        stands; persona, faults: armed from the start; settings: as `POST /worlds` takes them, durations as
        timedeltas too: `certificate_lifetime="90d"`. ManagementError says what is wrong with them.
        """
        client, ca_bundle = self._connect()
        ports = {"http01_port": free_port(), "tls_alpn_port": free_port()}
        settings = {**ports, **{name: _plain(value) for name, value in settings.items()}}
        given = {"id": id, "seed": seed, "start": rfc3339_micro(start) if isinstance(start, datetime) else start}
        body = {name: value for name, value in given.items() if value is not None}
        if id is not None and self._process is None:
            with suppress(ManagementError):  # what an earlier run left behind
                client.delete(f"/worlds/{id}")
        try:
            made = client.post("/worlds", {**body, "frozen": frozen, "settings": settings})
        except ManagementError as error:
            raise self._explained(error) from None
        where = Where(
            id=made["id"],
            directory=made["directory"],
            dns=made["dns"],
            http01_port=settings["http01_port"],
            tls_alpn_port=settings["tls_alpn_port"],
            ca_bundle=ca_bundle,
            folder=self._folder,
            root=made["root"],
            seed=seed,
        )
        world = AcmeServer(where, client)
        if rules := [*([{"persona": persona}] if persona else []), *faults]:
            try:
                world.faults.add(rules)
            except BaseException:
                world.close()
                raise
        return world

    def close(self) -> None:
        """End the worlds, and the process that was started for them."""
        if self._found:
            self._found[0].close()
        if self._process:
            self._process.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _connect(self) -> tuple[ManagementClient, str]:
        if self._found is None:
            self._found = self._attach(self._process) if self._process else self._join(self._management or "")
        return self._found

    def _attach(self, process: ServerProcess) -> tuple[ManagementClient, str]:
        ready = process.ready()
        trust = ssl.create_default_context(cafile=ready["tls_ca"])
        return ManagementClient(ready["management"], trust), ready["tls_ca"]

    def _join(self, management: str) -> tuple[ManagementClient, str]:
        from click import ClickException

        from gravel.tls_ca import fetch_tls_ca

        ca_bundle = self._folder / "tls_ca.pem"
        try:
            ca_bundle.write_text(fetch_tls_ca(management), encoding="ascii")
        except ClickException as error:
            raise ManagementError(error.message) from None
        trust = ssl.create_default_context(cafile=str(ca_bundle))
        return ManagementClient(management, trust, self._token), str(ca_bundle)

    def _explained(self, error: ManagementError) -> ManagementError:
        obituary = self._process.obituary() if self._process else None
        return ManagementError(obituary) if obituary else error


class ForeignServer:
    """A server that is not gravel, one for all tests: only where it is can be asked of it.

    ca_bundle: file, what must be trusted to speak to it, None for the system's; http01_port, tls_alpn_port: what it dials.
    """

    def __init__(
        self, directory: str, ca_bundle: str | None = None, http01_port: int = 5002, tls_alpn_port: int = 5001
    ) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="gravel-test-"))
        known = (path for path in SYSTEM_BUNDLES if Path(path).is_file())
        source = ca_bundle or next(known, None)
        # Bundles for single clients are written beside it.
        copy = shutil.copyfile(source, self._folder / "tls_ca.pem") if source else ""
        self._where = Where("default", directory, "", http01_port, tls_alpn_port, str(copy), self._folder)

    def create(self, **_: Any) -> AcmeServer:
        """Return the same server again, whatever is wanted of it."""
        return AcmeServer(self._where, None)

    def close(self) -> None:
        """Forget it."""
        shutil.rmtree(self._folder, ignore_errors=True)


class serving:  # noqa: N801 - used like a function
    """A server and one world for as long as a block: `with` gives an AcmeServer, `async with` an AsyncAcmeServer.

    The options are those of GravelServers.create.
    """

    def __init__(self, **options: Any) -> None:
        self._options: Mapping[str, Any] = options
        self._servers: GravelServers | None = None

    def __enter__(self) -> AcmeServer:
        self._servers = GravelServers()
        try:
            return self._servers.create(**self._options)
        except BaseException:
            self._servers.close()
            raise

    def __exit__(self, *_: object) -> None:
        assert self._servers
        self._servers.close()

    async def __aenter__(self) -> AsyncAcmeServer:
        return (await asyncio.to_thread(self.__enter__)).aio

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self.__exit__)


def _plain(value: Any) -> Any:
    return value.total_seconds() if isinstance(value, timedelta) else value
