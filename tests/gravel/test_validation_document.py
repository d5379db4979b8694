"""docs/validation.md: its commands are run as they stand there, and its table knows every option and setting."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from gravel.management.world_options import SETTINGS
from gravel.settings import FIELDS
from tests.gravel.conftest import GRAVEL

DOCUMENT = (Path(__file__).parents[2] / "docs/validation.md").read_text()
[SHELL] = re.findall(r"^gravel (run .*) -- sh$", DOCUMENT, re.MULTILINE)
SECTIONS = re.findall(
    r"^## (.+?)\n(?:(?!^## ).)*?^```sh\n(.*?)^```\n\n```text\n(.*?)^```", DOCUMENT, re.DOTALL | re.MULTILINE
)
ROWS = [line.split("|")[1:3] for line in DOCUMENT.splitlines() if line.startswith("| ")][1:]


def test_the_table_names_options_and_settings_that_there_are():
    options = [name for row, _ in ROWS for name in re.findall(r"`--([a-z0-9-]+)", row)]
    settings = [name for _, row in ROWS for name in re.findall(r"`([a-z_]+)`", row)]
    assert (len(options), len(settings)) == (12, 14)
    assert [name for name in options if name not in FIELDS] == []
    assert [name for name in settings if name not in SETTINGS] == []


def test_each_section_has_a_command():
    assert [name for name, _, _ in SECTIONS] == ["CAA", "Vantage points"]


@pytest.mark.client("curl", "lego")
@pytest.mark.parametrize(("name", "commands", "printed"), SECTIONS, ids=[name for name, _, _ in SECTIONS])
def test_the_commands_print_what_the_document_says(name, commands, printed, tmp_path):
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GRAVEL_")}
    environment = {**inherited, "PYTHONPATH": str(Path(__file__).parents[2])}
    run = [*GRAVEL, *SHELL.split(), "--", "sh", "-eu", "-c", commands]
    done = subprocess.run(run, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, printed), done.stderr
