"""docs/rotation.md: its commands are run as they stand there, and print what stands there; `gravel rotate` refuses."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from gravel.commands.rotate import command as rotate

DOCUMENT = (Path(__file__).parents[2] / "docs/rotation.md").read_text()
FLAGS = re.findall(r"`gravel up (--[^`]*)`", DOCUMENT)
MANIFESTS = dict(re.findall(r"^```yaml\n# (\S+)\n(.*?)^```", DOCUMENT, re.DOTALL | re.MULTILINE))
SECTIONS = re.findall(r"^```sh\n(.*?)^```\n\n```text\n(.*?)^```", DOCUMENT, re.DOTALL | re.MULTILINE)


@pytest.mark.seed("B64", "B65", "B66")
@pytest.mark.client("curl")
@pytest.mark.timeout(300)
def test_the_commands_print_what_the_document_says(launch, tmp_path):
    up = launch("up", *FLAGS[0].split())
    for name, text in MANIFESTS.items():
        (tmp_path / name).write_text(text)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    urls = {"GRAVEL_KUBERNETES": up.ready["kubernetes"], "MANAGEMENT": up.ready["management"]}
    environment = {**up.environment, **urls, "PATH": path}
    assert len(SECTIONS) == 3
    for commands, printed in SECTIONS:
        shell = ["sh", "-eu", "-c", commands]
        done = subprocess.run(
            shell, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=90
        )
        assert (done.returncode, done.stdout) == (0, printed), done.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["mesh-ca", "--to", "x"], "'mesh-ca' is not issuer/NAME or clusterissuer/NAME"),
        (["secret/x", "--to", "x"], "'secret/x' is not issuer/NAME or clusterissuer/NAME"),
        (["issuer/x", "--abort", "--to", "x"], "--abort goes without the other options"),
        (["issuer/x", "--to", "x", "--renew-within", "soon"], "--renew-within"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_a_sentence(arguments, sentence):
    done = CliRunner().invoke(rotate, arguments)
    assert (done.exit_code, sentence in done.output) == (2, True), done.output


def test_an_issuer_that_does_not_exist_is_named(launch):
    up = launch("up")
    for arguments in (["issuer/none"], ["issuer/none", "--abort"]):
        done = CliRunner().invoke(rotate, [*arguments, "--kubernetes", up.ready["kubernetes"]])
        assert (done.exit_code, "none" in done.output) == (1, True), done.output
