"""What the pytest plugin costs: whole pytest runs without it, with it unused, and with one test that uses it.

Runs are interleaved; medians and their differences are printed, and what a
fresh world costs in a server that runs.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from gravel.testing import GravelServers

UNUSED = "def test_nothing():\n    pass\n"
USED = "def test_server(acme_server):\n    assert acme_server.directory_url\n"
PLUGIN = ["-p", "gravel.pytest_plugin"]
# Name -> a test file and further options of pytest, which loads no other plugin.
CASES: dict[str, tuple[str, list[str]]] = {
    "without the plugin": (UNUSED, []),
    "with it, not used": (UNUSED, PLUGIN),
    "with it, used by one test": (USED, PLUGIN),
}


def main(runs: int = 50) -> None:
    seconds: dict[str, list[float]] = {name: [] for name in CASES}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(runs + 1):
            for name, (text, options) in CASES.items():
                took = _run(Path(folder), text, options)
                if number:  # the first warms caches
                    seconds[name].append(took)
    base = statistics.median(seconds["without the plugin"])
    print(f"{runs} runs each, seconds            median    min    max   added")
    for name, values in seconds.items():
        median = statistics.median(values)
        print(f"{name:32} {median:9.3f} {min(values):6.3f} {max(values):6.3f} {median - base:+7.3f}")
    worlds = sorted(_worlds(runs))
    print(f"a fresh world: {statistics.median(worlds):.2f} ms median, {worlds[0]:.2f} to {worlds[-1]:.2f}")


def _run(folder: Path, text: str, options: list[str]) -> float:
    (folder / "test_it.py").write_text(text)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options]
    # Bytecode is kept, as by default.
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment = {**kept, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    started = time.perf_counter()
    subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def _worlds(count: int) -> list[float]:
    """Return what making each of several worlds took, in milliseconds."""
    took = []
    with GravelServers() as servers:
        servers.create()
        for _ in range(count):
            started = time.perf_counter()
            servers.create()
            took.append((time.perf_counter() - started) * 1000)
    return took


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
