"""The program that `gravel.issuer.run` makes of an author's two functions: options, logs, and a service until SIGTERM."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from gravel import event_loop
from gravel.listening import Door
from gravel.option_types import COUNT, GO_DURATION, HOST_PORT, ORIGIN
from issuer_bridge.cluster.election import Terms
from issuer_bridge.durations import parse_duration
from issuer_bridge.issuer_lib.conduct import Options, like_issuer_lib
from issuer_bridge.issuer_lib.consulting import author
from issuer_bridge.issuer_lib.forms import CERTIFICATE_REQUESTS, SIGNING_REQUESTS
from issuer_bridge.issuer_lib.values import Check, Sign
from issuer_bridge.resources import Kind

try:
    from gravel.issuer_service import IssuerService
    from gravel.leading import NAMESPACE_VARIABLE, Candidacy, reach
    from issuer_bridge.cluster.connection import Where
except ModuleNotFoundError as error:
    raise SystemExit(f"An issuer needs {error.name}: pip install 'gravel[kubernetes]'.") from None

_IN_A_POD = "KUBERNETES_SERVICE_HOST"
_TERMS = Terms(timedelta(seconds=60), timedelta(seconds=40), timedelta(seconds=15))  # cert-manager's
_HOME = Path("~/.kube/config")
_COMPAT: Mapping[str, Callable[..., Options]] = {"none": Options, "issuer-lib": like_issuer_lib}
_OPTIONS = (
    click.Option(["--server"], type=ORIGIN, metavar="URL", help="An API such as gravel's own, instead of a cluster's."),
    click.Option(["--token"], envvar="GRAVEL_KUBERNETES_TOKEN", metavar="TOKEN", help="Bearer token of --server."),
    click.Option(
        ["--kubeconfig"],
        envvar="KUBECONFIG",
        metavar="FILE",
        help="The cluster (default: that of the pod, else of ~/.kube/config).",
    ),
    click.Option(["--context"], metavar="NAME", help="Context of --kubeconfig."),
    click.Option(["--no-leader-elect"], is_flag=True, help="Work at once, beside whoever else does."),
    click.Option(["--leader-election-namespace"], metavar="NAME", help="Where the Lease is (default: of the pod)."),
    click.Option(
        ["--health"],
        type=HOST_PORT,
        metavar="HOST:PORT",
        default="127.0.0.1:8080",
        help="Where /healthz, /readyz and /metrics are (default: 127.0.0.1:8080).",
    ),
    click.Option(
        ["--cluster-resource-namespace"], metavar="NAME", help="Of the Secrets of cluster-wide issuers (kube-system)."
    ),
    click.Option(
        ["--max-retry-duration"],
        type=GO_DURATION,
        metavar="DURATION",
        help="How long after its creation a request is tried again (15m).",
    ),
    click.Option(["--workers"], type=COUNT, metavar="N", help="How many requests are signed at once (5)."),
    click.Option(["--per-issuer"], type=COUNT, metavar="N", help="How many of them for one issuer (5)."),
    click.Option(["--compat"], type=click.Choice(list(_COMPAT)), default="none", help="Whose conduct holds."),
    click.Option(["--kubernetes-csr"], is_flag=True, help="Serve CertificateSigningRequests too."),
    click.Option(["--json"], is_flag=True, help="When begun, print one line: {health, kubernetes}."),
    click.Option(["--verbose"], is_flag=True, help="Log what is retried, with tracebacks of the author's functions."),
)
# Flags that are fields of `Options` too.
_FIELDS = ("cluster_resource_namespace", "max_retry_duration", "workers", "per_issuer")


def program(name: str, kinds: tuple[Kind, ...], check: Check, sign: Sign, chosen: Mapping[str, Any]) -> click.Command:
    """Return the command; chosen: fields of `Options` that the author chose."""

    def main(**flags: Any) -> None:
        options = options_of(name, chosen, flags)
        level = logging.INFO if flags["verbose"] else logging.WARNING
        logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
        where = _where(flags)
        event_loop.run(_serve(name, kinds, check, sign, options, where, flags))

    kinds_text = " and ".join(f"{kind.kind}.{kind.group}" for kind in kinds)
    return click.Command(
        name, callback=main, params=list(_OPTIONS), help=f"Sign the requests that name a {kinds_text}."
    )


def options_of(name: str, chosen: Mapping[str, Any], flags: Mapping[str, Any]) -> Options:
    """Return what holds: flags over what the author chose over the defaults, or issuer-lib's."""
    told = {field: flags[field] for field in _FIELDS if flags.get(field) is not None}
    if "max_retry_duration" in told:
        told["max_retry_duration"] = parse_duration(told["max_retry_duration"])
    return _COMPAT[flags["compat"]](field_owner=name, **{**chosen, **told})


async def _serve(
    name: str,
    kinds: tuple[Kind, ...],
    check: Check,
    sign: Sign,
    options: Options,
    where: Where,
    flags: Mapping[str, Any],
) -> None:
    connection = await reach(where)
    try:
        service = IssuerService(
            connection,
            author(kinds, check, sign, options.call_timeout),
            options,
            (CERTIFICATE_REQUESTS, SIGNING_REQUESTS) if flags["kubernetes_csr"] else (CERTIFICATE_REQUESTS,),
            _candidacy(name, flags),
            _door(flags["health"]),
        )
        with event_loop.stop_signals() as stop:
            async with service:
                line = {"health": service.health, "kubernetes": connection.url}
                sentence = f"{name} signs on {connection.url}; its health is at {service.health}"
                click.echo(json.dumps(line) if flags["json"] else sentence)
                await stop.wait()
    finally:
        await connection.close()


def _where(flags: Mapping[str, Any]) -> Where:
    """Return the cluster that was named, or the pod's, or that of ~/.kube/config."""
    server, file = flags["server"], flags["kubeconfig"]
    in_cluster = not (server or file) and _IN_A_POD in os.environ
    return Where(file or str(_HOME.expanduser()), flags["context"], in_cluster, server, flags["token"])


def _candidacy(name: str, flags: Mapping[str, Any]) -> Candidacy | None:
    namespace = flags["leader_election_namespace"] or os.environ.get(NAMESPACE_VARIABLE) or "default"
    return None if flags["no_leader_elect"] else Candidacy(namespace, f"{name}-controller", _TERMS)


def _door(health: str) -> Door:
    host, _, port = health.rpartition(":")
    return Door("the issuer's health", "--health", host.strip("[]"), int(port))
