"""Runs a command of a client: with a time limit, in a process group of its own, of which nothing is left behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import attrs

_LOOK_EVERY = 0.05
_GRACE = 3.0


@attrs.frozen
class Finished:
    """How a command ended: its exit status, None where its time was over; all that it printed; seconds."""

    status: int | None
    output: str
    seconds: float


def run(
    command: str,
    home: Path,
    environment: Mapping[str, str],
    limit: float,
    done: Callable[[], bool] | None = None,
) -> Finished:
    """Run a text of `sh` at a client's home; done: of a server, which is then told to end, as a success.

    What the command started ends with it, by its process group.
    """
    began = time.monotonic()
    with (home / "output.log").open("w+b") as output:
        process = subprocess.Popen(  # noqa: S603 - the recipe's text
            ["/bin/sh", "-c", command],
            cwd=home,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            status = _await(process, began + limit, done)
        finally:
            _end(process)
        output.seek(0)
        return Finished(status, output.read().decode("utf-8", "replace"), time.monotonic() - began)


def _await(process: subprocess.Popen[bytes], deadline: float, done: Callable[[], bool] | None) -> int | None:
    while time.monotonic() < deadline:
        if done is not None and done():
            return 0
        try:
            return process.wait(_LOOK_EVERY)
        except subprocess.TimeoutExpired:
            continue
    return None


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the whole group: politely while its leader runs, then for certain."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(_GRACE)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
