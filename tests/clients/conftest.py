"""What every client test needs: a server of its own, a place to run in, and a second opinion on the chain."""

from __future__ import annotations

import functools
import http.server
import json
import os
import re
import select
import ssl
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest
from cryptography import x509

import gravel.free_port

TIMEOUT = 40.0
GRAVEL = str(Path(sys.executable).with_name("gravel"))


@attrs.frozen
class Server:
    """A running server, as its one line of JSON describes it, and the port given for http-01 validation to dial."""

    directory: str
    management: str
    dns: str
    http01_port: int
    tls_ca: Path
    issuing_roots: Path
    http01: str | None


@attrs.frozen
class Finished:
    """How a client ended; all it printed, in order."""

    code: int
    output: str


@pytest.fixture
def free_port() -> Callable[[], int]:
    """Find ports below the range that outgoing connections are given."""
    return gravel.free_port.free_port


@pytest.fixture
def server_options() -> Sequence[str]:
    """Further options of the server; a file of tests may have its own."""
    return ()


@pytest.fixture
def server(tmp_path: Path, free_port: Callable[[], int], server_options: Sequence[str]) -> Iterator[Server]:
    """A `gravel serve` on free ports; nothing listens where http-01 is validated, until a client does."""
    port, log = free_port(), tmp_path / "server.log"
    command = [GRAVEL, "serve", "--json", "--http01-port", str(port), *server_options]
    for option in ("--acme-port", "--management-port", "--dns-port"):
        command += [option, "0"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GRAVEL_")}
    with (
        log.open("wb") as stderr,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, cwd=tmp_path, env=environment) as process,
    ):
        try:
            assert select.select([process.stdout], [], [], TIMEOUT)[0], f"no answer in time: {log.read_text()}"
            line = process.stdout.readline()
            assert line, f"gravel serve did not start: {log.read_text()}"
            ready = json.loads(line)
            files = Path(ready["tls_ca"]), Path(ready["issuing_roots"])
            yield Server(ready["directory"], ready["management"], ready["dns"], port, *files, ready["http01"])
        finally:
            process.terminate()
    assert process.returncode == 0, f"gravel serve ended with {process.returncode}: {log.read_text()}"


@pytest.fixture
def ask(server: Server) -> Callable[..., str]:
    """Ask the management API: GET a path, or POST a document to it."""
    trust = ssl.create_default_context(cafile=server.tls_ca)

    def send(path: str, document: Any = None) -> str:
        body = None if document is None else json.dumps(document).encode()
        with urllib.request.urlopen(server.management + path, body, TIMEOUT, context=trust) as answer:
            return answer.read().decode()

    return send


@pytest.fixture
def run_client(tmp_path: Path) -> Callable[..., Finished]:
    """Run a client at home in `tmp_path`, with no environment but what is given."""

    def run(command: Sequence[str | Path], environment: Mapping[str, str | Path] | None = None) -> Finished:
        home = {"PATH": os.environ["PATH"], "HOME": tmp_path, "TMPDIR": tmp_path, "LC_ALL": "C.UTF-8"}
        try:
            done = subprocess.run(
                command,
                env={**home, **(environment or {})},
                cwd=tmp_path,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=TIMEOUT,
                check=False,
            )
        except subprocess.TimeoutExpired as expired:
            pytest.fail(f"{command[0]} did not end within {TIMEOUT} s: {(expired.output or b'').decode()}")
        return Finished(done.returncode, done.stdout.decode())

    return run


@pytest.fixture
def certbot(server: Server, run_client: Callable[..., Finished], tmp_path: Path) -> Callable[..., Finished]:
    """Run certbot as its own web server on a port; the first name is the certificate's."""

    def run(port: int, *names: str, options: Sequence[str] = ()) -> Finished:
        command = [Path(sys.executable).with_name("certbot"), "certonly", "--non-interactive", "--standalone"]
        command += ["--http-01-address", "127.0.0.1", "--http-01-port", str(port), "--server", server.directory]
        command += ["--agree-tos", "--register-unsafely-without-email", "--cert-name", names[0]]
        command += options
        for option in ("--config-dir", "--work-dir", "--logs-dir"):
            command += [option, tmp_path / "certbot"]
        for name in names:
            command += ["--ip-address" if name[-1].isdigit() else "--domain", name]
        return run_client(command, {"REQUESTS_CA_BUNDLE": server.tls_ca})

    return run


@pytest.fixture
def lego(server: Server, run_client: Callable[..., Finished], tmp_path: Path) -> Callable[..., Finished]:
    """Run lego with the options of a solver."""

    def run(
        *options: str | Path, names: Sequence[str], environment: Mapping[str, str | Path] | None = None
    ) -> Finished:
        command = ["lego", "--server", server.directory, "--accept-tos", "--email", "lego@example.com"]
        command += ["--path", tmp_path / "lego", *options]
        for name in names:
            command += ["--domains", name]
        return run_client([*command, "run"], {"LEGO_CA_CERTIFICATES": server.tls_ca, **(environment or {})})

    return run


@pytest.fixture
def serve_folder() -> Iterator[Callable[[Path, int], None]]:
    """Start a web server that serves a folder, as a webroot is."""
    running: list[http.server.ThreadingHTTPServer] = []

    def serve(folder: Path, port: int) -> None:
        handler = functools.partial(QuietHandler, directory=str(folder))
        running.append(http.server.ThreadingHTTPServer(("127.0.0.1", port), handler))
        threading.Thread(target=running[-1].serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    yield serve
    for web_server in running:
        web_server.shutdown()
        web_server.server_close()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def assert_issued(server: Server, tmp_path: Path) -> Callable[[Path, list[str]], None]:
    """Let openssl verify a chain against the server's root, and compare the leaf's names."""

    def check(chain: Path, names: list[str]) -> None:
        certificates = re.findall(
            r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----\n", chain.read_text(), re.DOTALL
        )
        assert len(certificates) >= 2, f"{chain} has no intermediate: {chain.read_text()}"
        leaf, rest = tmp_path / "leaf.pem", tmp_path / "intermediates.pem"
        leaf.write_text(certificates[0])
        rest.write_text("".join(certificates[1:]))
        hostname = names[0].replace("*", "any")
        openssl = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-verify_hostname", hostname]
        openssl += [
            "-no-CApath",
            "-no-CAstore",
            "-CAfile",
            str(server.issuing_roots),
            "-untrusted",
            str(rest),
            str(leaf),
        ]
        done = subprocess.run(openssl, capture_output=True, text=True, check=False)
        assert f"{leaf}: OK\n" == done.stdout, done.stderr
        extensions = x509.load_pem_x509_certificate(certificates[0].encode()).extensions
        found = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert sorted(names) == sorted(found.get_values_for_type(x509.DNSName))

    return check
