"""A running `gravel` for tests: as a process, or in the test's own event loop."""

from __future__ import annotations

import json
import os
import queue
import signal
import ssl
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import attrs
import pytest

from gravel.running import Running
from gravel.settings import Settings
from tests.issuer_bridge.conftest import nobody_changes_what_is_shared

__all__ = ["nobody_changes_what_is_shared"]

GRAVEL = (sys.executable, "-c", "from gravel.cli import main; main()")
ANY_PORT = ("--acme-port", "0", "--management-port", "0", "--dns-port", "0")
ANY_PORT_UP = (*ANY_PORT, "--kubernetes-port", "0", "--http01-port", "0")
PATIENCE = 60.0


class Launched:
    """A process; `ready` is its first line when that is JSON, `folder` where its temporary files are."""

    def __init__(self, command: list[str], folder: Path) -> None:
        self.folder, self.ready = folder, {}
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("GRAVEL_")}
        self.environment = {**inherited, "TMPDIR": str(folder), "PYTHONPATH": str(Path(__file__).parents[2])}
        self._stderr = folder.with_suffix(".stderr")
        with self._stderr.open("wb") as stderr:
            self.process = subprocess.Popen(
                command, cwd=folder.parent, env=self.environment, stdout=subprocess.PIPE, stderr=stderr, text=True
            )
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        with self.process.stdout:
            for text in self.process.stdout:
                self._lines.put(text)
        self._lines.put("")

    @property
    def said(self) -> str:
        """What it has to say on stderr."""
        return self._stderr.read_text()

    def line(self) -> dict[str, Any]:
        """Return the next line of its output."""
        text = self._lines.get(timeout=PATIENCE)
        assert text, f"it has ended: {self.said}"
        return json.loads(text)

    def text_until(self, last: str) -> list[str]:
        """Return its output, as text, up to a line."""
        return [*iter(lambda: self._lines.get(timeout=PATIENCE), last), last]

    def lines_until(self, wanted: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
        """Return the lines up to the one that is wanted."""
        lines = [self.line()]
        while not wanted(lines[-1]):
            lines.append(self.line())
        return lines

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Send a signal; return the exit code, and what it had to say on stderr."""
        self.process.send_signal(number)
        return self.finish()[:2]

    def finish(self) -> tuple[int, str, str]:
        """Wait for its end; return the exit code, what it had to say on stderr, and the rest of its output."""
        code = self.end()
        return code, self.said, "".join(iter(self._lines.get_nowait, ""))

    def end(self) -> int:
        """Wait for its end; return the exit code."""
        code = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return code


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Callable[..., Launched]]:
    """Start `gravel up|serve` on free ports, with an empty folder for temporary files, and wait until it is ready."""
    launched: list[Launched] = []

    def start(verb: str, *arguments: str, ready: bool = True, json_lines: bool = True) -> Launched:
        folder = tmp_path / f"temporary-{len(launched)}"
        folder.mkdir()
        ports = ANY_PORT_UP if verb == "up" else ANY_PORT
        launched.append(one := Launched([*GRAVEL, verb, *(["--json"] * json_lines), *ports, *arguments], folder))
        if ready:
            one.ready = one.line()
        return one

    yield start
    for one in launched:
        if one.process.poll() is None:
            one.process.kill()
        one.end()


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

    async def delete(self, path: str) -> tuple[int, str]:
        """Return status and text."""
        async with self.session.delete(self.running.addresses.management + path) as answer:
            return answer.status, await answer.text()

    async def ask(self, path: str, **members: Any) -> dict[str, Any]:
        """Post members and return what came back, which is no mistake."""
        status, text = await self.post(path, members)
        assert status in (200, 201), text
        return json.loads(text) if text else {}

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
