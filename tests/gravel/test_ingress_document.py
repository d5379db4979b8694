"""docs/ingress-and-mesh.md: its manifests and commands are used as they stand there, on a real `gravel up`."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from click.testing import CliRunner

from gravel.commands.wait import command as wait
from gravel.running import Running

DOCUMENT = (Path(__file__).parents[2] / "docs/ingress-and-mesh.md").read_text()
MANIFESTS = dict(re.findall(r"^```yaml\n# (\S+)\n(.*?)^```", DOCUMENT, re.DOTALL | re.MULTILINE))
COMMANDS = re.findall(r"^```sh\n(.*?)^```", DOCUMENT, re.DOTALL | re.MULTILINE)


@pytest.mark.seed("B39", "B44", "B45")
async def test_the_commands_do_what_the_document_says(tmp_path, free_settings):
    for name, text in MANIFESTS.items():
        (tmp_path / name).write_text(text)
    program = f"#!/bin/sh\nexec {sys.executable} -c 'from gravel.cli import main; main()' \"$@\"\n"
    (tmp_path / "gravel").write_text(program)
    (tmp_path / "gravel").chmod(0o755)
    assert len(COMMANDS) == 3
    async with Running(free_settings(http01_port=0), bridge=True) as running:
        environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
        environment |= {"GRAVEL_KUBERNETES": running.addresses.kubernetes, "PYTHONPATH": str(Path(__file__).parents[2])}
        script = ["sh", "-eu", "-c", "".join(COMMANDS)]
        run = subprocess.run
        done = await asyncio.to_thread(
            run, script, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=100
        )
    assert (done.returncode, done.stderr) == (0, "")
    assert re.findall(r"^(\S+) is ready", done.stdout, re.MULTILINE)[:1] == ["secret/web-tls"]
    assert 'Successfully created Certificate "web-tls"' in done.stdout
    assert "secret/linkerd-identity-issuer is ready" in done.stdout


@pytest.mark.seed("B45")
def test_the_init_container_is_valid_and_asks_for_what_the_command_takes():
    (document,) = yaml.safe_load_all(MANIFESTS["deployment.yaml"])
    kubernetes_validate.validate(document, kubernetes_validate.latest_version(), strict=True)
    (container,) = document["spec"]["template"]["spec"]["initContainers"]
    gravel, verb, *arguments = container["command"]
    assert (gravel, verb) == ("gravel", "wait")
    parameters = wait.make_context("wait", arguments).params
    volume = document["spec"]["template"]["spec"]["volumes"][0]["secret"]["secretName"]
    assert (parameters["objects"], parameters["in_cluster"]) == ((f"secret/{volume}",), True)
    assert parameters["namespace"] == document["metadata"]["namespace"]


def test_outside_a_cluster_that_container_says_where_it_is_not():
    done = CliRunner().invoke(wait, ["secret/x", "--in-cluster"])
    assert (done.exit_code, "this pod does not say where a cluster is" in done.output) == (1, True)
