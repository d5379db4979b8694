"""lego, through tls-alpn-01 as its own TLS server."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.client("lego", "openssl")

GRAVEL = Path(sys.executable).with_name("gravel")
NAME = "alpn.lego.example.com"


@pytest.fixture
def tls_alpn_port(free_port):
    return free_port()


@pytest.fixture
def server_options(tls_alpn_port):
    return ("--tls-alpn-port", str(tls_alpn_port))


@pytest.fixture
def lego(server, run_client, tmp_path):
    def run(port):
        command = ["lego", "--server", server.directory, "--accept-tos", "--email", "lego@example.com"]
        command += ["--path", tmp_path / "lego", "--tls", "--tls.port", f"127.0.0.1:{port}", "--domains", NAME, "run"]
        return run_client(command, {"LEGO_CA_CERTIFICATES": server.tls_ca})

    return run


def test_lego_gets_a_certificate_through_tls_alpn_01(lego, tls_alpn_port, assert_issued, tmp_path):
    done = lego(tls_alpn_port)
    assert done.code == 0, done.output
    assert "tls-alpn-01" in done.output
    assert_issued(tmp_path / f"lego/certificates/{NAME}.crt", [NAME])


def test_lego_fails_when_it_answers_where_nobody_asks(lego, free_port, tmp_path):
    done = lego(free_port())
    assert done.code == 1, done.output
    assert "urn:ietf:params:acme:error:connection" in done.output
    assert f"Shaking hands for {NAME}: connection refused" in done.output
    assert not (tmp_path / f"lego/certificates/{NAME}.crt").exists()


def test_lego_finds_the_port_in_the_environment_of_gravel_run(run_client, tmp_path):
    words = (
        'lego --server "$ACME_DIRECTORY" --accept-tos --email lego@example.com --path lego '
        f'--tls --tls.port "127.0.0.1:$ACME_TLS_ALPN_PORT" --domains {NAME} run'
    )
    done = run_client([GRAVEL, "run", "--json", "--", "sh", "-c", words])
    assert done.code == 0, done.output
    assert [each["identifiers"] for each in json.loads(done.output.splitlines()[-1])["issued"]] == [[NAME]]
