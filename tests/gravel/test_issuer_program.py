"""The program around an author's functions: where it works, and every mistake as one sentence."""

import asyncio
import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from gravel.issuer import IssuerKind
from gravel.issuer_program import options_of, program
from issuer_bridge.issuer_lib.conduct import ISSUER_LIB, OURS
from issuer_bridge.resources import CERTIFICATE_REQUEST
from tests.embedded_api import new_store, serving
from tests.gravel.test_issuer_service import chain, put, request
from tests.issuer_bridge.cluster.cluster_rig import kubeconfig, until

ROOT = Path(__file__).parents[2]
KIND = IssuerKind("mine.test", "v1", "MyIssuer", "myissuers")
# In place of cert-manager's own controller.
OF_CERT_MANAGER = """
from gravel.issuer import Bundle, IssuerKind, run

async def check(issuer):
    pass

async def sign(request, issuer):
    return Bundle(b"a chain")

run("mine", [IssuerKind("cert-manager.io", "v1", "Issuer", "issuers")], check, sign)
"""


@pytest.fixture
def run(monkeypatch):
    monkeypatch.delenv("KUBECONFIG", raising=False)
    command = program("mine", (KIND,), None, None, {})
    return lambda *arguments: CliRunner().invoke(command, arguments)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["--server", "http://127.0.0.1:1"],
            "The cluster at http://127.0.0.1:1 does not let us in: connection refused.",
        ),
        (["--kubeconfig", "/nowhere"], "/nowhere does not say where a cluster is"),
        (["--server", "here"], "Invalid value for '--server'"),
        (["--health", "8080"], "Invalid value for '--health': '8080' is not HOST:PORT."),
        (["--workers", "0"], "Invalid value for '--workers'"),
        (["--max-retry-duration", "soon"], "Invalid value for '--max-retry-duration'"),
        (["--compat", "pebble"], "Invalid value for '--compat'"),
    ],
)
def test_a_mistake_is_one_sentence(run, arguments, sentence):
    result = run(*arguments)
    assert result.exit_code in (1, 2)
    assert sentence in result.output


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ({"compat": "none"}, (7, timedelta(hours=1), OURS)),
        ({"compat": "none", "workers": 3}, (3, timedelta(hours=1), OURS)),
        ({"compat": "issuer-lib", "max_retry_duration": "1m"}, (7, timedelta(minutes=1), ISSUER_LIB)),
    ],
)
def test_flags_come_before_what_the_author_chose(flags, expected):
    options = options_of("mine", {"workers": 7, "max_retry_duration": timedelta(hours=1)}, flags)
    assert (options.workers, options.max_retry_duration, options.conduct) == expected


def test_help_names_the_kinds(run):
    assert "Sign the requests that name a MyIssuer.mine.test." in run("--help").output


async def test_a_program_serves_the_cluster_of_a_kubeconfig_and_ends_when_told(tmp_path):
    store = new_store()
    put(store, IssuerKind("cert-manager.io", "v1", "Issuer", "issuers"), "mine", spec={"selfSigned": {}})
    request(store, "one")
    async with serving(store) as url:
        file = tmp_path / "mine.py"
        file.write_text(OF_CERT_MANAGER)
        command = [
            sys.executable,
            str(file),
            "--kubeconfig",
            kubeconfig(tmp_path, url),
            "--health",
            "127.0.0.1:0",
            "--json",
        ]
        process = await asyncio.create_subprocess_exec(
            *command, cwd=ROOT, stdout=subprocess.PIPE, env={"PYTHONPATH": str(ROOT)}
        )
        try:
            await until(lambda: chain(store, "one") == b"a chain")
            assert json.loads(await process.stdout.readline())["kubernetes"] == url
            process.terminate()
            await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
    assert process.returncode == 0
    assert store.get(CERTIFICATE_REQUEST, "default", "one")["status"]["conditions"][1]["reason"] == "Issued"
