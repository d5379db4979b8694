"""A shell in which the commands of a document run, with `gravel` and the addresses of a house on sockets."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

from gravel.running import Running

ROOT = Path(__file__).parents[2]


class DocumentShell:
    """Runs commands in a folder, into which it puts the program."""

    def __init__(self, folder: Path, running: Running) -> None:
        program = folder / "gravel"
        program.write_text(f"#!/bin/sh\nexec {sys.executable} -c 'from gravel.cli import main; main()' \"$@\"\n")
        program.chmod(0o755)
        self._folder = folder
        self._environment = {
            **os.environ,
            "PATH": f"{folder}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "GRAVEL_KUBERNETES": running.addresses.kubernetes,
            "GRAVEL_MANAGEMENT": running.addresses.management,
        }

    async def run(self, commands: str) -> subprocess.CompletedProcess[str]:
        """Run them to their end, while the house's loop goes on."""
        return await asyncio.to_thread(
            subprocess.run, ["sh", "-eu", "-c", commands], cwd=self._folder, env=self._environment,
            capture_output=True, text=True, check=False, timeout=100,
        )  # fmt: skip
