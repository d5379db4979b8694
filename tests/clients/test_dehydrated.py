"""dehydrated, through http-01, with somebody else's web server in front of its answers."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.client("dehydrated", "openssl")


@pytest.fixture
def webroot(tmp_path):
    folder = tmp_path / "www"
    (folder / ".well-known/acme-challenge").mkdir(parents=True)
    return folder


@pytest.fixture
def dehydrated(server, run_client, webroot, tmp_path):
    """Configure it and register an account; then each call asks for a certificate."""
    configuration = tmp_path / "config"
    lines = [
        f"CA={server.directory}",
        f"BASEDIR={tmp_path}",
        f"WELLKNOWN={webroot}/.well-known/acme-challenge",
        f'CURL_OPTS="--cacert {server.tls_ca}"',
        "ACCOUNT_KEYSIZE=2048",
        "KEY_ALGO=prime256v1",
    ]
    configuration.write_text("\n".join(lines))
    command = ["dehydrated", "--config", configuration]
    registered = run_client([*command, "--register", "--accept-terms"])
    assert registered.code == 0, registered.output
    return lambda name: run_client([*command, "--cron", "--domain", name])


def test_dehydrated_gets_a_certificate(server, dehydrated, webroot, serve_folder, assert_issued, tmp_path):
    serve_folder(webroot, server.http01_port)
    done = dehydrated("dehydrated.example.com")
    assert done.code == 0, done.output
    assert_issued(tmp_path / "certs/dehydrated.example.com/fullchain.pem", ["dehydrated.example.com"])


def test_dehydrated_fails_when_its_answers_are_not_served(server, dehydrated, serve_folder, tmp_path):
    serve_folder(tmp_path / "certs", server.http01_port)
    done = dehydrated("lost.dehydrated.example.com")
    assert done.code == 1, done.output
    assert "urn:ietf:params:acme:error:unauthorized" in done.output
    assert "404" in done.output
    assert not (tmp_path / "certs/lost.dehydrated.example.com/fullchain.pem").exists()
