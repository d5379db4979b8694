"""certbot and lego with an external account, which the server requires."""

from __future__ import annotations

import pytest

KID, MAC_KEY = "kid-1", "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"


@pytest.fixture
def server_options():
    return ("--eab-required", "--eab", f"{KID}:{MAC_KEY}", "--terms-of-service", "https://a.test/terms")


@pytest.mark.client("certbot", "openssl")
def test_certbot_gets_a_certificate_with_its_external_account_and_without_it_none(
    server, certbot, assert_issued, tmp_path
):
    name = "eab.certbot.example.com"
    assert certbot(server.http01_port, name).code == 1
    wrong = certbot(server.http01_port, name, options=("--eab-kid", KID, "--eab-hmac-key", MAC_KEY[::-1]))
    assert (wrong.code, "is not the MAC under the key of" in wrong.output) == (1, True), wrong.output
    done = certbot(server.http01_port, name, options=("--eab-kid", KID, "--eab-hmac-key", MAC_KEY))
    assert done.code == 0, done.output
    assert_issued(tmp_path / f"certbot/live/{name}/fullchain.pem", [name])


@pytest.mark.client("lego", "openssl")
def test_lego_gets_a_certificate_with_its_external_account_and_without_it_none(server, lego, assert_issued, tmp_path):
    name = "eab.lego.example.com"
    http01 = ("--http", "--http.port", f"127.0.0.1:{server.http01_port}")
    assert lego(*http01, names=[name]).code == 1
    done = lego(*http01, "--eab", "--kid", KID, "--hmac", MAC_KEY, names=[name])
    assert done.code == 0, done.output
    assert_issued(tmp_path / f"lego/certificates/{name}.crt", [name])
