"""docs/verify.md: its commands are run as they stand there, on a real `gravel up`, and print what stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gravel.running import Running
from gravel.verify.rules import RULES
from tests.gravel.document_shell import DocumentShell

ROOT = Path(__file__).parents[3]
DOCUMENT = (ROOT / "docs/verify.md").read_text()
[(NAME, MANIFEST)] = re.findall(r"^```yaml\n# (\S+)\n(.*?)^```", DOCUMENT, re.DOTALL | re.MULTILINE)
SECTIONS = re.findall(r"^```sh\n(.*?)^```\n\n```text\n(.*?)^```", DOCUMENT, re.DOTALL | re.MULTILINE)
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@pytest.mark.client("openssl")
@pytest.mark.seed("B47")
async def test_the_commands_print_what_the_document_says(tmp_path, free_settings):
    (tmp_path / NAME).write_text(MANIFEST)
    async with Running(free_settings(http01_port=0), bridge=True) as running:
        shell = DocumentShell(tmp_path, running)
        for commands, printed in SECTIONS:
            done = await shell.run(commands)
            assert (done.returncode, done.stderr) == (0, "")
            assert MOMENT.sub("", done.stdout) == MOMENT.sub("", printed)
    assert len(SECTIONS) == 2


def test_every_finding_is_on_the_page():
    table = DOCUMENT.partition("| finding |")[2].partition("\n\n")[0]
    assert re.findall(r"`([a-z-]+)`(?=[, ])", "".join(row.split("|")[1] for row in table.splitlines()[2:])) == [
        rule.code for rule in RULES
    ]
