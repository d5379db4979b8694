"""Tests that need a real client: skipped by name where it is missing, an error in CI; versions in the header.

This is at the top, not beside the tests, because under xdist only the first
conftest is read by the process that prints.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

# client -> the program, and what to install to have it.
CLIENTS = {
    "certbot": (str(Path(sys.executable).with_name("certbot")), "pip install certbot"),
    "lego": ("lego", "apt install lego"),
    "dehydrated": ("dehydrated", "apt install dehydrated"),
    "pebble": ("pebble", "apt install pebble"),
    "curl": ("curl", "apt install curl"),
    "node": ("node", "apt install nodejs"),
    "openssl": ("openssl", "apt install openssl"),
}


def version_of(program: str) -> str | None:
    """The package's version where Debian knows it (lego's own is "dev"), else what the program says."""
    path = shutil.which(program)
    if path is None:
        return None
    for command in (["dpkg-query", "-W", "-f", "${Version}", program], [path, "--version"]):
        if shutil.which(command[0]):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode == 0 and done.stdout:
                return done.stdout.split()[-1]
    return "of unknown version"


def pytest_report_header() -> str:
    versions = {name: version_of(program) for name, (program, _) in CLIENTS.items()}
    return "clients: " + ", ".join(f"{name} {version or 'missing'}" for name, version in versions.items())


def pytest_runtest_setup(item: pytest.Item) -> None:
    for name in (name for mark in item.iter_markers("client") for name in mark.args):
        program, remedy = CLIENTS[name]
        if shutil.which(program) is None:
            missing = f"{name} is not installed; get it with: {remedy}"
            (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(missing)
