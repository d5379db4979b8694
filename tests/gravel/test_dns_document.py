"""docs/dns.md: its commands are run as they stand there, and print what stands there."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from gravel.commands.manifest import command as manifest
from tests.gravel.conftest import GRAVEL

DOCUMENT = (Path(__file__).parents[2] / "docs/dns.md").read_text()
[SHELL] = re.findall(r"^gravel (run .*) -- sh$", DOCUMENT, re.MULTILINE)
SECTIONS = re.findall(
    r"^## (.+?)\n(?:(?!^## ).)*?^```sh\n(.*?)^```\n\n```text\n(.*?)^```", DOCUMENT, re.DOTALL | re.MULTILINE
)


def test_each_way_has_a_command():
    assert [name for name, _, _ in SECTIONS] == ["Management API", "DNS updates", "acme-dns", "Webhook"]


@pytest.mark.client("curl", "dig", "nsupdate")
@pytest.mark.parametrize(("name", "commands", "printed"), SECTIONS, ids=[name for name, _, _ in SECTIONS])
def test_the_commands_print_what_the_document_says(name, commands, printed, tmp_path):
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GRAVEL_")}
    environment = {**inherited, "PYTHONPATH": str(Path(__file__).parents[2])}
    run = [*GRAVEL, *SHELL.split(), "--", "sh", "-eu", "-c", commands]
    done = subprocess.run(run, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, printed), done.stderr


def test_the_manifests_of_the_document_are_commands_of_gravel():
    [line] = re.findall(r"^    gravel manifest (.*) \| kubectl apply -f -$", DOCUMENT, re.MULTILINE)
    assert manifest.make_context("manifest", line.split()).params["what"] == "webhook"
