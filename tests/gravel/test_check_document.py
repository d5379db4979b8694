"""docs/check.md: its commands are run as they stand there, and print what stands there, but for the ports."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.gravel.conftest import GRAVEL

DOCUMENT = (Path(__file__).parents[2] / "docs/check.md").read_text()
[SHELL] = re.findall(r"^gravel (run .*) -- sh$", DOCUMENT, re.MULTILINE)
SECTIONS = re.findall(
    r"^## (.+?)\n(?:(?!^## ).)*?^```sh\n(.*?)^```\n\n```text\n(.*?)^```", DOCUMENT, re.DOTALL | re.MULTILINE
)
# The ports of the document; those that are free have as many digits.
DNS_PORT, HTTP_PORT = "50053", "50080"


@pytest.mark.client("curl")
@pytest.mark.parametrize(("name", "commands", "printed"), SECTIONS, ids=[name for name, _, _ in SECTIONS])
def test_the_commands_print_what_the_document_says(name, commands, printed, tmp_path):
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GRAVEL_")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**inherited, "PATH": path, "PYTHONPATH": str(Path(__file__).parents[2])}
    script = f'echo "$ACME_DNS" "$ACME_HTTP01_PORT" > ports\n{commands}'
    run = [*GRAVEL, *SHELL.split(), "--", "sh", "-eu", "-c", script]
    done = subprocess.run(run, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    dns, http = (tmp_path / "ports").read_text().split()
    for free, shown in ((dns.rpartition(":")[2], DNS_PORT), (http, HTTP_PORT)):
        done.stdout = done.stdout.replace(f":{free}", f":{shown}")
    assert done.stdout == printed


def test_healthy_and_broken_names_are_shown():
    assert [name for name, _, _ in SECTIONS] == ["A healthy name", "A nameserver that is late", "Nobody listens"]
