"""docs/issuer-library.md: from nothing to a certificate, each command of the page as it stands, but for the ports."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/issuer-library.md").read_text()
SECTION = PAGE.partition("## From nothing to a certificate")[2].partition("\n## ")[0]
COMMANDS = [line for block in re.findall(r"```sh\n(.+?)```", SECTION, re.DOTALL) for line in block.splitlines()]
LASTING = ("gravel up", "python rest_ca.py", "python issuer.py")
SHIMS = {"gravel": "-c 'from gravel.cli import main; main()'", "python": ""}


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


class Stranger:
    """Somebody who types commands; ports: what the page says, and what is free here."""

    def __init__(self, home):
        (home / "bin").mkdir()
        for name, arguments in SHIMS.items():
            shim = home / "bin" / name
            shim.write_text(f'#!/bin/sh\nexec {sys.executable} {arguments} "$@"\n')
            shim.chmod(0o755)
        ports = ("ACME", "MANAGEMENT", "DNS", "KUBERNETES", "HTTP01")
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("GRAVEL_", "PYTEST_"))}
        self.environment = {
            **kept,
            **{f"GRAVEL_{port}_PORT": "0" for port in ports},
            "PATH": f"{home / 'bin'}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "TMPDIR": str(home),
        }
        self.folder, self.lasting = home, []
        self.words = {"8443": str(free_port())}

    def type(self, command):
        for word, here in self.words.items():
            command = command.replace(word, here)
        if command.startswith("cd "):
            self.folder = self.folder / command[3:]
            self.adapt()
        elif command.startswith(LASTING):
            self.begin(command)
        else:
            done = subprocess.run(
                command,
                shell=True,
                cwd=self.folder,
                env=self.environment,
                capture_output=True,
                text=True,
                timeout=90,
                check=False,
            )
            assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
            return done.stdout
        return ""

    def adapt(self):
        """Let the example name the port that is free."""
        example = self.folder / "manifests/example.yaml"
        example.write_text(example.read_text().replace("8443", self.words["8443"]))

    def begin(self, command):
        json_flag = "" if "rest_ca" in command else " --json"
        health = " --health 127.0.0.1:0" if "issuer.py" in command else ""
        process = subprocess.Popen(
            f"exec {command}{json_flag}{health}",
            shell=True,
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.lasting.append(process)
        if json_flag:
            ready = json.loads(process.stdout.readline())
            if "directory" in ready:
                self.environment["GRAVEL_KUBERNETES"] = self.words["http://127.0.0.1:16443"] = ready["kubernetes"]
            else:
                self.health = ready["health"]

    def leave(self):
        for process in reversed(self.lasting):
            process.send_signal(signal.SIGINT)
        for process in self.lasting:
            process.wait(timeout=30)
            process.stdout.close()


@pytest.fixture
def stranger(tmp_path):
    found = Stranger(tmp_path)
    yield found
    found.leave()


@pytest.mark.timeout(300)
def test_a_stranger_comes_to_a_certificate(stranger):
    said = {command: stranger.type(command) for command in COMMANDS}
    assert "3 passed" in said["python -m pytest -q"]
    assert "True" in said["gravel get certificaterequests"]
    assert "shop-tls" in said["gravel get secret shop-tls"]
    metrics = urllib.request.urlopen(f"{stranger.health}/metrics").read().decode()
    assert 'issuer_bridge_requests{issuer="default/rest-ca",reason="Issued"} 2.0' in metrics
