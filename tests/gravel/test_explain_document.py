"""docs/explain.md: its commands are run as they stand there, and print what stands there, but for moments, IDs and ports."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gravel.explaining.catalogue import CAUSES
from tests.gravel.conftest import GRAVEL

DOCUMENT = (Path(__file__).parents[2] / "docs/explain.md").read_text()
[PRELUDE] = re.findall(r"tests, in `gravel run -- sh`, after\n\n```sh\n(.*?)^```", DOCUMENT, re.DOTALL | re.MULTILINE)
SECTIONS = re.findall(r"^## (.+?)\n\n```sh\n(.*?)^```\n\n```text\n(.*?)^```", DOCUMENT, re.DOTALL | re.MULTILINE)
MARK = "==== "
# What differs from run to run.
VARYING = (
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z| UTC)", "MOMENT"),
    (r"\(\d+s ago\)", "(AGO)"),
    (r"\b[0-9a-f]{31,32}\b", "SERIAL"),
    (r"(?<![\w-])[\w-]{22}(?![\w-])", "ID"),
    (r"127\.0\.0\.1:\d+", "ADDRESS"),
    (r"\d of the last \d requests", "N of the last N requests"),
)


def steady(text):
    for pattern, name in VARYING:
        text = re.sub(pattern, name, text)
    return text


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    """What each section prints, all of them run in one shell."""
    folder = tmp_path_factory.mktemp("explain")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GRAVEL_")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**inherited, "PATH": path, "PYTHONPATH": str(Path(__file__).parents[2])}
    script = PRELUDE + "".join(f"world=\necho '{MARK}{name}'\n{commands}" for name, commands, _ in SECTIONS)
    run = [*GRAVEL, "run", "--", "sh", "-eu", "-c", script]
    done = subprocess.run(run, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return dict(part.split("\n", 1) for part in done.stdout.split(MARK)[1:])


@pytest.mark.client("curl")
@pytest.mark.client("lego")
@pytest.mark.parametrize(
    ("name", "shown"), [(name, shown) for name, _, shown in SECTIONS], ids=[row[0] for row in SECTIONS]
)
def test_the_commands_print_what_the_document_says(name, shown, printed):
    assert steady(printed[name]) == steady(shown)


def test_ten_failures_are_shown():
    assert len(SECTIONS) == 11


def test_a_code_of_the_table_of_pains_is_one_that_there_is():
    rows = re.findall(r"^\| \d+ \| .* \| (explain: .*) \|$", DOCUMENT, re.MULTILINE)
    named = [code for row in rows for code in re.findall(r"`([a-z]+-[a-z-]+)`", row)]
    assert set(named) <= {cause.code for cause in CAUSES}
    assert len(rows) >= 15
    assert len(re.findall(r"^\| \d+ \| ", DOCUMENT, re.MULTILINE)) == 28
