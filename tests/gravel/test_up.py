"""`gravel up` as a process: its main job on real sockets, and how it ends."""

from __future__ import annotations

import base64
import json
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from gravel.timeline import STEPS

EXAMPLES = Path(__file__).parents[2] / "examples"
READY = [
    "directory",
    "management",
    "dns",
    "http01",
    "https01",
    "tls_alpn",
    "kubernetes",
    "metrics",
    "tls_ca",
    "issuing_roots",
    "state",
    "seed",
]
NAMES = {
    "default/one-name": ["www.example.test"],
    "default/two-names": ["api.example.test", "shop.example.test"],
    "default/wildcard": ["*.apps.example.test", "apps.example.test"],
}
PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----\n", re.DOTALL)


def requests_of(kubernetes: str) -> dict[str, dict]:
    """Return the CertificateRequests of a running house by name."""
    with urllib.request.urlopen(f"{kubernetes}/apis/cert-manager.io/v1/certificaterequests") as answer:
        return {item["metadata"]["name"]: item for item in json.load(answer)["items"]}


def ready_condition(request: dict) -> tuple[str, str]:
    (condition,) = [item for item in request["status"]["conditions"] if item["type"] == "Ready"]
    return condition["status"], condition["reason"]


def verdict_of(line: dict) -> str | None:
    return line["verdict"] if line["event"] == "progress" else None


def test_the_examples_become_certificates_and_the_timelines_tell_each_step(launch):
    up = launch("up", "--apply", str(EXAMPLES), "--once")
    assert list(up.ready) == READY
    code, said, output = up.finish()
    assert (code, said) == (0, "")
    lines = [json.loads(line) for line in output.splitlines()]
    issued = {line["request"]: line for line in lines if line["event"] == "issued"}
    assert {request: sorted(line["names"]) for request, line in issued.items()} == NAMES
    timelines = [line for line in lines if line["event"] == "timeline"]
    assert len(timelines) == sum(map(len, NAMES.values()))
    for timeline in timelines:
        steps = [STEPS[step["kind"]] for step in timeline["steps"] if step["kind"] in STEPS]
        assert list(STEPS.values()) == steps
    assert list(up.folder.iterdir()) == []


def test_chains_verify_against_the_issuing_roots_and_all_stays_up(launch, tmp_path):
    up = launch("up", "--apply", str(EXAMPLES))
    up.lines_until(lambda line: line["event"] == "timeline")
    for name, request in requests_of(up.ready["kubernetes"]).items():
        assert ready_condition(request) == ("True", "Issued")
        leaf, *others = PEM.findall(base64.b64decode(request["status"]["certificate"]).decode())
        (tmp_path / "leaf.pem").write_text(leaf)
        (tmp_path / "others.pem").write_text("".join(others))
        for host in NAMES[f"default/{name}"]:
            command = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-no-CApath", "-no-CAstore"]
            command += ["-verify_hostname", host.replace("*", "any"), "-CAfile", up.ready["issuing_roots"]]
            command += ["-untrusted", "others.pem", "leaf.pem"]
            done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
            assert done.stdout == "leaf.pem: OK\n", done.stderr
    assert up.stop() == (0, "")


def test_for_people_there_are_a_banner_and_two_tables(launch):
    up = launch("up", "--metrics-port", "0", "--apply", str(EXAMPLES), "--once", ready=False, json_lines=False)
    code, said, shown = up.finish()
    assert (code, said) == (0, "")
    assert "for testing, never for production" in shown
    assert re.search(r"^  metrics of the bridge +http://127\.0\.0\.1:\d+/metrics$", shown, re.MULTILINE)
    assert "\nIssued certificates\nREQUEST " in shown
    for request, names in NAMES.items():
        row = re.search(rf"^{request} +(.+?)   +[0-9a-f]+ +gravel \S+ \S+ +20\S+Z$", shown, re.MULTILINE)
        assert names == sorted(row[1].split(", "))
    heading = re.search(r"^CHALLENGE +(QUEUED.*CLEANED UP)$", shown, re.MULTILINE)
    assert [step.upper() for step in STEPS.values()] == re.split(r"  +", heading[1])
    assert len(re.findall(r"^(?:HTTP|DNS)-01 \S+(?: +\d+\.\d{3}){7}$", shown, re.MULTILINE)) == 5


def test_a_request_that_is_not_approved_waits_for_approval(launch):
    manifests = ("10-clusterissuer.yaml", "20-http01.yaml")
    paths = [part for name in manifests for part in ("--apply", str(EXAMPLES / name))]
    up = launch("up", "--no-approver", *paths)
    kubernetes = up.ready["kubernetes"]
    waiting = up.lines_until(lambda line: line["event"] == "progress")[-1]
    assert (waiting["reason"], waiting["order"]) == ("NotApproved", "")
    assert "conditions" not in requests_of(kubernetes)["one-name"].get("status", {})
    command = [sys.executable, "-c", "from gravel.cli import main; main()", "approve", "one-name"]
    subprocess.run([*command, "--kubernetes", kubernetes], env=up.environment, check=True, capture_output=True)
    lines = up.lines_until(lambda line: line["event"] == "issued")
    assert lines[-1]["request"] == "default/one-name"
    assert ready_condition(requests_of(kubernetes)["one-name"]) == ("True", "Issued")


def test_without_controllers_resources_are_served_and_left_alone(launch):
    up = launch("up", "--no-controllers", "--apply", str(EXAMPLES), "--once", "--timeout", "1")
    kubernetes = up.ready["kubernetes"]
    up.lines_until(lambda line: line["event"] == "progress")
    assert {name: request.get("status") for name, request in requests_of(kubernetes).items()} == dict.fromkeys(
        name.removeprefix("default/") for name in NAMES
    )


def write_request(path: Path, request: bytes) -> str:
    issuer = (EXAMPLES / "10-clusterissuer.yaml").read_text()
    text = (EXAMPLES / "20-http01.yaml").read_text()
    path.write_text(issuer + "---\n" + re.sub(r"request: \S+", f"request: {base64.b64encode(request).decode()}", text))
    return str(path)


def test_a_csr_that_does_not_parse_fails_and_so_does_the_run(launch, tmp_path):
    path = write_request(tmp_path / "bad.yaml", b"not a CSR")
    up = launch("up", "--apply", path, "--once")
    code, _, output = up.finish()
    assert code == 1
    lines = [json.loads(line) for line in output.splitlines()]
    failed = [line for line in lines if verdict_of(line) == "Failed"]
    assert failed[0]["message"]
    assert not [line for line in lines if line["event"] in ("issued", "timeline")]


def test_what_is_not_ready_in_time_fails_the_run_and_is_named(launch):
    issuer, request = str(EXAMPLES / "10-clusterissuer.yaml"), str(EXAMPLES / "20-http01.yaml")
    up = launch("up", "--no-approver", "--apply", issuer, "--apply", request, "--once", "--timeout", "0.5")
    code, said, _ = up.finish()
    assert code == 1
    assert "default/one-name is not approved" in said


def test_manifests_that_cannot_be_read_stop_it_before_it_starts(launch, tmp_path):
    (tmp_path / "bad.yaml").write_text("kind: Certificat")
    up = launch("up", "--apply", "bad.yaml", ready=False)
    code, said, _ = up.finish()
    assert code == 1
    assert said.startswith("gravel: bad.yaml")
    assert said.count("\n") == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("verb", ["up", "serve"])
def test_signals_stop_it_cleanly_and_leave_nothing_behind(launch, verb, number):
    running = launch(verb)
    assert [Path(running.ready["tls_ca"]).parent] == list(running.folder.iterdir())
    assert running.stop(number) == (0, "")
    assert list(running.folder.iterdir()) == []


def test_a_run_that_is_interrupted_has_not_succeeded(launch):
    up = launch("up", "--no-approver", "--apply", str(EXAMPLES), "--once")
    up.lines_until(lambda line: line["event"] == "progress")
    assert up.stop(signal.SIGINT) == (130, "")


TAKEN = [
    ("--acme-port", "ACME"),
    ("--management-port", "management"),
    ("--dns-port", "DNS"),
    ("--kubernetes-port", "Kubernetes-style API"),
    ("--http01-port", "http-01 responder"),
]


@pytest.mark.parametrize(("flag", "purpose"), TAKEN)
def test_a_taken_port_is_one_line(launch, flag, purpose):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        up = launch("up", flag, str(port), ready=False)
        advice = f"stop what uses it or choose another with {flag}"
        assert up.finish() == (1, f"gravel: port {port} on 127.0.0.1 is taken ({purpose}); {advice}\n", "")
    assert list(up.folder.iterdir()) == []
