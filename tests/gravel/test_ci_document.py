"""docs/ci.md: its workflows are GitHub's, and what they run of gravel's runs."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.gravel.conftest import GRAVEL

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs/ci.md").read_text()
WORKFLOWS = dict(re.findall(r"^```yaml\n# \.github/workflows/(\S+)\n(.*?)^```", DOCUMENT, re.DOTALL | re.MULTILINE))


def commands(name: str) -> list[str]:
    """What the steps of a workflow's only job run."""
    (job,) = yaml.safe_load(WORKFLOWS[name])["jobs"].values()
    return [step["run"] for step in job["steps"] if "run" in step]


def run(words: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GRAVEL_")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**inherited, "PATH": path, "PYTHONPATH": str(ROOT)}
    return subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_each_kind_of_project_has_a_workflow():
    assert list(WORKFLOWS) == ["tests.yml", "client.yml", "manifests.yml", "cluster.yml"]


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_is_what_github_takes(name, tmp_path):
    (tmp_path / name).write_text(WORKFLOWS[name])
    checker = str(Path(sys.executable).with_name("check-jsonschema"))
    done = run([checker, "--builtin-schema", "vendor.github-workflows", name], tmp_path)
    assert done.returncode == 0, done.stdout
    (tmp_path / name).write_text(WORKFLOWS[name].replace("runs-on", "run-on"))
    assert run([checker, "--builtin-schema", "vendor.github-workflows", name], tmp_path).returncode == 1


def test_what_is_installed_has_the_extras_that_it_names():
    projects = [line for name in WORKFLOWS for line in commands(name) if line.startswith("pip install")]
    extras = [extra for line in projects for extra in re.findall(r"\[(\w+)\]", line)]
    assert extras == ["policy"]
    assert all(f"\n{extra} = [" in (ROOT / "pyproject.toml").read_text() for extra in extras)


def test_the_command_for_a_client_has_its_exit_status(tmp_path):
    (line,) = [line for line in commands("client.yml") if line.startswith("gravel")]
    script = tmp_path / "obtain.sh"
    script.write_text('#!/bin/sh\ntest "$1" = www.example.test && test -n "$ACME_DIRECTORY" && exit 7\n')
    script.chmod(0o755)
    done = run([*GRAVEL, *shlex.split(line)[1:]], tmp_path)
    assert done.returncode == 7, done.stderr


def test_the_command_for_manifests_is_0_when_all_is_ready(tmp_path):
    (line,) = [line for line in commands("manifests.yml") if line.startswith("gravel")]
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    free = [f"--{name}-port=0" for name in ("acme", "management", "dns", "kubernetes", "http01")]
    done = run([*GRAVEL, *shlex.split(line)[1:], *free], tmp_path)
    assert done.returncode == 0, done.stderr


def test_the_chart_is_where_the_workflow_looks():
    (line,) = [line for line in commands("cluster.yml") if line.startswith("helm")]
    assert (ROOT / shlex.split(line)[3].removeprefix("gravel/") / "Chart.yaml").is_file()
