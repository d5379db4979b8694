"""`gravel run`, as a process: its streams, its status, its summary, and what it leaves behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest

GRAVEL = (sys.executable, "-c", "from gravel.cli import main; main()")
SHOW = "import json, os; print(json.dumps(dict(os.environ)))"


@attrs.frozen
class Ran:
    code: int
    out: str
    err: str


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "temporary").mkdir()
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GRAVEL_")}
    return {**inherited, "TMPDIR": str(tmp_path / "temporary"), "PYTHONPATH": str(Path(__file__).parents[2])}


@pytest.fixture
def run(tmp_path: Path, environment: dict[str, str]) -> Callable[..., Ran]:
    def start(*arguments: str, stdin: str = "", **variables: str) -> Ran:
        done = subprocess.run(
            [*GRAVEL, "run", *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            cwd=tmp_path,
            env={**environment, **variables},
            check=False,
        )
        assert list((tmp_path / "temporary").iterdir()) == []
        return Ran(done.returncode, done.stdout, done.stderr)

    return start


def test_the_command_has_our_streams_and_its_status_is_ours(run):
    done = run("--", "sh", "-c", "cat; echo problem >&2; exit 7", stdin="said\n")
    assert (done.code, done.out) == (7, "said\n")
    said, first, *rest = done.err.splitlines()
    assert said == "problem"
    assert first.startswith("gravel run: sh ended with 7 after ")
    assert rest == ["  no certificates issued", "  no challenges failed", "  no requests refused"]


def test_options_after_the_command_are_the_commands(run):
    assert run("echo", "--json", "--acme-port", "x").out == "--json --acme-port x\n"


def test_each_run_has_free_ports_unless_it_is_told_others(run):
    first = json.loads(run("--", sys.executable, "-c", SHOW).out)
    assert first["ACME_DIRECTORY"] != "https://127.0.0.1:14000/dir"
    assert first["ACME_DNS"] != "127.0.0.1:8053"
    assert 1024 <= int(first["ACME_HTTP01_PORT"]) < 32768
    assert 1024 <= int(first["ACME_TLS_ALPN_PORT"]) < 32768
    ports = ("--http01-port", "5999", "--tls-alpn-port", "5998")
    told = json.loads(run(*ports, "--", sys.executable, "-c", SHOW).out)
    assert (told["ACME_HTTP01_PORT"], told["ACME_TLS_ALPN_PORT"]) == ("5999", "5998")
    listening = json.loads(run("--http01-listen", "127.0.0.1:0", "--", sys.executable, "-c", SHOW).out)
    assert int(listening["ACME_HTTP01_PORT"]) > 1024


def test_the_command_finds_the_responders_that_listen(run):
    ports = [f"int(os.environ['ACME_{name}_PORT'])" for name in ("HTTP01", "TLS_ALPN")]
    connect = "".join(f"socket.create_connection(('127.0.0.1', {port})).close(); " for port in ports)
    listen = ("--http01-listen", "127.0.0.1:0", "--tls-alpn-listen", "127.0.0.1:0")
    done = run(*listen, "--", sys.executable, "-c", f"import os, socket; {connect}print('both')")
    assert (done.code, done.out) == (0, "both\n"), done.err


def test_a_gravel_inside_the_command_is_not_disturbed(run):
    nested = run(*GRAVEL, "run", "--json", "--", "true")
    assert (nested.code, nested.out) == (0, "")
    assert json.loads(nested.err.splitlines()[0])["command"] == ["true"]


REFUSED = (
    "import os, ssl, urllib.request as u\n"
    "for _ in range(2):\n"
    "    try: u.urlopen(u.Request(os.environ['ACME_DIRECTORY'].replace('/dir', '/new-order'), data=b'{}'))\n"
    "    except u.HTTPError as error: print(error.status)"
)


def test_python_trusts_the_server_and_what_it_was_refused_is_told(run):
    done = run("--json", "--", sys.executable, "-c", REFUSED)
    summary = json.loads(done.err)
    assert (done.code, done.out) == (0, "415\n415\n")
    assert (summary["exit_status"], summary["issued"], summary["failed"]) == (0, [], [])
    assert [(each["status"], each["count"]) for each in summary["refused"]] == [(415, 2)]


@pytest.mark.client("curl")
def test_curl_reaches_the_directory_and_the_management(run):
    done = run("--", "sh", "-c", "curl -sSf $ACME_MANAGEMENT/healthz && curl -sSf $ACME_DIRECTORY")
    assert done.out.startswith('ok\n{"newNonce":'), done.err


def test_what_cannot_be_run_is_one_sentence(run, tmp_path):
    assert run("no-such-command") == Ran(127, "", "gravel: cannot run 'no-such-command': there is no such command\n")
    assert run(str(tmp_path)) == Ran(126, "", f"gravel: cannot run {str(tmp_path)!r}: permission denied\n")


def test_without_a_command_there_is_nothing_to_run(run):
    done = run("--json")
    assert (done.code, done.err) == (2, "gravel run: Missing argument '-- COMMAND...'.\n")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_reaches_the_command_and_everything_is_put_away(number, environment, tmp_path):
    script = "trap 'echo caught; exit 3' TERM INT; echo ready; while :; do sleep 0.01; done"
    with subprocess.Popen(
        [*GRAVEL, "run", "sh", "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        env=environment,
        cwd=tmp_path,
    ) as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (3, "caught\n")
    assert err.startswith("gravel run: sh ended with 3 after ")
    assert list((tmp_path / "temporary").iterdir()) == []
