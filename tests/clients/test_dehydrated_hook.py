"""dehydrated, through http-01, with a hook that posts its answers as it would to pebble-challtestsrv."""

from __future__ import annotations

import json
import urllib.error
import urllib.request

import pytest

pytestmark = pytest.mark.client("dehydrated", "openssl", "curl")

NAME = "hook.dehydrated.example.com"
# dehydrated: docs/examples/hook.sh names the hooks and their arguments.
HOOK = """\
#!/bin/sh -eu
post() { curl --silent --show-error --fail --cacert "$CA_FILE" --data "$2" "$MANAGEMENT$1"; }
case "$1" in
  deploy_challenge) post /add-http01 "{\\"token\\": \\"$3\\", \\"content\\": \\"$4\\"}" ;;
  clean_challenge) post /del-http01 "{\\"token\\": \\"$3\\"}" ;;
esac
"""


@pytest.fixture
def server_options():
    # The last --http01-port counts.
    return ("--http01-listen", "127.0.0.1:0", "--http01-port", "0")


@pytest.fixture
def dehydrated(server, run_client, tmp_path):
    """Configure it, with a hook, and register an account; then each call asks for a certificate."""
    (tmp_path / "wellknown").mkdir()
    hook, configuration = tmp_path / "hook.sh", tmp_path / "config"
    hook.write_text(HOOK)
    hook.chmod(0o755)
    lines = [
        f"CA={server.directory}",
        f"BASEDIR={tmp_path}",
        f"WELLKNOWN={tmp_path}/wellknown",
        f"HOOK={hook}",
        f'CURL_OPTS="--cacert {server.tls_ca}"',
        "ACCOUNT_KEYSIZE=2048",
        "KEY_ALGO=prime256v1",
    ]
    configuration.write_text("\n".join(lines))
    command = ["dehydrated", "--config", configuration]
    environment = {"CA_FILE": server.tls_ca, "MANAGEMENT": server.management}
    registered = run_client([*command, "--register", "--accept-terms"], environment)
    assert registered.code == 0, registered.output
    return lambda name: run_client([*command, "--cron", "--domain", name], environment)


def test_dehydrated_gets_a_certificate_through_a_hook(server, dehydrated, ask, assert_issued, tmp_path):
    done = dehydrated(NAME)
    assert done.code == 0, done.output
    assert_issued(tmp_path / f"certs/{NAME}/fullchain.pem", [NAME])
    (visit,) = json.loads(ask("/http-request-history", {"host": NAME}))
    assert (visit["status"], visit["HTTPS"], visit["method"]) == (200, False, "GET")
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"http://{server.http01}{visit['URL']}")
