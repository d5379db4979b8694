"""docs/approval.md: its commands are run as they stand there, and print what stands there."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs/approval.md").read_text()
FLAGS = re.findall(r"^    gravel up (--approver .*)$", DOCUMENT, re.MULTILINE)
FILES = dict(re.findall(r"^```yaml\n# (\S+)\n(.*?)^```", DOCUMENT, re.DOTALL | re.MULTILINE))
SECTIONS = re.findall(
    r"^## (.+?)\n(?:(?!^## ).)*?^```sh\n(.*?)^```\n\n```text\n(.*?)^```", DOCUMENT, re.DOTALL | re.MULTILINE
)
# The port of the document's ticket service.
TICKETS = "8008"


def run(up, folder, commands):
    """Run commands of the document, and return what they print."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    urls = {"GRAVEL_KUBERNETES": up.ready["kubernetes"], "MANAGEMENT": up.ready["management"]}
    shell = ["sh", "-eu", "-c", commands]
    environment = {**up.environment, **urls, "PATH": path}
    done = subprocess.run(shell, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=90)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def folder(tmp_path):
    """A folder with the document's files, and the examples."""
    place = tmp_path / "document"
    place.mkdir()
    (place / "examples").symlink_to(ROOT / "examples")
    for name, text in FILES.items():
        (place / name).write_text(text)
    return place


@pytest.mark.client("curl")
@pytest.mark.seed("B28")
def test_policies_print_what_the_document_says(launch, folder):
    up = launch("up", *FLAGS[0].split())
    told = [name for name, _, _ in SECTIONS[:-1]]
    assert told == ["Policies", "Who may use a policy", "By hand", "Metrics"]
    for _, commands, printed in SECTIONS[:-1]:
        assert run(up, folder, commands) == printed


def test_tickets_print_what_the_document_says(launch, folder):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    up = launch("up", *FLAGS[1].replace(TICKETS, port).split())
    name, commands, printed = SECTIONS[-1]
    assert (name, run(up, folder, commands.replace(TICKETS, port))) == ("Change tickets", printed)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--approver", "ticket"], "--approver ticket needs --ticket-url"),
        (["--ticket-url", "tickets:80"], "--ticket-url 'tickets:80' is no URL"),
    ],
)
def test_a_ticket_approver_wants_to_know_where_tickets_are(launch, options, why):
    code, said, _ = launch("up", *options, ready=False).finish()
    assert (code, why in said) == (2, True), said
