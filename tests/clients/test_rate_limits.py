"""certbot and lego at a server that limits as Let's Encrypt does."""

from __future__ import annotations

import pytest


@pytest.fixture
def server_options():
    return ("--rate-limits", "letsencrypt", "--rate-limit", "CertificatesPerDomain=1/7d")


TOLD = 'too many certificates (1) already issued for "example.com" in the last 168h0m0s, retry after '


@pytest.mark.client("certbot")
def test_certbot_is_told_which_limit_it_hit_and_succeeds_a_week_later(certbot, server, ask):
    assert certbot(server.http01_port, "a.example.com").code == 0
    refused = certbot(server.http01_port, "b.example.com")
    assert refused.code == 1
    assert TOLD in refused.output.replace("\n", " ")
    ask("/clock", {"advance": "7d"})
    assert certbot(server.http01_port, "b.example.com").code == 0


@pytest.mark.client("lego")
def test_lego_is_told_which_limit_it_hit_and_succeeds_after_a_reset(lego, server, ask):
    http = ("--http", "--http.port", f"127.0.0.1:{server.http01_port}")
    assert lego(*http, names=["a.example.com"]).code == 0
    refused = lego(*http, names=["b.example.com"])
    assert refused.code == 1
    assert TOLD in refused.output
    ask("/rate-limits/reset", {})
    assert lego(*http, names=["b.example.com"]).code == 0
