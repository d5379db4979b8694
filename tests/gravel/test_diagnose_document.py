"""docs/diagnose.md: its example is what a bridge came to, and prints what stands there; its commands are run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from gravel.cli import run
from issuer_bridge.diagnosis.dumps import COMMAND
from issuer_bridge.resources import CHALLENGE, CLUSTER_ISSUER
from scheduler.settings import Settings
from scheduler.versions import NEWEST
from tests.gravel.conftest import GRAVEL
from tests.issuer_bridge.cert_manager.certificates.certificate_rig import CertificateRig
from tests.issuer_bridge.cluster.cluster_rig import kubeconfig
from tests.issuer_bridge.diagnosis.pains import PAINS, codes

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs/diagnose.md").read_text()
EXAMPLE = ROOT / "examples/diagnose/stuck-challenges.yaml"
[(SHOWN, PRINTED)] = re.findall(r"^```sh\n(.*?)^```\n\n```text\n(.*?)^```", DOCUMENT, re.DOTALL | re.MULTILINE)
COMMANDS = re.findall(r"^    gravel (diagnose.*)$", DOCUMENT, re.MULTILINE)


def stuck():
    """Two names that lead nowhere hold both slots; a third waits."""
    rig = CertificateRig(errors=NEWEST, scheduler=Settings(max_concurrent=2, version=NEWEST))
    rig.hide = lambda question: "old" in question.url
    for name in ("old-shop", "old-blog", "www"):
        rig.add(name)
        rig.run(seconds=5)
    rig.run(minutes=9)
    return rig


def example():
    rig = stuck()
    items = [
        {"apiVersion": k.api_version, "kind": k.kind, **item}
        for k in (CLUSTER_ISSUER, CHALLENGE)
        for item in rig.store.list(k)
    ]
    text = yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": items}, sort_keys=False)
    return f"# What `kubectl get clusterissuers,challenges -A -o yaml` says of a cluster with two slots: see docs/diagnose.md.\n{text}"


def test_the_example_is_what_a_bridge_comes_to():
    assert EXAMPLE.read_text() == example(), f"run: python -m {__name__} > {EXAMPLE}"


def test_the_example_prints_what_the_document_says():
    arguments = SHOWN.split()
    done = subprocess.run([*GRAVEL, *arguments[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr, done.stdout) == (1, "", PRINTED)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_reads_what_it_names(command, launch, tmp_path, capsys, monkeypatch):
    """On a house that has nothing: silence, or that the subject is not there."""
    url = launch("up").ready["kubernetes"]
    monkeypatch.setenv("GRAVEL_KUBERNETES", url)
    (tmp_path / "dump").write_text(EXAMPLE.read_text())
    monkeypatch.chdir(tmp_path)
    code = run(command.replace("~/.kube/config", kubeconfig(tmp_path, url)).split())
    output, error = capsys.readouterr()
    if "certificate/" in command:
        assert (code, "there is no certificate/shop/www" in error) == (2, True)
    elif "dump" in command:
        assert (code, error) == (1, "")
    else:
        assert (code, output, error) == (0, "nothing is stuck\n", "")


def test_the_command_for_a_dump_is_the_one_that_messages_name():
    assert COMMAND in DOCUMENT


def test_every_pain_is_told_by_codes_that_there_are():
    told = [code for _, codes_of in PAINS.values() if not isinstance(codes_of, str) for code in codes_of]
    assert list(PAINS) == list(range(1, 29))
    assert [code for code in told if code not in codes()] == []


if __name__ == "__main__":
    sys.stdout.write(example())
