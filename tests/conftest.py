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
from hypothesis import HealthCheck, settings

# How fast an example ran says how busy the machine is; a hang still meets pytest's own time limit.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("any machine")

# client -> the program, and what to install to have it.
CLIENTS = {
    "certbot": (str(Path(sys.executable).with_name("certbot")), "pip install certbot"),
    "lego": ("lego", "apt install lego"),
    "dehydrated": ("dehydrated", "apt install dehydrated"),
    "pebble": ("pebble", "apt install pebble"),
    "pebble-challtestsrv": ("pebble-challtestsrv", "apt install pebble"),
    "nsupdate": ("nsupdate", "apt install bind9-dnsutils"),
    "dig": ("dig", "apt install bind9-dnsutils"),
    "kdig": ("kdig", "apt install knot-dnsutils"),
    "curl": ("curl", "apt install curl"),
    "node": ("node", "apt install nodejs"),
    "keytool": ("keytool", "apt install default-jre-headless"),
    "promtool": ("promtool", "apt install prometheus"),
    "openssl": ("openssl", "apt install openssl"),
    "chromium": ("chromium", "apt install chromium"),
    "kopf": (str(Path(sys.executable).with_name("kopf")), "make operators"),
    "kubectl": (str(Path(sys.executable).with_name("kubectl")), "make kubectl"),
    "helm": (str(Path(sys.executable).with_name("helm")), "make kubectl"),
}


def version_of(program: str, remedy: str) -> str | None:
    """The package's version where Debian knows it (lego's own is "dev"), else what the program says."""
    path = shutil.which(program)
    if path is None:
        return None
    for command in (["dpkg-query", "-W", "-f", "${Version}", remedy.removeprefix("apt install ")], [path, "--version"]):
        if shutil.which(command[0]):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode == 0 and done.stdout:
                return done.stdout.split()[-1]
    return "of unknown version"


def pytest_report_header() -> str:
    versions = {name: version_of(*client) for name, client in CLIENTS.items()}
    return "clients: " + ", ".join(f"{name} {version or 'missing'}" for name, version in versions.items())


def pytest_runtest_setup(item: pytest.Item) -> None:
    for name in (name for mark in item.iter_markers("client") for name in mark.args):
        program, remedy = CLIENTS[name]
        if shutil.which(program) is None:
            missing = f"{name} is not installed; get it with: {remedy}"
            (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(missing)
