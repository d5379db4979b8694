"""`gravel manifest`: YAML that runs gravel in a cluster and points cert-manager at it."""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from gravel.cluster_manifests import Plan

EPILOG = """\
\b
Examples:
  gravel manifest all --image gravel:dev --ingress-address 10.96.1.2 | kubectl apply -f -
  gravel manifest clusterissuer --seed 7
  gravel manifest webhook --seed 7 | kubectl apply -f -
  gravel manifest rbac --namespace gravel | kubectl apply -f -
  gravel manifest values --seed 7 | helm install gravel charts/gravel --namespace gravel --create-namespace --values -
\b
Everything secret follows from the seed, and whoever knows it knows every key: for testing, never for production."""

_LABEL = re.compile(r"[a-z]([-a-z0-9]{0,50}[a-z0-9])?")
_ZONE = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


def _label(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    if not _LABEL.fullmatch(value):
        raise click.BadParameter(
            f"{value!r} is no name of a Service or a namespace: lower-case letters, digits and hyphens."
        )
    return value


def _zone(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    if not _ZONE.fullmatch(value):
        raise click.BadParameter(f"{value!r} is no name of a zone.")
    return value


def _address(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    try:
        return None if value is None else str(ip_address(value))
    except ValueError:
        raise click.BadParameter(f"{value!r} is no address.") from None


def _print_webhook(plan: Plan) -> int:
    import yaml

    from gravel.webhook_manifests import server_flag, solver, webhook

    click.echo(f"# kube-apiserver has no token, so that the server must let it in: {server_flag(plan)}")
    click.echo(f"# An issuer's solver: {solver()}")
    documents = webhook(plan)
    click.echo(yaml.safe_dump_all(documents, sort_keys=False, explicit_start=True), nl=False)
    return 0


def _print_rbac(plan: Plan, *, policy: bool) -> int:
    import yaml

    from gravel.cluster_manifests import labels
    from issuer_bridge.cluster.election import LEASE_NAME
    from issuer_bridge.cluster.permissions import rbac

    documents = rbac(plan.name, plan.namespace, LEASE_NAME, labels(plan), policy=policy)
    click.echo(yaml.safe_dump_all(documents, sort_keys=False, explicit_start=True), nl=False)
    return 0


@click.command(epilog=EPILOG)
@click.argument("what", type=click.Choice(("clusterissuer", "deployment", "all", "webhook", "rbac", "values")))
@click.option("--name", metavar="NAME", default="gravel", callback=_label, help="What everything is called [gravel].")
@click.option("--namespace", metavar="NAME", default="gravel", callback=_label, help="Where it runs [gravel].")
@click.option("--image", metavar="IMAGE", default="gravel", help="The image, made with the Containerfile [gravel].")
@click.option(
    "--seed", metavar="NUMBER", type=click.IntRange(0), help="What the CA follows from; `all` and `values` draw one."
)
@click.option("--zone", metavar="NAME", default="test", callback=_zone, help="What cluster DNS asks it for [test].")
@click.option(
    "--dns-address",
    metavar="IP",
    default="10.96.0.53",
    callback=_address,
    help="ClusterIP of its DNS [10.96.0.53; k3d: 10.43.0.53].",
)
@click.option("--ingress-address", metavar="IP", callback=_address, help="What names in the zone lead to.")
@click.option("--ingress-class", metavar="NAME", default="nginx", help="What solves http-01 [nginx; k3d: traefik].")
@click.option(
    "--cert-manager-namespace",
    metavar="NAME",
    default="cert-manager",
    callback=_label,
    help="Where cert-manager runs, and looks for a ClusterIssuer's Secrets [cert-manager].",
)
@click.option("--policy", is_flag=True, help="With rbac: what --approver policy needs, too.")
def command(what: str, seed: int | None, *, policy: bool, **options: Any) -> int:
    """Print manifests: the server with its Services and DNS (deployment), a ClusterIssuer for it, or all.

    The ClusterIssuer trusts the server, solves http-01 through an ingress, and wildcards by dns-01 with signed updates
    of the server's DNS. With webhook: what leads cert-manager to the server's webhook, for dns-01 without keys. With rbac:
    the ServiceAccount for `gravel up --in-cluster`, and the least that it must be allowed. With values: what makes of the
    Helm chart the same as `all`, wherever and however often it is rendered.
    """
    import yaml

    from gravel.cluster_manifests import Plan, cert_manager_flags, chart_values, cluster_issuer, deployment

    if seed is None and what not in ("all", "rbac", "values"):
        raise click.UsageError("--seed is wanted: the deployment and the ClusterIssuer must agree on it.")
    plan = Plan(seed=secrets.randbits(64) if seed is None else seed, year=datetime.now(UTC).year, **options)
    if what == "webhook":
        return _print_webhook(plan)
    if what == "rbac":
        return _print_rbac(plan, policy=policy)
    if what == "values":
        click.echo(yaml.safe_dump(chart_values(plan), sort_keys=False), nl=False)
        return 0
    documents = [*deployment(plan)] if what != "clusterissuer" else []
    if what != "deployment":
        documents += cluster_issuer(plan)
    click.echo("# For testing, never for production: whoever can read the seed has every key.")
    click.echo(f"# For dns-01, cert-manager's controller needs {' '.join(cert_manager_flags(plan))}")
    click.echo(yaml.safe_dump_all(documents, sort_keys=False, explicit_start=True), nl=False)
    return 0
