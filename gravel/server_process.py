"""A gravel of one's own in a process beside: started, waited for, and gone with whoever started it.

The process is isolated: it imports this installation's packages whatever else
is called `scheduler`, `solvers` or `tests` where it was started, and no patched
clock or closed socket of the parent reaches it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

_DEPENDENCIES = ("aiohttp", "attr", "click", "cryptography", "dnslib", "josepy")
# Ours before other distributions' packages of the same names, and after the standard library.
_CODE = """\
import sys
place = next((i for i, path in enumerate(sys.path) if path.endswith("-packages")), len(sys.path))
sys.path[place:place] = sys.argv[1:2]
sys.path += sys.argv[2:]
from gravel.attached_server import main
main()
"""
_PATIENCE = 10.0


class ServerDied(Exception):  # noqa: N818 - says what happened
    """The process has ended by itself; the message has the last of what it said."""


class ServerProcess:
    """A process that is starting or running."""

    def __init__(self) -> None:
        root = str(Path(__file__).parents[1])
        elsewhere = dict.fromkeys(place for name in _DEPENDENCIES if (place := _place_of(name)) != root)
        # What aiohttp loads when it is imported, the roots of the system, takes a fifth of the start and is never used.
        environment = {**os.environ, "SSL_CERT_FILE": os.devnull}
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `stop`
        self._ready: dict[str, Any] | None = None
        self._process = subprocess.Popen(  # noqa: S603 - this very interpreter
            [sys.executable, "-I", "-c", _CODE, root, *elsewhere],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            env=environment,
        )

    def ready(self) -> dict[str, Any]:
        """Wait until it answers; return where (gravel.running.Addresses as JSON)."""
        if self._ready is None:
            assert self._process.stdout
            line = self._process.stdout.readline()
            if not line:
                self._process.wait()
                raise ServerDied(self.obituary() or "the server did not start")
            self._ready = json.loads(line)
        return self._ready

    def obituary(self) -> str | None:
        """Say how it ended; None while it runs."""
        code = self._process.poll()
        if code is None:
            return None
        self._stderr.seek(0)
        said = self._stderr.read()[-2000:].decode(errors="replace").strip()
        return f"the server has ended with {code}" + (f": {said}" if said else "")

    def stop(self) -> None:
        """End it, gently unless it takes too long."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._stderr.close()


def _place_of(name: str) -> str:
    """Return the folder that a package is imported from."""
    spec = find_spec(name)
    assert spec is not None
    assert spec.origin is not None
    return str(Path(spec.origin).parents[1])
