"""certbot, through http-01, as its own web server."""

from __future__ import annotations

import subprocess

import pytest

pytestmark = pytest.mark.client("certbot", "openssl")


def test_certbot_gets_a_certificate_for_two_names(server, certbot, assert_issued, tmp_path):
    names = ["one.certbot.example.com", "two.certbot.example.com"]
    done = certbot(server.http01_port, *names)
    assert done.code == 0, done.output
    assert_issued(tmp_path / f"certbot/live/{names[0]}/fullchain.pem", names)


def test_certbot_fails_when_it_answers_where_nobody_asks(certbot, free_port, tmp_path):
    done = certbot(free_port(), "lost.certbot.example.com")
    assert done.code == 1, done.output
    assert "Identifier: lost.certbot.example.com\n  Type:   connection\n" in done.output
    assert "connection refused" in done.output
    assert not (tmp_path / "certbot/live/lost.certbot.example.com").exists()


def test_certbot_gets_a_certificate_for_an_address(server, certbot, tmp_path):
    done = certbot(server.http01_port, "127.0.0.1")
    assert done.code == 0, done.output
    folder = tmp_path / "certbot/live/127.0.0.1"
    command = ["openssl", "verify", "-x509_strict", "-verify_ip", "127.0.0.1", "-CAfile", str(server.issuing_roots)]
    command += ["-untrusted", str(folder / "chain.pem"), str(folder / "cert.pem")]
    verified = subprocess.run(command, capture_output=True, text=True, check=False)
    assert verified.stdout.endswith("cert.pem: OK\n"), verified.stderr
