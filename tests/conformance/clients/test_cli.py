"""`python -m conformance.clients`: what it prints and writes, and how it ends."""

from __future__ import annotations

import json
import subprocess
import sys
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner

from conformance.clients.cli import main


@pytest.fixture
def command(told):
    """Run the command line against our server, with the library that every machine with certbot has."""

    def run(*arguments, directory=told.directory):
        options = ["--directory", directory, "--ca-cert", told.ca_cert, "--http01-port", told.http01_port]
        options += ["--chall-mgmt", told.chall_mgmt, "--only", "acme"]
        return CliRunner(env={"COLUMNS": "160"}).invoke(main, [*map(str, options), *arguments])

    return run


@pytest.fixture(scope="module")
def reports():
    return "--json", "--junit", "--html", "--markdown"


def test_a_client_that_passes_ends_with_0_and_every_report_has_its_cells(command, reports, tmp_path):
    done = command(*(word for kind in reports for word in (kind, str(tmp_path / kind[2:]))))
    assert done.exit_code == 0, done.output
    assert "6 pass, 3 not spoken" in done.output
    cells = json.loads((tmp_path / "json").read_text())["cells"]
    assert len(cells) == 9
    first = cells[0]
    assert tuple(first[one] for one in ("client", "challenge", "act", "word")) == ("acme", "http-01", "issue", "pass")
    assert "acme_library.py issue https://" in first["command"]
    suite = ET.parse(tmp_path / "junit").getroot()
    assert tuple(suite.get(one) for one in ("tests", "failures", "skipped")) == ("9", "0", "3")
    assert (tmp_path / "html").read_text().count("<tr><td>acme</td>") == 3
    assert f"    {first['command']}\n" in (tmp_path / "markdown").read_text()


def test_a_client_that_fails_ends_with_1_and_every_report_has_its_words(command, reports, tmp_path):
    """Nobody validates the names that it answers for: the records are set in no DNS that is asked."""
    files = [word for kind in reports for word in (kind, str(tmp_path / kind[2:]))]
    done = command(*files, "--time-limit", "0.1")
    assert done.exit_code == 1
    assert "acme, http-01, issue: fail" in done.output
    for kind in reports:
        assert "did not end within 0.1 s" in (tmp_path / kind[2:]).read_text(), kind
    assert ET.parse(tmp_path / "junit").getroot().get("failures") == "2"


def test_a_server_that_is_not_there_ends_with_3(command):
    done = command(directory="https://127.0.0.1:1/dir")
    assert done.exit_code == 3
    assert "https://127.0.0.1:1/dir does not answer" in done.output


def test_a_machine_without_the_clients_ends_with_3(command):
    done = command("--python", "/nowhere/python")
    assert done.exit_code == 3
    assert "6 not present, 3 not spoken" in done.output


@pytest.mark.parametrize(
    ("option", "text", "said"),
    [
        ("--only", "certbt", "no client is called 'certbt'; did you mean certbot?"),
        ("--only", "x", "there are certbot, lego,"),
        ("--directory", "localhost:14000", "no http or https URL"),
        ("--chall-mgmt", "localhost:8055", "no http or https URL"),
        ("--roots", __file__, "holds no certificates in PEM"),
        ("--ca-cert", __file__, "holds no certificates in PEM"),
        ("--node-modules", "/nowhere", "does not exist"),
        ("--http01-port", "70000", "--http01-port"),
        ("--time-limit", "0", "--time-limit"),
    ],
)
def test_a_mistake_of_usage_is_one_clear_sentence(command, option, text, said):
    done = command(option, text)
    assert done.exit_code == 2, done.output
    assert said in " ".join(done.output.replace("│", " ").split())


def test_a_report_that_cannot_be_written_is_said(command, tmp_path):
    done = command("--python", "/nowhere/python", "--json", str(tmp_path / "missing" / "report.json"))
    assert done.exit_code == 1
    assert "Could not open file" in done.output


def test_it_imports_none_of_the_other_houses():
    code = "import conformance.clients.cli, sys; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "conformance" in loaded
    assert not {"acme_server", "solvers", "scheduler", "issuer_bridge", "gravel", "josepy", "aiohttp"} & {*loaded}
