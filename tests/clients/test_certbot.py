"""certbot, through http-01, as its own web server."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.client("certbot", "openssl")


@pytest.fixture
def certbot(server, run_client, tmp_path):
    def run(port, *names):
        command = [Path(sys.executable).with_name("certbot"), "certonly", "--non-interactive", "--standalone"]
        command += ["--http-01-address", "127.0.0.1", "--http-01-port", str(port), "--server", server.directory]
        command += ["--agree-tos", "--register-unsafely-without-email", "--cert-name", "test"]
        for option in ("--config-dir", "--work-dir", "--logs-dir"):
            command += [option, tmp_path / "certbot"]
        for name in names:
            command += ["--domain", name]
        return run_client(command, {"REQUESTS_CA_BUNDLE": server.tls_ca})

    return run


def test_certbot_gets_a_certificate_for_two_names(server, certbot, assert_issued, tmp_path):
    names = ["one.certbot.example.com", "two.certbot.example.com"]
    done = certbot(server.http01_port, *names)
    assert done.code == 0, done.output
    assert_issued(tmp_path / "certbot/live/test/fullchain.pem", names)


def test_certbot_fails_when_it_answers_where_nobody_asks(certbot, free_port, tmp_path):
    done = certbot(free_port(), "lost.certbot.example.com")
    assert done.code == 1, done.output
    assert "Identifier: lost.certbot.example.com\n  Type:   connection\n" in done.output
    assert "connection refused" in done.output
    assert not (tmp_path / "certbot/live/test").exists()
