"""A running `gravel` for tests: as a process, or in the test's own event loop."""

from __future__ import annotations

import json
import os
import select
import signal
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import attrs
import pytest

from gravel.configuration import Settings
from gravel.running import Running

GRAVEL = (sys.executable, "-c", "from gravel.cli import main; main()")
ANY_PORT = ("--acme-port", "0", "--management-port", "0", "--dns-port", "0")
ANY_PORT_UP = (*ANY_PORT, "--kubernetes-port", "0", "--http01-port", "0")
PATIENCE = 60.0


@attrs.define
class Launched:
    """A process that prints JSON; `ready` is its first line, `folder` where its temporary files are."""

    process: subprocess.Popen[str]
    folder: Path
    ready: dict[str, Any] = attrs.field(factory=dict)

    def line(self) -> dict[str, Any]:
        """Return the next line of its output."""
        assert select.select([self.process.stdout], [], [], PATIENCE)[0], "it prints nothing more"
        text = self.process.stdout.readline()
        assert text, f"it has ended: {self.process.stderr.read()}"
        return json.loads(text)

    def lines_until(self, wanted: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
        """Return the lines up to the one that is wanted."""
        lines = [self.line()]
        while not wanted(lines[-1]):
            lines.append(self.line())
        return lines

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Send a signal; return the exit code, and what it had to say on stderr."""
        self.process.send_signal(number)
        return self.finish()

    def finish(self) -> tuple[int, str]:
        """Wait for its end."""
        _, said = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, said


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Callable[..., Launched]]:
    """Start `gravel up|serve --json` on free ports, in an empty folder, and wait until it is ready."""
    launched: list[Launched] = []

    def start(verb: str, *arguments: str, ready: bool = True) -> Launched:
        folder = tmp_path / f"temporary-{len(launched)}"
        folder.mkdir()
        ports = ANY_PORT_UP if verb == "up" else ANY_PORT
        command = [*GRAVEL, verb, "--json", *ports, *arguments]
        environment = {**os.environ, "TMPDIR": str(folder), "PYTHONPATH": str(Path(__file__).parents[2])}
        process = subprocess.Popen(
            command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1
        )
        launched.append(one := Launched(process, folder))
        one.ready = one.line() if ready else {}
        return one

    yield start
    for one in launched:
        if one.process.poll() is None:
            one.process.kill()
        one.process.communicate()


@pytest.fixture
def free_settings() -> Callable[..., Settings]:
    """Return settings with every port free."""

    def make(**changes: Any) -> Settings:
        ports = ("acme_port", "management_port", "dns_port", "kubernetes_port")
        return Settings(**{**dict.fromkeys(ports, 0), **changes})

    return make


@attrs.frozen
class Management:
    """A client of the management API of a house that runs in this event loop."""

    running: Running
    session: aiohttp.ClientSession

    async def get(self, path: str, **headers: str) -> tuple[int, str]:
        """Return status and text."""
        async with self.session.get(self.running.addresses.management + path, headers=headers) as answer:
            return answer.status, await answer.text()

    async def post(self, path: str, data: Any, **headers: str) -> tuple[int, str]:
        """Return status and text; what is not bytes is sent as JSON."""
        body = data if isinstance(data, bytes) else json.dumps(data).encode()
        async with self.session.post(self.running.addresses.management + path, data=body, headers=headers) as answer:
            return answer.status, await answer.text()


@pytest.fixture
async def manage(free_settings) -> AsyncIterator[Callable[..., Any]]:
    """Open a house without its bridge, and a client that trusts it."""
    opened: list[tuple[Running, aiohttp.ClientSession]] = []

    async def open_house(**changes: Any) -> Management:
        running = await Running(free_settings(**changes), bridge=False).__aenter__()
        trust = ssl.create_default_context(cafile=running.addresses.tls_ca)
        session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trust))
        opened.append((running, session))
        return Management(running, session)

    yield open_house
    for running, session in opened:
        await session.close()
        await running.__aexit__(None, None, None)
