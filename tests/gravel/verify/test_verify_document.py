"""docs/verify.md: its commands are run as they stand there, on a real `gravel up`, and print what stands there."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gravel.running import Running
from gravel.verify.rules import RULES

ROOT = Path(__file__).parents[3]
DOCUMENT = (ROOT / "docs/verify.md").read_text()
[(NAME, MANIFEST)] = re.findall(r"^```yaml\n# (\S+)\n(.*?)^```", DOCUMENT, re.DOTALL | re.MULTILINE)
SECTIONS = re.findall(r"^```sh\n(.*?)^```\n\n```text\n(.*?)^```", DOCUMENT, re.DOTALL | re.MULTILINE)
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@pytest.mark.client("openssl")
@pytest.mark.seed("B47")
async def test_the_commands_print_what_the_document_says(tmp_path, free_settings):
    (tmp_path / NAME).write_text(MANIFEST)
    (tmp_path / "gravel").write_text(
        f"#!/bin/sh\nexec {sys.executable} -c 'from gravel.cli import main; main()' \"$@\"\n"
    )
    (tmp_path / "gravel").chmod(0o755)
    async with Running(free_settings(http01_port=0), bridge=True) as running:
        environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
        environment |= {"GRAVEL_KUBERNETES": running.addresses.kubernetes}
        environment |= {"GRAVEL_MANAGEMENT": running.addresses.management}
        for commands, printed in SECTIONS:
            done = await asyncio.to_thread(
                subprocess.run, ["sh", "-eu", "-c", commands], cwd=tmp_path, env=environment, capture_output=True,
                text=True, check=False, timeout=100,
            )  # fmt: skip
            assert (done.returncode, done.stderr) == (0, "")
            assert MOMENT.sub("", done.stdout) == MOMENT.sub("", printed)
    assert len(SECTIONS) == 2


def test_every_finding_is_on_the_page():
    table = DOCUMENT.partition("| finding |")[2].partition("\n\n")[0]
    assert re.findall(r"`([a-z-]+)`(?=[, ])", "".join(row.split("|")[1] for row in table.splitlines()[2:])) == [
        rule.code for rule in RULES
    ]
