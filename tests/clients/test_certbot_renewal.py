"""certbot asks when to renew (RFC 9773) before `certbot renew` does anything."""

from __future__ import annotations

import json
import ssl
import sys
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from acme_server.protocol.times import parse_rfc3339, rfc3339

pytestmark = pytest.mark.client("certbot")
NAME = "renewed.certbot.example.com"
NOT_DUE, RENEWED = "The following certificates are not due for renewal yet", "all renewals succeeded"


@pytest.fixture
def manage(server):
    """Ask the management API; what is sent, if anything is, is JSON."""
    trust = ssl.create_default_context(cafile=server.tls_ca)

    def ask(path, **members):
        data = json.dumps(members).encode() if members else None
        with urllib.request.urlopen(server.management + path, data=data, context=trust) as answer:
            return answer.read().decode()

    return ask


@pytest.fixture
def certbot(server, run_client, tmp_path):
    def run(verb, *options):
        command = [Path(sys.executable).with_name("certbot"), verb, "--non-interactive", *options]
        for option in ("--config-dir", "--work-dir", "--logs-dir"):
            command += [option, tmp_path / "certbot"]
        return run_client(command, {"REQUESTS_CA_BUNDLE": server.tls_ca})

    return run


@pytest.fixture
def world(server, manage, certbot):
    """Make a world whose clock is behind the real one, which is certbot's, and have a certificate of it."""

    def make(behind=timedelta(0), faults=None):
        # certbot knows no other time than the machine's.
        start = rfc3339(datetime.now(UTC) - behind)
        world = json.loads(manage("/worlds", id="w", start=start, settings={"renewal_info_retry_after": 0}))
        if faults:
            manage("/worlds/w/faults", **faults)
        options = ["--standalone", "--http-01-address", "127.0.0.1", "--http-01-port", str(server.http01_port)]
        options += ["--server", world["directory"], "--agree-tos", "--register-unsafely-without-email"]
        done = certbot("certonly", *options, "--cert-name", "test", "--domain", NAME)
        assert done.code == 0, done.output

    return make


def renew(certbot, expected):
    done = certbot("renew", "--no-random-sleep-on-renew")
    assert (done.code, expected in done.output) == (0, True), done.output


def issued(manage):
    facts = map(json.loads, manage("/worlds/w/journal").splitlines())
    return [fact["data"]["not_before"] for fact in facts if fact["kind"] == "CertificateIssued"]


def test_certbot_renews_when_sixty_days_have_passed_and_no_sooner_again(world, certbot, manage):
    world(behind=timedelta(days=61))
    manage("/worlds/w/clock", advance="61d")
    renew(certbot, RENEWED)
    first, second = [parse_rfc3339(moment) for moment in issued(manage)]
    assert (second - first).days == 61
    renew(certbot, NOT_DUE)
    assert len(issued(manage)) == 2


def test_certbot_renews_at_once_when_the_window_is_past(world, certbot, manage):
    world()
    renew(certbot, NOT_DUE)
    manage("/worlds/w/faults", action={"kind": "renewal-window", "form": "past"})
    renew(certbot, RENEWED)
    assert len(issued(manage)) == 2


def test_certbot_renews_what_was_revoked_as_it_was_issued(world, certbot, manage):
    world(faults={"action": "revoke", "when": {"count": 1}})
    renew(certbot, RENEWED)
    renew(certbot, NOT_DUE)
    assert len(issued(manage)) == 2


def test_certbot_waits_for_a_window_that_was_set_though_by_its_own_rule_it_is_late(world, certbot, manage, tmp_path):
    world(behind=timedelta(days=61))
    manage("/worlds/w/clock", advance="61d")
    later = json.dumps({"suggestedWindow": {"start": "2999-01-01T00:00:00Z", "end": "2999-01-02T00:00:00Z"}})
    certificate = (tmp_path / "certbot/live/test/cert.pem").read_text()
    manage("/worlds/w/set-renewal-info/", Certificate=certificate, ARIResponse=later)
    renew(certbot, NOT_DUE)
    assert len(issued(manage)) == 1
