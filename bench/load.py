"""Put load on an ACME test server and say what each certificate cost.

Issues certificates over one connection per worker and prints the rate, the
latencies, the requests per certificate and the CPU and memory of the server's
process (read from /proc, so on the same machine). Loopback only.

    python bench/load.py --directory https://127.0.0.1:14000/dir --ca ca.pem --http01-port 5002 --server-pid 1234
"""

from __future__ import annotations

import asyncio
import gc
import json
import re
import secrets
import ssl
import statistics
import time
from collections import Counter
from typing import Any

import attrs
import click
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bench import process
from bench.acme_client import Gate, Refused, Session, Wedged, Worker, b64url

try:
    from uvloop import new_event_loop
except ImportError:
    from asyncio import new_event_loop

CHALLENGES = ("http-01", "dns-01", "always-valid")


@attrs.frozen
class Load:
    """What to do to which server; the fields are the options of the command line."""

    directory: str
    ca: str
    challenge: str
    certificates: int
    warmup: int
    concurrency: int
    gate: bool
    polls: bool
    http01_port: int
    management: str | None
    server_pid: int | None
    dns_pid: int | None
    timeout: float


@attrs.define
class Result:
    """What came of it, while it runs; `latencies` in seconds, `sample` of (name, chain)."""

    latencies: list[float] = attrs.field(factory=list)
    errors: Counter[str] = attrs.field(factory=Counter)
    sample: list[tuple[str, bytes]] = attrs.field(factory=list)
    wedged_at: str | None = None
    ended: float = 0.0


class Answers(asyncio.Protocol):
    """Answers http-01 for every token: all of them belong to one account."""

    def __init__(self, thumbprint: str) -> None:
        self.thumbprint = thumbprint

    def connection_made(self, transport: Any) -> None:
        """Keep the transport to answer on."""
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each request; one of them fits into one segment."""
        found = re.match(rb"GET /\.well-known/acme-challenge/([\w-]+) ", data)
        body = f"{found[1].decode()}.{self.thumbprint}" if found else ""
        status = "200 OK" if found else "404 Not Found"
        self.transport.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())


def make_csrs(count: int) -> list[tuple[str, str]]:
    """Return names and CSRs for them, all of one P-256 key: making keys is not what is measured."""
    key, run = ec.generate_private_key(ec.SECP256R1()), secrets.token_hex(4)
    jobs = []
    for number in range(count):
        name = f"{run}-{number}.load.example.org"
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        names = x509.SubjectAlternativeName([x509.DNSName(name)])
        csr = x509.CertificateSigningRequestBuilder(subject).add_extension(names, critical=False)
        der = csr.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
        jobs.append((name, b64url(der)))
    return jobs


async def issue_all(workers: list[Worker], jobs: list[tuple[str, str]]) -> Result:
    """Let the workers share the jobs; what fails is counted by its message and not tried again."""
    result, rest = Result(), iter(jobs)

    async def work(worker: Worker) -> None:
        for name, csr in rest:
            start = time.perf_counter()
            try:
                chain = await worker.issue(name, csr)
            except Wedged as wedged:
                result.wedged_at = str(wedged)
            except (Refused, OSError, KeyError, ValueError) as error:
                result.errors[f"{type(error).__name__}: {error}".replace(name, "NAME")] += 1
            else:
                result.ended = time.perf_counter()
                result.latencies.append(result.ended - start)
                if len(result.latencies) % 50 == 1:
                    result.sample.append((name, chain))
            if result.wedged_at or result.errors.total() > 50:
                return

    await asyncio.gather(*map(work, workers))
    return result


async def run(load: Load) -> dict[str, Any]:
    """Warm up, measure, check a sample of what came, and report."""
    context = ssl.create_default_context(cafile=load.ca)
    session = Session(load.directory, context, Gate() if load.gate else None, load.timeout, load.polls)
    await session.register()
    challenge = "http-01" if load.challenge == "always-valid" else load.challenge
    workers = [Worker(session, challenge, load.management) for _ in range(load.concurrency)]
    jobs = make_csrs(load.warmup + load.certificates)
    answers = None
    if load.challenge == "http-01":
        thumbprint, loop = session.account.thumbprint, asyncio.get_running_loop()
        answers = await loop.create_server(lambda: Answers(thumbprint), "127.0.0.1", load.http01_port)
    warm = await issue_all(workers, jobs[: load.warmup])
    if warm.errors or warm.wedged_at:
        raise click.ClickException(f"warming up failed: {warm.wedged_at or next(iter(warm.errors))}")
    report = await measure(load, session, workers, jobs[load.warmup :])
    for worker in workers:
        worker.close()
    if answers:
        answers.close()
    return report


async def measure(load: Load, session: Session, workers: list[Worker], jobs: list[tuple[str, str]]) -> dict[str, Any]:
    """Issue the certificates between two readings of the processes' costs."""
    session.requests.clear()
    session.counts.clear()
    pids = {name: pid for name, pid in (("server", load.server_pid), ("dns", load.dns_pid)) if pid}
    calibration = [process.calibrate()]
    gc.collect()
    gc.disable()
    before = {name: process.sample(pid) for name, pid in pids.items()}
    own, start = time.process_time(), time.perf_counter()
    result = await issue_all(workers, jobs)
    own, wall = time.process_time() - own, (result.ended or time.perf_counter()) - start
    after = {name: process.sample(pid) for name, pid in pids.items()}
    gc.enable()
    calibration.append(process.calibrate())
    for name, chain in result.sample:
        check(name, chain)
    done = len(result.latencies)
    return {
        "challenge": load.challenge,
        "concurrency": load.concurrency,
        "gated": load.gate,
        "certificates": done,
        "asked_for": load.certificates,
        "wall_s": wall,
        "certificates_per_s": done / wall,
        "latency_ms": latencies(result.latencies),
        "requests_per_certificate": session.requests.total() / max(done, 1),
        "requests": dict(session.requests),
        "counts": dict(session.counts),
        "connections": sum(worker.connection.opened for worker in workers),
        "errors": dict(result.errors),
        "wedged_at": result.wedged_at,
        "client_cpu_ms_per_certificate": 1000 * own / max(done, 1),
        "calibration_ns": calibration,
        **{name: process.cost(before[name], after[name], max(done, 1)) for name in pids},
    }


def latencies(seconds: list[float]) -> dict[str, float]:
    """Return the figures of a list of latencies, in milliseconds."""
    if not seconds:
        return {}
    ordered = sorted(1000 * value for value in seconds)
    ranks = {f"p{rank}": ordered[round(rank / 100 * (len(ordered) - 1))] for rank in (50, 90, 99)}
    return {"mean": statistics.fmean(ordered), **ranks, "max": ordered[-1]}


def check(name: str, chain: bytes) -> None:
    """Refuse to measure a server that issues the wrong thing."""
    leaf, *issuers = x509.load_pem_x509_certificates(chain)
    leaf.verify_directly_issued_by(issuers[0])
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    if names.get_values_for_type(x509.DNSName) != [name]:
        raise click.ClickException(f"asked for {name}, got a certificate for {names}")


@click.command(help=__doc__)
@click.option("--directory", required=True, help="URL of the ACME directory.")
@click.option("--ca", required=True, help="PEM file that the server's TLS certificate is verified with.")
@click.option("--challenge", type=click.Choice(CHALLENGES), default="http-01", show_default=True)
@click.option("--certificates", default=400, show_default=True)
@click.option("--warmup", default=20, show_default=True, help="Issued before the measuring begins.")
@click.option("--concurrency", default=10, show_default=True)
@click.option("--gate", is_flag=True, help="Never overlap newOrder with reads of authorizations: Pebble hangs on it.")
@click.option(
    "--polls", is_flag=True, help="Ask again also for what is final already, as servers are asked that answer late."
)
@click.option("--http01-port", default=5002, show_default=True, help="Where http-01 is answered.")
@click.option("--management", help="URL that takes /set-txt and /clear-txt, for dns-01.")
@click.option("--server-pid", type=int, help="Process whose CPU and memory are reported.")
@click.option("--dns-pid", type=int, help="Another one: the server's DNS.")
@click.option("--timeout", default=30.0, show_default=True, help="Seconds for one request, or one decision.")
def main(**options: Any) -> None:
    load = Load(**options)
    if (load.challenge == "dns-01") != bool(load.management):
        raise click.UsageError("--challenge dns-01 and --management go together")
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        report = runner.run(run(load))
    click.echo(json.dumps(report, indent=1))
    if report["certificates"] < load.certificates:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
