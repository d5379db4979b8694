"""`gravel new-issuer`: what it makes is the example of the repository, and works as it is."""

import os
import re
import subprocess
import sys
from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from click.testing import CliRunner

from gravel.commands.new_issuer import command, scaffold
from tests.gravel.conftest import GRAVEL

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "rest_ca_issuer"


@pytest.fixture
def made(tmp_path, monkeypatch):
    """Run the command in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(command, arguments)


@pytest.mark.seed("E04")
def test_the_example_is_what_the_command_makes():
    files = {str(path.relative_to(EXAMPLE)): path.read_text() for path in EXAMPLE.rglob("*") if path.is_file()}
    files = {name: text for name, text in files.items() if "__pycache__" not in name and "cache" not in name}
    assert files == scaffold("rest-ca", "rest-ca.example.com")


@pytest.mark.seed("B15", "B69", "E10")
def test_its_own_tests_pass(tmp_path):
    subprocess.run([*GRAVEL, "new-issuer", "corp-pki", "--group", "pki.corp.test"], cwd=tmp_path, check=True)
    folder = tmp_path / "corp-pki"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    pytest_here = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
    done = subprocess.run(pytest_here, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "3 passed" in done.stdout


def test_its_names_follow_from_the_name(made):
    assert made("corp-pki").output == (
        "corp-pki/issuer.py signs what names a CorpPkiIssuer; corp-pki/README.md says how to run it.\n"
    )
    crd = yaml.safe_load(Path("corp-pki/manifests/clusterissuers.yaml").read_text())
    assert crd["metadata"]["name"] == "corppkiclusterissuers.corp-pki.example.com"
    assert (crd["spec"]["names"]["kind"], crd["spec"]["scope"]) == ("CorpPkiClusterIssuer", "Cluster")
    left = [path for path in Path("corp-pki").rglob("*.*") if re.search(r"@\w+@", path.read_text())]
    assert left == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["Corp"], "'Corp' is no name for an issuer: letters, digits and hyphens, such as rest-ca."),
        (["../corp"], "'../corp' is no name for an issuer: letters, digits and hyphens, such as rest-ca."),
        (["corp", "--group", "corp"], "'corp' is no API group: a domain of yours, such as issuers.example.com."),
    ],
)
def test_a_name_that_kubernetes_would_refuse_is_refused(made, arguments, sentence):
    result = made(*arguments)
    assert (result.exit_code, sentence in result.output) == (2, True)


def test_what_is_there_is_not_overwritten(made):
    made("corp")
    Path("corp/issuer.py").write_text("mine")
    assert "corp is there already; choose another name, or move it away." in made("corp").output
    assert Path("corp/issuer.py").read_text() == "mine"


@pytest.mark.parametrize("file", ["manifests/rbac.yaml", "manifests/issuers.yaml", "manifests/clusterissuers.yaml"])
def test_its_manifests_are_valid(file):
    for document in yaml.safe_load_all(scaffold("corp", "corp.test")[file]):
        kubernetes_validate.validate(document, "1.33", strict=True)
