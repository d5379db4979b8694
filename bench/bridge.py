"""Say what a certificate costs through the bridge: CertificateRequests in, certificates out, beside the server alone.

`gravel up` is one process: the bridge with its Kubernetes API, the ACME server, DNS and responder. Everything is real:
each challenge is presented, checked, and validated over sockets. The server alone is `gravel serve` under `bench/load.py`.
"""

from __future__ import annotations

import asyncio
import base64
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bench.compare import measure
from bench.process import cost, sample
from bench.servers import CannotStart, gravel_up
from gravel.kube_client import KubeClient
from issuer_bridge.conditions import READY, condition, is_true
from issuer_bridge.resources import CERTIFICATE_REQUEST, CLUSTER_ISSUER, Kind, Resource

CHALLENGES = ("http-01", "dns-01")
SOLVERS = {
    "http-01": {"http01": {"ingress": {}}},
    "dns-01": {"dns01": {"webhook": {"groupName": "acme.gravel.test", "solverName": "builtin"}}},
}
DONE = ("Issued", "Failed", "Denied")


def issuer(challenge: str) -> Resource:
    """Return a ClusterIssuer of the server in the same process."""
    acme = {"server": "gravel://default", "privateKeySecretRef": {"name": "account"}, "solvers": [SOLVERS[challenge]]}
    return {"metadata": {"name": "gravel"}, "spec": {"acme": acme}}


def certificate_requests(count: int) -> list[Resource]:
    """Return CertificateRequests for a name each, all of one P-256 key: making keys is not what is measured."""
    key, requests = ec.generate_private_key(ec.SECP256R1()), []
    for number in range(count):
        names = x509.SubjectAlternativeName([x509.DNSName(f"n{number}.load.example.org")])
        csr = x509.CertificateSigningRequestBuilder(x509.Name([])).add_extension(names, critical=False)
        pem = csr.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        spec = {"request": base64.b64encode(pem).decode(), "issuerRef": {"name": "gravel", "kind": "ClusterIssuer"}}
        requests.append({"metadata": {"name": f"n{number}", "namespace": "default"}, "spec": spec})
    return requests


async def until_ready(client: KubeClient, kind: Kind, count: int, advance: Any = lambda: None) -> None:
    """Wait until so many resources are Ready; `advance` is called for each. One that fails ends it all."""
    listing, ready = await client.list(kind), set[str]()

    def look(resource: Resource) -> bool:
        state, name = condition(resource, READY), resource["metadata"]["name"]
        if state.get("reason") in DONE and not is_true(resource, READY):
            raise CannotStart(f"{name} is {state['reason']}: {state['message']}")
        if is_true(resource, READY) and name not in ready:
            ready.add(name)
            advance()
        return len(ready) == count

    if any(look(item) for item in listing.items):
        return
    async for _, resource in client.watch(kind, resource_version=listing.resource_version):
        if look(resource):
            return


async def issue(ready: dict[str, Any], pid: int, challenge: str, count: int, progress: Progress) -> dict[str, Any]:
    """Have certificates issued by a `gravel up` that has just started; return what it took."""
    requests = certificate_requests(count)
    task = progress.add_task(challenge, total=count)
    async with KubeClient(ready["kubernetes"]) as client:
        await client.create(CLUSTER_ISSUER, issuer(challenge))
        await until_ready(client, CLUSTER_ISSUER, 1)
        before, start = sample(pid), time.perf_counter()
        waiting = asyncio.create_task(until_ready(client, CERTIFICATE_REQUEST, count, lambda: progress.advance(task)))
        for batch in range(0, count, 50):
            await asyncio.gather(*(client.create(CERTIFICATE_REQUEST, item) for item in requests[batch : batch + 50]))
        await waiting
        wall = time.perf_counter() - start
    return {"certificates": count, "wall_s": wall, **cost(before, sample(pid), count)}


def measured(challenge: str, count: int, durable: bool, progress: Progress) -> dict[str, Any]:
    """Measure the bridge with all below it, then the server alone."""
    with tempfile.TemporaryDirectory() as folder:
        options = ("--state", f"{folder}/state") if durable else ()
        with gravel_up(Path(folder), *options) as (ready, pid):
            up = asyncio.run(issue(ready, pid, challenge, count, progress))
    return {
        "challenge": challenge,
        "durable": durable,
        "up": up,
        "serve": measure("gravel", challenge, count, 10, polls=False),
    }


def bridge_cost(run: dict[str, Any]) -> float:
    """Return CPU ms per certificate, over what the server alone takes."""
    up, serve = run["up"]["cpu_ms_per_certificate"], run["serve"]["server"]["cpu_ms_per_certificate"]
    return float(up - serve)


def table_of(runs: list[dict[str, Any]]) -> Table:
    """Lay out what each run took, and the share of the bridge."""
    table = Table(caption="CPU is the process's; the bridge's is that of `up` less that of the server alone under load")
    for column in ("", *(run["challenge"] + ", --state" * run["durable"] for run in runs)):
        table.add_column(column, justify="right" if column else "left")
    for name, value, shape in METRICS:
        table.add_row(name, *(format(value(run), shape) for run in runs))
    return table


METRICS: tuple[tuple[str, Callable[[dict[str, Any]], float], str], ...] = (
    ("seconds in all", lambda run: run["up"]["wall_s"], ".1f"),
    ("certificates/s", lambda run: run["up"]["certificates"] / run["up"]["wall_s"], ".0f"),
    ("CPU ms per certificate", lambda run: run["up"]["cpu_ms_per_certificate"], ".2f"),
    ("  the server alone", lambda run: run["serve"]["server"]["cpu_ms_per_certificate"], ".2f"),
    ("  the bridge, and its API", bridge_cost, ".2f"),
    ("  bridge / server", lambda run: bridge_cost(run) / run["serve"]["server"]["cpu_ms_per_certificate"], ".2f"),
    ("memory at most, MB", lambda run: run["up"]["peak_mb"], ".0f"),
    ("  the server alone", lambda run: run["serve"]["server"]["peak_mb"], ".0f"),
)


@click.command(help=__doc__)
@click.option("--requests", default=1000, show_default=True)
@click.option("--challenge", "challenges", type=click.Choice(CHALLENGES), multiple=True, default=CHALLENGES)
@click.option("--durable", is_flag=True, help="With --state, on disk.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write the figures here.")
def main(requests: int, challenges: tuple[str, ...], durable: bool, json_file: Path | None) -> None:
    try:
        with Progress(transient=True) as progress:
            runs = [measured(challenge, requests, durable, progress) for challenge in challenges]
    except CannotStart as error:
        raise click.ClickException(str(error)) from None
    Console().print(table_of(runs))
    if json_file:
        json_file.write_text(json.dumps(runs, indent=1))


if __name__ == "__main__":
    main()
