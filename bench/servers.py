"""The servers under comparison, each started afresh on free ports of loopback, with its own DNS."""

from __future__ import annotations

import json
import os
import random
import select
import shutil
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import attrs
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

GRAVEL = Path(sys.executable).with_name("gravel")
START_TIMEOUT = 20.0


class CannotStart(Exception):  # noqa: N818 - says what happened
    """A server is missing, or did not come up; the message says which and why."""


@attrs.frozen
class Running:
    """A server that answers: what a client must know, and the processes to watch."""

    directory: str
    ca: Path
    http01_port: int
    management: str
    pid: int
    dns_pid: int | None = None
    tls_alpn_port: int | None = None
    dns: str = ""
    roots: str = ""


def free_port() -> int:
    """Find a port that TCP and UDP can have, below the range that outgoing connections are given."""
    while True:
        port = random.randint(10_000, 32_000)
        try:
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                with socket.socket(socket.AF_INET, kind) as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return port


def check_installed() -> None:
    """Say which program is missing, before anything is measured."""
    for program in ("pebble", "pebble-challtestsrv"):
        if shutil.which(program) is None:
            raise CannotStart(f"{program} is not installed; Debian and Ubuntu have it: apt install pebble")


@contextmanager
def gravel_up(folder: Path, *options: str) -> Iterator[tuple[dict[str, Any], int]]:
    """Run `gravel up` with further options; yield what it said when it was ready, and its process."""
    ports = [f"--{name}-port=0" for name in ("acme", "management", "dns", "kubernetes")]
    http01 = f"--http01-port={free_port()}"
    with _process("gravel", [str(GRAVEL), "up", "--json", *ports, http01, *options], folder) as process:
        yield _first_line(process, folder), process.pid


@contextmanager
def gravel(folder: Path, *options: str, always_valid: bool = False) -> Iterator[Running]:
    """Run `gravel serve`, with further options; its DNS is in the same process.

    always_valid: the directory is that of a world that finds every challenge met.
    """
    http01_port, tls_alpn_port = free_port(), free_port()
    command = [str(GRAVEL), "serve", "--json", "--acme-port", "0", "--management-port", "0", "--dns-port", "0"]
    command += ["--http01-port", str(http01_port), "--tls-alpn-port", str(tls_alpn_port), *options]
    with _process("gravel", command, folder) as process:
        ready = _first_line(process, folder)
        yield Running(
            _always_valid(ready) if always_valid else ready["directory"],
            Path(ready["tls_ca"]),
            http01_port,
            ready["management"],
            process.pid,
            tls_alpn_port=tls_alpn_port,
            dns=ready["dns"],
            roots=f"{ready['management']}/roots/0",
        )


@contextmanager
def pebble(folder: Path, *, always_valid: bool = False, **more: Any) -> Iterator[Running]:
    """Run Debian's pebble, without its sleeps and its bad nonces, and pebble-challtestsrv as its DNS.

    always_valid: it finds every challenge met; more: further members of its configuration.
    """
    acme, management, http01, dns, dns_management, tls_alpn = (free_port() for _ in range(6))
    ca = write_certificates(folder)
    settings = {
        "listenAddress": f"127.0.0.1:{acme}",
        "managementListenAddress": f"127.0.0.1:{management}",
        "certificate": str(folder / "certificate.pem"),
        "privateKey": str(folder / "key.pem"),
        "httpPort": http01,
        "tlsPort": tls_alpn,
        **more,
    }
    (folder / "pebble.json").write_text(json.dumps({"pebble": settings}))
    dns_command = ["pebble-challtestsrv", "-defaultIPv6", "", "-http01", "", "-https01", "", "-tlsalpn01", ""]
    dns_command += ["-dns01", f"127.0.0.1:{dns}", "-management", f"127.0.0.1:{dns_management}"]
    command = ["pebble", "-config", str(folder / "pebble.json"), "-dnsserver", f"127.0.0.1:{dns}"]
    quick = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0", "PEBBLE_VA_ALWAYS_VALID": str(int(always_valid))}
    with ExitStack() as stack:
        resolver = stack.enter_context(_process("challtestsrv", dns_command, folder))
        server = stack.enter_context(_process("pebble", command, folder, quick))
        directory = f"https://127.0.0.1:{acme}/dir"
        _await_directory(directory, ca, server, folder / "pebble.log")
        dns_manager = f"http://127.0.0.1:{dns_management}"
        roots = f"https://127.0.0.1:{management}/roots/0"
        yield Running(directory, ca, http01, dns_manager, server.pid, resolver.pid, tls_alpn, f"127.0.0.1:{dns}", roots)


SERVERS = {"gravel": gravel, "pebble": pebble}


@contextmanager
def _process(
    name: str, command: list[str], folder: Path, environment: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    with (folder / f"{name}.log").open("wb") as log:
        stdout = subprocess.PIPE if name == "gravel" else log
        clean = {key: value for key, value in os.environ.items() if not key.startswith(("GRAVEL_", "PEBBLE_"))}
        environment = {**clean, **(environment or {})}
        process = subprocess.Popen(command, stdout=stdout, stderr=log, env=environment, cwd=folder)
        try:
            yield process
        finally:
            process.terminate()
            process.communicate(timeout=START_TIMEOUT)


def _first_line(process: subprocess.Popen[bytes], folder: Path) -> dict[str, Any]:
    assert process.stdout is not None
    if not select.select([process.stdout], [], [], START_TIMEOUT)[0] or not (line := process.stdout.readline()):
        raise CannotStart(f"gravel did not start: {(folder / 'gravel.log').read_text()}")
    ready: dict[str, Any] = json.loads(line)
    return ready


def _always_valid(ready: dict[str, Any]) -> str:
    """Make the world, and return its directory."""
    body = json.dumps({"settings": {"always_valid": True}}).encode()
    request = urllib.request.Request(f"{ready['management']}/worlds", body, {"Content-Type": "application/json"})
    context = ssl.create_default_context(cafile=ready["tls_ca"])
    with urllib.request.urlopen(request, context=context, timeout=START_TIMEOUT) as reply:
        directory: str = json.load(reply)["directory"]
    return directory


def _await_directory(url: str, ca: Path, process: subprocess.Popen[bytes], log: Path) -> None:
    context, deadline = ssl.create_default_context(cafile=ca), time.monotonic() + START_TIMEOUT
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, context=context, timeout=1):
                return
        except urllib.error.URLError:
            time.sleep(0.02)
    raise CannotStart(f"{process.args[0]} did not start: {log.read_text()[-2000:]}")


def write_certificates(folder: Path) -> Path:
    """Write a CA and a server certificate for loopback (Debian's package has none); return the CA's file."""
    now, key, ca_key = (
        datetime.now(UTC),
        ec.generate_private_key(ec.SECP256R1()),
        ec.generate_private_key(ec.SECP256R1()),
    )
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bench CA")])
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))])

    def certificate(
        subject: x509.Name, subject_key: ec.EllipticCurvePrivateKey, extension: x509.ExtensionType
    ) -> bytes:
        builder = x509.CertificateBuilder(ca_name, subject, subject_key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(days=7))
        critical = isinstance(extension, x509.BasicConstraints)
        return builder.add_extension(extension, critical).sign(ca_key, hashes.SHA256()).public_bytes(Encoding.PEM)

    ca = folder / "ca.pem"
    ca.write_bytes(certificate(ca_name, ca_key, x509.BasicConstraints(ca=True, path_length=0)))
    (folder / "certificate.pem").write_bytes(certificate(name, key, names))
    (folder / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return ca
