"""`python -m conformance.issuer`: what it prints and writes, and how it ends."""

import json
import subprocess
import sys
from contextlib import closing
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner

from conformance.issuer.cli import main
from conformance.issuer.kube import Kube
from conformance.issuer.options import IssuerRef, Target
from conformance.issuer.table import CHECKS
from tests.conformance.issuer.conftest import make_issuers
from tests.conformance.issuer.mutants import MUTANTS


def invoke(*options):
    return CliRunner(env={"COLUMNS": "120"}).invoke(main, options)


def said(done):
    return " ".join(done.output.replace("│", " ").split())


@pytest.fixture
def broken(api):
    """Hold an issuer that forgets failureTime to the checks."""

    def hold(*options):
        kube = Kube(Target(api))
        with MUTANTS["what_failed_has_a_failure_time"](api) as signer, closing(kube.wire):
            make_issuers(kube)
            signer.know("ours", "unready")
            return invoke("--server", api, "--issuer-ref", "ours", "--quiet", "0.3", *options)

    return hold


def test_a_must_that_fails_ends_with_1_and_says_what_was_expected(broken):
    done = broken()
    assert done.exit_code == 1
    assert "expected a failureTime; got none" in said(done)
    assert "1 MUST fail" in done.output


def test_the_reports_have_every_check_and_the_versions_where_one_failed(broken, tmp_path):
    files = {kind: tmp_path / f"report.{kind}" for kind in ("json", "junit", "html")}
    broken(*(word for kind, path in files.items() for word in (f"--{kind}", str(path))))
    report = json.loads(files["json"].read_text())
    assert report["issuer"] == "Issuer.cert-manager.io/ours"
    assert [one["name"] for one in report["checks"]] == [one.name for one in CHECKS]
    failed = next(one for one in report["checks"] if one["verdict"] == "fail")
    assert failed["name"] == "what_failed_has_a_failure_time"
    last = failed["exchanges"][-1]
    assert (last["method"], json.loads(last["reply"]["body"])["status"]["conditions"][-1]["reason"]) == (
        "WATCH",
        "Failed",
    )
    suite = ET.parse(files["junit"]).getroot()
    assert (suite.get("name"), suite.get("failures")) == ("external issuer: Issuer.cert-manager.io/ours", "1")
    assert files["html"].read_text().count("<details>") == 1


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--issuer-ref", "ours"], "name the API: --kubeconfig FILE or --server URL"),
        (["--issuer-ref", "a/b/c", "--server", "http://127.0.0.1:1"], "'a/b/c' is no KIND.GROUP/NAME"),
        (["--issuer-ref", "ours", "--server", "127.0.0.1:1"], "'127.0.0.1:1' is no http or https URL"),
        (
            ["--issuer-ref", "ours", "--address", "localhost"],
            "'localhost' does not appear to be an IPv4 or IPv6 address",
        ),
        (["--issuer-ref", "ours", "--domain", "Zürich.test"], "is no domain in lower-case ASCII"),
        (["--issuer-ref", "ours", "--kubeconfig", "no-such-file"], "no-such-file cannot be read as a kubeconfig"),
    ],
)
def test_a_mistake_of_usage_is_one_clear_sentence(options, why):
    done = invoke(*options)
    assert done.exit_code == 2
    assert why in said(done)


@pytest.mark.parametrize(
    ("server", "issuer", "why"),
    [
        ("http://127.0.0.1:1", "ours", "http://127.0.0.1:1 cannot be reached"),
        ("API", "nobody", 'issuers.cert-manager.io "nobody" not found'),
        ("API", "Conformance/ours", "the API has no kind Conformance in cert-manager.io/v1"),
        ("API", "Issuer.nowhere.test/ours", "GET /apis/nowhere.test answers 404"),
    ],
)
def test_where_nothing_can_be_looked_at_it_ends_with_3_and_says_why(api, server, issuer, why):
    done = invoke("--server", api if server == "API" else server, "--issuer-ref", issuer, "--topic", "denial")
    assert done.exit_code == 3
    assert why in said(done)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("ours", IssuerRef("Issuer", "cert-manager.io", "ours")),
        ("ClusterIssuer/ours", IssuerRef("ClusterIssuer", "cert-manager.io", "ours")),
        ("AcmeIssuer.gravel.test/a.b", IssuerRef("AcmeIssuer", "gravel.test", "a.b")),
    ],
)
def test_an_issuer_is_named_by_kind_group_and_name(text, read):
    assert IssuerRef.read(text) == read


def test_it_imports_none_of_the_other_houses():
    code = "import conformance.issuer.cli, sys; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    assert "conformance" in loaded
    assert not {"acme_server", "solvers", "scheduler", "issuer_bridge", "gravel", "josepy", "aiohttp"} & {*loaded}
