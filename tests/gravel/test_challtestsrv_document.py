"""docs/challtestsrv.md: its commands print what stands there, its options and paths are gravel's."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from gravel.management.challenge_endpoints import CHALLENGE_ENDPOINTS
from gravel.management.dns_endpoints import DNS_ENDPOINTS
from gravel.management.request_histories import HISTORY_ENDPOINTS
from gravel.management.world_endpoints import DNS_EDITS
from gravel.settings import FIELDS
from tests.gravel.conftest import GRAVEL

DOCUMENT = (Path(__file__).parents[2] / "docs/challtestsrv.md").read_text()
LISTENERS, PATHS = re.split(r"^## ", DOCUMENT, flags=re.MULTILINE)[1:3]


@pytest.mark.client("curl")
def test_the_commands_print_what_the_document_says(tmp_path):
    [(shell, commands, printed)] = re.findall(
        r"^gravel (run .*) -- sh\n```\n\n```sh\n(.*?)^```\n\n```text\n(.*?)^```", DOCUMENT, re.DOTALL | re.MULTILINE
    )
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GRAVEL_")}
    environment = {**inherited, "PYTHONPATH": str(Path(__file__).parents[2])}
    run = [*GRAVEL, *shell.split(), "--", "sh", "-eu", "-c", commands]
    done = subprocess.run(run, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, printed), done.stderr


def test_its_options_are_options():
    options = re.findall(r"`--([a-z0-9-]+)", LISTENERS)
    assert len(options) == 9
    assert [option for option in options if option not in FIELDS] == []


def test_its_paths_are_served_and_it_has_all_that_add_and_remove_challenges():
    listed = re.findall(r"`(/[a-z0-9-]+)`", PATHS)
    served = [*DNS_EDITS, *(path for _, path in (*CHALLENGE_ENDPOINTS, *HISTORY_ENDPOINTS, *DNS_ENDPOINTS))]
    assert len(listed) == len({*listed}) == 24
    assert {*listed} <= {*served}
    assert {path for _, path in (*CHALLENGE_ENDPOINTS, *HISTORY_ENDPOINTS)} <= {*listed}
