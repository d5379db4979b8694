"""docs/logs.md: its commands are run as they stand there, and print what stands there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from gravel.logs.lines import HIDDEN
from tests.gravel.conftest import ANY_PORT_UP, GRAVEL

ROOT = Path(__file__).parents[3]
DOCUMENT = (ROOT / "docs/logs.md").read_text()
[(COMMANDS, PRINTED)] = re.findall(r"^```sh\n(.*?)^```\n\n```text\n(.*?)^```", DOCUMENT, re.DOTALL | re.MULTILINE)


def environment(**more):
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GRAVEL_")}
    return {**inherited, "PYTHONPATH": str(ROOT), **more}


def test_the_commands_print_what_the_document_says(tmp_path):
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    command = (
        f'gravel() {{ verb=$1; shift; "{sys.executable}" -c "{GRAVEL[-1]}" $verb {" ".join(ANY_PORT_UP)} "$@" >&3; }}'
    )
    run = ["sh", "-eu", "-c", f"exec 3>/dev/null\n{command}\n{COMMANDS}"]
    done = subprocess.run(run, cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, PRINTED), done.stderr


def test_the_document_says_what_stands_for_a_secret():
    assert f"`{HIDDEN}`" in DOCUMENT


def test_the_summary_of_a_run_is_still_its_last_line(tmp_path):
    (tmp_path / "gravel.toml").write_text('log-format = "json"\n')
    run = [*GRAVEL, "run", "--json", "--", "true"]
    done = subprocess.run(run, cwd=tmp_path, env=environment(), capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1].startswith('{"command":')
