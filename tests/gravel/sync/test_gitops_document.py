"""docs/gitops.md: its manifests are synced as it says, on a real `gravel up`; pods come after their certificates."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gravel.kube_client import KubeClient
from gravel.running import Running
from issuer_bridge.conditions import is_true
from issuer_bridge.resources import CERTIFICATE, POD
from tests.gravel.document_shell import DocumentShell

ROOT = Path(__file__).parents[3]
DOCUMENT = (ROOT / "docs/gitops.md").read_text()
MANIFESTS = dict(re.findall(r"^```yaml\n# (\S+)\n(.*?)^```", DOCUMENT, re.DOTALL | re.MULTILINE))
SECTIONS = re.findall(r"^```sh\n(.*?)^```\n\n```text\n(.*?)^```", DOCUMENT, re.DOTALL | re.MULTILINE)


@pytest.mark.seed("B46")
async def test_pods_are_created_when_their_certificates_are_ready(tmp_path, free_settings):
    for name, text in MANIFESTS.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    async with Running(free_settings(http01_port=0), bridge=True) as running:
        shell = DocumentShell(tmp_path, running)
        for commands, printed in SECTIONS:
            done = await shell.run(commands)
            assert (done.returncode, done.stdout, done.stderr) == (0, printed, "")
        async with KubeClient(running.addresses.kubernetes) as client:
            for name in ("www", "api"):
                certificate = await client.get(CERTIFICATE, "default", name)
                pod = await client.get(POD, "default", name)
                versions = [int(each["metadata"]["resourceVersion"]) for each in (certificate, pod)]
                assert (is_true(certificate, "Ready"), versions == sorted(versions)) == (True, True)
    assert len(SECTIONS) == 2
