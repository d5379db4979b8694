"""`gravel trust`: the line of each client, used by those clients that are here, and where the CA comes from."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click import ClickException
from click.testing import CliRunner

from gravel import cli, tls_ca
from gravel.client_trust import LINES
from gravel.commands.trust import command

GRAVEL = f'"{sys.executable}" -c "from gravel.cli import main; main()"'

EXPECTED = {
    "acme.sh": "--ca-bundle '/c a.pem'",
    "apache": "MDCACertificateFile /c a.pem",
    "caddy": "acme_ca_root /c a.pem",
    "certbot": "export REQUESTS_CA_BUNDLE='/c a.pem'",
    "dehydrated": 'CURL_OPTS="--cacert /c a.pem"',
    "system": (
        "sudo install -m 0644 '/c a.pem' /usr/local/share/ca-certificates/gravel.crt && sudo update-ca-certificates\n"
        "# undo: sudo rm /usr/local/share/ca-certificates/gravel.crt && sudo update-ca-certificates --fresh"
    ),
}


@pytest.mark.parametrize(("client", "line"), EXPECTED.items())
def test_the_line_names_the_file_as_the_client_reads_it(client, line):
    assert line == LINES[client].format(path="'/c a.pem'", plain="/c a.pem", base64="")


def test_a_path_with_spaces_is_quoted_for_the_shell(tmp_path):
    (tmp_path / "the ca.pem").write_text("CA")
    result = CliRunner().invoke(command, ["--for", "lego", "--ca", str(tmp_path / "the ca.pem")])
    assert result.output == f"export LEGO_CA_CERTIFICATES='{tmp_path}/the ca.pem'\n"


def test_for_cert_manager_the_ca_itself_is_in_the_line(tmp_path):
    (tmp_path / "ca.pem").write_text("CA")
    result = CliRunner().invoke(command, ["--for", "cert-manager", "--ca", str(tmp_path / "ca.pem")])
    assert result.output == f"caBundle: {base64.b64encode(b'CA').decode()}\n"


MISTAKES = [
    (["--for", "legoo"], "gravel trust: There is no client 'legoo' here; did you mean 'lego'?\n"),
    (["--for", "Python3"], "gravel trust: There is no client 'Python3' here; did you mean 'python'?\n"),
    (["--for", "xyzzy"], "gravel trust: There is no client 'xyzzy' here; known are certbot, lego, acme.sh"),
    ([], "gravel trust: Missing option '--for'"),
    (["--for", "lego", "--ca", "missing.pem"], "gravel trust: Invalid value for '--ca'"),
]


@pytest.mark.parametrize(("arguments", "sentence"), MISTAKES)
def test_a_mistake_is_one_sentence(arguments, sentence, capsys):
    assert cli.run(["trust", *arguments]) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert said.err.startswith(sentence)


@pytest.fixture
def shell(launch, tmp_path):
    """Start a server; run a script that sees where it is, with no environment of its own."""
    ready = launch("serve").ready

    def run(script: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[2])}
        environment |= {"DIRECTORY": ready["directory"], "MANAGEMENT": ready["management"], "CA": ready["tls_ca"]}
        return subprocess.run(
            ["sh", "-eu", "-c", script],
            env={**environment, **variables},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    run.ready = ready
    return run


def trust(client: str) -> str:
    return f'{GRAVEL} trust --for {client} --ca "$CA"'


NODE = (
    """require("https").get(process.env.DIRECTORY, answer => answer.pipe(process.stdout)).on("error", e => {throw e})"""
)
PYTHON = "import os, urllib.request as u; print(u.urlopen(os.environ['DIRECTORY']).read().decode())"
REQUESTS = "import os, requests; print(requests.get(os.environ['DIRECTORY']).text)"
LEGO = (
    'lego --server "$DIRECTORY" --accept-tos --email a@example.com --domains a.test --path lego '
    "--http --http.port 127.0.0.1:1 run"
)

USES = [
    pytest.param("curl", 'curl -sSf "$DIRECTORY"', id="curl", marks=pytest.mark.client("curl")),
    pytest.param("node", f"node -e '{NODE}'", id="node", marks=pytest.mark.client("node")),
    pytest.param("python", f'"{sys.executable}" -c "{PYTHON}"', id="python"),
    pytest.param("certbot", f'"{sys.executable}" -c "{REQUESTS}"', id="requests"),
]


@pytest.mark.parametrize(("client", "script"), USES)
def test_with_its_line_a_client_trusts_the_server_and_without_it_does_not(client, script, shell):
    done = shell(f'eval "$({trust(client)})"; {script}')
    assert done.returncode == 0, done.stderr
    assert '"newOrder":' in done.stdout
    without = shell(script)
    assert without.returncode != 0
    assert "certificate" in without.stderr.lower()


@pytest.mark.client("lego")
def test_lego_goes_as_far_as_the_server_asks_back(shell):
    assert "certificate signed by unknown authority" in shell(LEGO).stderr
    assert "acme: Obtaining bundled SAN certificate" in shell(f'eval "$({trust("lego")})"; {LEGO}').stderr


@pytest.mark.client("openssl")
def test_flags_go_into_a_command_line(shell):
    connect = 'openssl s_client -verify_return_error -connect "$(echo "$DIRECTORY" | cut -d/ -f3)"'
    assert "Verify return code: 0 (ok)" in shell(f"{connect} $({trust('openssl')}) </dev/null").stdout
    assert "Verify return code: 0 (ok)" not in shell(f"{connect} </dev/null").stdout


@pytest.mark.client("dehydrated", "curl")
def test_a_line_of_configuration_goes_into_its_file(shell):
    script = '{{ echo "CA=$DIRECTORY BASEDIR=$PWD"; {trust}; }} > config; '
    register = "dehydrated --config config --register --accept-terms"
    done = shell(script.format(trust=trust("dehydrated")) + register)
    assert done.returncode == 0, done.stderr
    assert shell(script.format(trust="true") + register).returncode != 0


def test_without_a_file_the_running_server_is_asked_and_its_ca_kept(shell, tmp_path):
    done = shell(f'{GRAVEL} trust --for python --management "$MANAGEMENT"', XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert done.returncode == 0, done.stderr
    [kept] = (tmp_path / "cache/gravel").iterdir()
    assert kept.read_text() == Path(shell.ready["tls_ca"]).read_text()
    assert done.stdout == f"export SSL_CERT_FILE={kept} REQUESTS_CA_BUNDLE={kept}\n"
    openssl = subprocess.run(
        ["openssl", "x509", "-in", kept, "-noout", "-fingerprint", "-sha256"],
        capture_output=True,
        text=True,
        check=True,
    )
    fingerprint = openssl.stdout.strip().split("=")[1]
    assert done.stderr == f"CA of {shell.ready['management']}, SHA-256 {fingerprint}\n"


def test_inside_run_it_is_the_server_there(shell):
    done = shell(f"{GRAVEL} run sh -c '{GRAVEL} trust --for curl; echo \"$ACME_TLS_CA\"'")
    line, ca = done.stdout.splitlines()
    assert line == f"export CURL_CA_BUNDLE={ca}"


def test_a_server_that_is_not_there_or_is_no_gravel_is_told(shell):
    nobody = shell(f"{GRAVEL} trust --for curl --management https://127.0.0.1:1")
    assert (nobody.returncode, nobody.stdout) == (1, "")
    assert nobody.stderr == (
        "gravel: https://127.0.0.1:1/tls-ca cannot be read: connection refused; "
        "start gravel serve or gravel up, or name the CA's file with --ca\n"
    )
    other = shell(f'{GRAVEL} trust --for curl --management "${{DIRECTORY%/dir}}"')
    assert other.returncode == 1
    assert other.stderr.startswith(f"gravel: {shell.ready['directory'].removesuffix('/dir')}/tls-ca cannot be read: ")


def test_a_ca_that_the_server_does_not_come_from_is_not_trusted(monkeypatch, launch):
    one, other = launch("serve").ready, launch("serve").ready
    get, shown = tls_ca._get, [Path(other["tls_ca"]).read_text(), "no certificate"]
    monkeypatch.setattr(
        tls_ca, "_get", lambda url, context: get(url, context) if context.check_hostname else shown.pop(0)
    )
    with pytest.raises(ClickException, match="certificate verify failed"):
        tls_ca.fetch_tls_ca(one["management"])
    with pytest.raises(ClickException, match="shows no certificate"):
        tls_ca.fetch_tls_ca(one["management"])
