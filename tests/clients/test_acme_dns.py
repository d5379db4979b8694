"""acme-dns, through dns-01: lego with the client that it has inside, and dehydrated with a hook of a few lines.

lego runs twice: once to be told of the alias to set, once to get a certificate.
Debian's lego names acme-dns in its help but is built without it; what lego
itself releases has it.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

pytestmark = pytest.mark.client("openssl", "curl")

ALIAS = re.compile(r"^(_acme-challenge\.\S+) CNAME (\S+)$", re.MULTILINE)
# dehydrated calls it with the step, the name, the token and the value, for each name in turn.
HOOK = """\
#!/bin/sh
[ "$1" = deploy_challenge ] || exit 0
exec curl --silent --show-error --fail --cacert "$TRUST" --header "X-Api-User: $USERNAME" --header "X-Api-Key: $PASSWORD" \\
  --data "{\\"subdomain\\": \\"$SUBDOMAIN\\", \\"txt\\": \\"$4\\"}" "$ACME_DNS/update"
"""


@pytest.fixture
def lego(server, run_client, tmp_path):
    path = shutil.which("lego")
    if path is None or b"goacmedns" not in Path(path).read_bytes():
        pytest.skip("no lego that has acme-dns inside (Debian's has not); get it with: a release of lego itself")

    def run(*names):
        command = [path, "--server", server.directory, "--accept-tos", "--email", "lego@example.com"]
        command += ["--path", tmp_path / "lego", "--dns", "acme-dns"]
        command += ["--dns.disable-cp", "--dns.resolvers", server.dns]
        for name in names:
            command += ["--domains", name]
        # Its client for acme-dns trusts what Go programs trust, and nothing of lego's own.
        environment = {"LEGO_CA_CERTIFICATES": server.tls_ca, "SSL_CERT_FILE": server.tls_ca}
        environment |= {"ACME_DNS_API_BASE": f"{server.management}/acme-dns"}
        environment |= {"ACME_DNS_STORAGE_PATH": tmp_path / "accounts.json"}
        return run_client([*command, "run"], environment)

    return run


@pytest.fixture
def curl(server, run_client):
    """Post to the management API."""

    def post(path, body):
        command = ["curl", "--silent", "--show-error", "--fail", "--cacert", server.tls_ca]
        done = run_client([*command, "--data", body, f"{server.management}/{path}"])
        assert done.code == 0, done.output
        return done.output

    return post


@pytest.fixture
def set_alias(curl):
    """Do what the owner of a name does, once."""
    return lambda name, target: curl("set-cname", json.dumps({"host": name, "target": target}))


@pytest.mark.parametrize("names", [["lego.example.com"], ["*.lego.example.com", "lego.example.com"]])
def test_lego_asks_for_an_alias_and_with_it_gets_a_certificate(lego, set_alias, assert_issued, tmp_path, names):
    first = lego(*names)
    assert first.code == 1, first.output
    [(name, target)] = set(ALIAS.findall(first.output))
    assert name == "_acme-challenge.lego.example.com."
    account = json.loads((tmp_path / "accounts.json").read_text())["lego.example.com"]
    assert target == f"{account['fulldomain']}." == f"{account['subdomain']}.auth.acme-dns.test."
    set_alias(name, target)
    second = lego(*names)
    assert second.code == 0, second.output
    assert_issued(tmp_path / f"lego/certificates/{names[0].replace('*', '_')}.crt", names)


def test_lego_fails_where_no_alias_leads_to_its_account(lego, tmp_path):
    lego("lost.lego.example.com")
    done = lego("lost.lego.example.com")
    assert done.code == 1, done.output
    assert "urn:ietf:params:acme:error:unauthorized" in done.output
    assert not (tmp_path / "lego/certificates/lost.lego.example.com.crt").exists()


def test_lego_fails_when_its_password_is_another(lego, set_alias, tmp_path):
    first = lego("lost.lego.example.com")
    [(name, target)] = ALIAS.findall(first.output)
    set_alias(name, target)
    accounts = tmp_path / "accounts.json"
    stored = json.loads(accounts.read_text())
    stored["lost.lego.example.com"]["password"] = "x" * 40
    accounts.write_text(json.dumps(stored))
    done = lego("lost.lego.example.com")
    assert done.code == 1, done.output
    assert 'status code 401 response: {"error": "forbidden"}' in done.output


@pytest.fixture
def dehydrated(server, run_client, curl, tmp_path):
    """Register with both servers; then each call asks for a certificate."""
    account = json.loads(curl("acme-dns/register", ""))
    hook, configuration = tmp_path / "hook", tmp_path / "config"
    hook.write_text(HOOK)
    hook.chmod(0o755)
    trust = f'CURL_OPTS="--cacert {server.tls_ca}"'
    lines = [f"CA={server.directory}", f"BASEDIR={tmp_path}", trust, "ACCOUNT_KEYSIZE=2048", "KEY_ALGO=prime256v1"]
    configuration.write_text("\n".join(lines))
    command = ["dehydrated", "--config", configuration]
    registered = run_client([*command, "--register", "--accept-terms"])
    assert registered.code == 0, registered.output
    environment = {"TRUST": server.tls_ca, "ACME_DNS": f"{server.management}/acme-dns"}
    environment |= {name.upper(): account[name] for name in ("username", "password", "subdomain")}

    def run(*names):
        domains = [part for name in names for part in ("--domain", name)]
        options = ["--cron", "--challenge", "dns-01", "--hook", hook, "--alias", "it", *domains]
        return run_client([*command, *options], environment)

    return account, run


@pytest.mark.client("dehydrated")
def test_dehydrated_gets_a_wildcard_and_its_apex_with_two_values_at_one_name(
    dehydrated, set_alias, assert_issued, tmp_path
):
    account, run = dehydrated
    set_alias("_acme-challenge.dehydrated.example.com", account["fulldomain"])
    names = ["*.dehydrated.example.com", "dehydrated.example.com"]
    done = run(" ".join(names))
    assert done.code == 0, done.output
    assert_issued(tmp_path / "certs/it/fullchain.pem", names)


@pytest.mark.client("dehydrated")
def test_dehydrated_fails_where_no_alias_leads_to_its_account(dehydrated, tmp_path):
    _, run = dehydrated
    done = run("lost.dehydrated.example.com")
    assert done.code == 1, done.output
    assert "urn:ietf:params:acme:error:unauthorized" in done.output
    assert not (tmp_path / "certs/it/fullchain.pem").exists()
