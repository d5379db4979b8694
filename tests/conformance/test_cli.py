"""`python -m conformance`: what it prints and writes, and how it ends."""

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner

from conformance.cli import main
from conformance.table import CHECKS


@pytest.fixture
def command(addresses):
    """Run the command line against our server."""

    def run(*arguments, directory=addresses.directory):
        options = ["--directory", directory, "--ca-cert", addresses.tls_ca, "--chall-mgmt", addresses.management]
        return CliRunner(env={"COLUMNS": "120"}).invoke(main, [*options, *arguments])

    return run


def test_a_server_that_keeps_every_must_ends_with_0_and_each_check_has_its_line(command):
    done = command("--section", "7.2")
    assert done.exit_code == 0
    assert "HEAD of newNonce brings a Replay-Nonce." in done.output
    assert "4 pass" in done.output


def test_a_must_that_fails_ends_with_1(command, monkeypatch):
    monkeypatch.setattr("acme_server.nonces.NoncePool.redeem", lambda *_: True)
    done = command("--section", "6.5")
    assert done.exit_code == 1
    assert "4 MUST fail" in done.output


def test_a_server_that_is_not_there_ends_with_3(command):
    done = command("--section", "6.5", directory="https://127.0.0.1:1/dir")
    assert done.exit_code == 3
    assert "not reachable" in done.output


def test_a_section_without_checks_is_a_mistake_of_usage(command):
    done = command("--section", "5")
    assert done.exit_code == 2
    assert "no check is of section '5'" in done.output


@pytest.mark.parametrize(
    ("option", "text", "said"),
    [
        ("--eab", "kid-1", "KID:KEY"),
        ("--eab", "kid-1:not base64url", "KID:KEY"),
        ("--directory", "localhost:14000", "no http or https URL"),
        ("--chall-mgmt", "localhost:8055", "no http or https URL"),
        ("--ca-cert", __file__, "no certificates in PEM"),
        ("--rate", "0", "--rate"),
        ("--dns", "8053", "no HOST:PORT"),
        ("--dns", "localhost:0", "no HOST:PORT"),
    ],
)
def test_a_mistake_of_usage_is_one_clear_sentence(command, option, text, said):
    done = command(option, text)
    assert done.exit_code == 2
    assert said in " ".join(done.output.split())


@pytest.mark.parametrize("option", ["--json", "--junit", "--html"])
def test_a_report_that_cannot_be_written_is_said_before_the_run(command, tmp_path, option):
    done = command("--section", "7.2", option, str(tmp_path / "missing" / "report"))
    assert done.exit_code == 2
    assert "cannot be written: No such file or directory" in " ".join(done.output.split())
    assert "newNonce" not in done.output


def test_all_of_another_rfc_is_a_section(command):
    done = command("--section", "RFC 9773")
    assert done.exit_code == 0
    assert "7 pass" in done.output


def test_checks_that_do_harm_are_left_out_where_they_are_not_wanted(command):
    done = command("--section", "7.3.6", "--no-destructive")
    assert "5 left out" in done.output
    assert "pass" not in done.output


def test_the_json_report_has_every_check_and_what_was_on_the_wire(command, tmp_path):
    command("--section", "6.4", "--json", str(tmp_path / "report.json"))
    report = json.loads((tmp_path / "report.json").read_text())
    assert [one["name"] for one in report["checks"]] == [one.name for one in CHECKS if one.section.startswith("6.4")]
    first = report["checks"][0]
    assert (first["section"], first["level"], first["verdict"]) == ("6.4", "MUST", "pass")
    last = first["exchanges"][-1]
    assert last["protected"]["url"].endswith("/new-account")
    assert last["url"].endswith("/new-order")
    assert last["reply"]["status"] == 403


def test_the_junit_report_counts_a_must_that_fails_as_a_failure(command, tmp_path, monkeypatch):
    monkeypatch.setattr("acme_server.nonces.NoncePool.redeem", lambda *_: True)
    command("--section", "6.5", "--junit", str(tmp_path / "report.xml"))
    suite = ET.parse(tmp_path / "report.xml").getroot()
    assert suite.get("failures") == "4"
    failed = {case.get("name") for case in suite.iter("testcase") if case.find("failure") is not None}
    assert sorted(failed) == [
        "a_nonce_is_used_once_even_at_the_same_time",
        "a_used_nonce_is_refused",
        "an_unknown_nonce_is_refused",
        "another_signature_makes_no_new_request",
    ]


def test_the_html_page_shows_what_was_on_the_wire_where_a_check_failed(command, tmp_path, monkeypatch):
    monkeypatch.setattr("acme_server.nonces.NoncePool.redeem", lambda *_: True)
    command("--section", "6.5", "--html", str(tmp_path / "report.html"))
    page = (tmp_path / "report.html").read_text()
    assert page.count("<tr id=") == sum(one.section.startswith("6.5") for one in CHECKS)
    assert page.count("<details>") == 4
    assert "src=" not in page
    assert "href=" not in page


def test_it_imports_none_of_the_other_houses():
    code = "import conformance.cli, sys; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    assert "conformance" in loaded
    assert not {"acme_server", "solvers", "scheduler", "issuer_bridge", "gravel", "josepy", "aiohttp"} & {*loaded}


def test_it_is_a_pytest_package_too(addresses, tmp_path):
    environment = {**os.environ, "ACME_DIRECTORY": addresses.directory, "ACME_TLS_CA": addresses.tls_ca}
    environment |= {"ACME_MANAGEMENT": addresses.management, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--pyargs",
        "conformance",
        "-q",
        "-p",
        "no:cacheprovider",
        "-k",
        "7.2 or 7.3.5",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env=environment)
    assert "4 passed, 7 skipped" in done.stdout or "11 passed" in done.stdout, done.stdout + done.stderr


def test_without_a_server_the_pytest_package_skips_and_says_why(tmp_path):
    environment = {name: value for name, value in os.environ.items() if name != "ACME_DIRECTORY"}
    environment["PYTHONPATH"] = str(Path(__file__).parents[2])
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--pyargs",
        "conformance",
        "-q",
        "-rs",
        "-p",
        "no:cacheprovider",
        "-k",
        "7.2",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env=environment)
    assert "ACME_DIRECTORY names no server" in done.stdout
