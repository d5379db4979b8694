"""Real clients inside `gravel run`: what they find in their environment is enough."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

GRAVEL = Path(sys.executable).with_name("gravel")
CERTBOT = Path(sys.executable).with_name("certbot")


@pytest.fixture
def run(run_client, tmp_path):
    """Run a shell's words under `gravel run`; return how it ended, and the summary."""

    def start(words):
        done = run_client([GRAVEL, "run", "--json", "--", "sh", "-c", words])
        return done, json.loads(done.output.splitlines()[-1])

    return start


LEGO = (
    'lego --server "$ACME_DIRECTORY" --accept-tos --email lego@example.com --path lego --domains lego.example.com '
    '--http --http.port "127.0.0.1:{port}" run'
)


@pytest.mark.client("lego")
def test_lego_gets_a_certificate_and_it_is_in_the_summary(run, tmp_path):
    done, summary = run(LEGO.format(port="$ACME_HTTP01_PORT"))
    assert done.code == 0, done.output
    assert [each["identifiers"] for each in summary["issued"]] == [["lego.example.com"]]
    assert (tmp_path / "lego/certificates/lego.example.com.crt").exists()


@pytest.mark.client("lego")
def test_of_lego_that_answers_where_nobody_asks_the_summary_says_why_it_failed(run, free_port):
    done, summary = run(LEGO.format(port=free_port()))
    assert done.code == 1, done.output
    assert (summary["exit_status"], summary["issued"]) == (1, [])
    assert [(each["type"], each["identifier"]) for each in summary["failed"]] == [("http-01", "lego.example.com")]
    assert "connection refused" in summary["failed"][0]["detail"]


@pytest.mark.client("certbot")
def test_certbot_trusts_the_server_and_gets_a_certificate(run):
    folders = " ".join(f"--{name}-dir certbot" for name in ("config", "work", "logs"))
    done, summary = run(
        f'{CERTBOT} certonly -n --standalone --http-01-address 127.0.0.1 --http-01-port "$ACME_HTTP01_PORT" '
        f'--server "$ACME_DIRECTORY" --agree-tos --register-unsafely-without-email -d certbot.example.com {folders}'
    )
    assert done.code == 0, done.output
    assert [each["identifiers"] for each in summary["issued"]] == [["certbot.example.com"]]
