"""`gravel get`: lists or prints resources of a running house."""

from __future__ import annotations

from contextlib import aclosing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import attrs
import click

from gravel.client_command import DEFAULT_NAMESPACE, kind_named, namespace_option, run_client, url_option
from issuer_bridge.resources import EVENT

if TYPE_CHECKING:
    from gravel.kube_client import KubeClient
    from issuer_bridge.resources import Kind, Resource

EPILOG = """\
\b
Examples:
  gravel get certificaterequests            (or: cr, CertificateRequest)
  gravel get orders,challenges -A
  gravel get cr one-name -o yaml
  gravel get challenges -w"""


@attrs.frozen
class Wanted:
    """What the command line asks for; namespace: None is all of them."""

    kinds: tuple[Kind, ...]
    names: tuple[str, ...]
    namespace: str | None
    labels: str
    output: str
    watch: bool


@click.command(epilog=EPILOG)
@click.argument("kinds", metavar="KIND[,KIND...]")
@click.argument("names", nargs=-1, metavar="[NAME...]")
@namespace_option
@click.option("-A", "--all-namespaces", is_flag=True, help="All namespaces.")
@click.option("-l", "--selector", "labels", metavar="LABELS", default="", help="Only with these labels (a=b,c!=d).")
@click.option(
    "-o",
    "--output",
    type=click.Choice(("table", "yaml", "json", "name")),
    default="table",
    show_default=True,
    help="How to print.",
)
@click.option("--json", "output", flag_value="json", help="The same as -o json.")
@click.option("-w", "--watch", is_flag=True, help="Go on and print changes.")
@url_option
def command(
    kinds: str,
    names: tuple[str, ...],
    namespace: str | None,
    *,
    all_namespaces: bool,
    labels: str,
    output: str,
    watch: bool,
    url: str,
) -> None:
    """List resources of a kind, or print those named."""
    wanted = Wanted(
        kinds=tuple(kind_named(word) for word in kinds.split(",")),
        names=names,
        namespace=None if all_namespaces else namespace or DEFAULT_NAMESPACE,
        labels=labels,
        output=output,
        watch=watch,
    )
    _check(wanted)
    run_client(url, lambda client: _get(client, wanted))


def _check(wanted: Wanted) -> None:
    if wanted.names and not all(wanted.names):
        raise click.UsageError("an empty name names nothing")
    if wanted.names and (wanted.namespace is None or wanted.labels):
        raise click.UsageError("a resource is got by name, or by -A and -l, not both")
    if wanted.watch and (len(wanted.kinds) > 1 or len(wanted.names) > 1):
        raise click.UsageError("-w watches one kind, or one resource")


async def _get(client: KubeClient, wanted: Wanted) -> int:
    from gravel.resource_output import output_of

    found: list[tuple[Kind, list[Resource]]] = []
    missing: list[str] = []
    version = ""
    for kind in wanted.kinds:
        items, version = await _read(client, kind, wanted)
        found.append((kind, items))
        missing += [_not_found(kind, name) for name in wanted.names if name not in map(_name, items)]
    output = output_of(wanted.output, all_namespaces=wanted.namespace is None)
    output.show(found, single=len(wanted.names) == 1 and len(found) == 1, now=datetime.now(UTC))
    if missing:
        click.echo("\n".join(missing), err=True)
        return 1
    if not any(items for _, items in found) and not wanted.watch and wanted.output == "table":
        where = f" in {wanted.namespace} namespace" if wanted.namespace and wanted.kinds[0].namespaced else ""
        click.echo(f"No resources found{where}.", err=True)
    if wanted.watch:
        kind, fields = wanted.kinds[0], _fields(wanted)
        watch = client.watch(kind, wanted.namespace, version, labels=wanted.labels, fields=fields)
        async with aclosing(watch) as changes:
            async for _, resource in changes:
                output.change(kind, resource, datetime.now(UTC))
    return 0


async def _read(client: KubeClient, kind: Kind, wanted: Wanted) -> tuple[list[Resource], str]:
    """Return what is there, in the order of the names if there are any, and the version to watch from."""
    from gravel.tables import newest_last

    listing = await client.list(kind, wanted.namespace, labels=wanted.labels, fields=_fields(wanted))
    items = {_name(item): item for item in listing.items}
    if wanted.names:
        return [items[name] for name in wanted.names if name in items], listing.resource_version
    return newest_last(listing.items) if kind == EVENT else list(listing.items), listing.resource_version


def _fields(wanted: Wanted) -> str:
    return f"metadata.name={wanted.names[0]}" if len(wanted.names) == 1 else ""


def _name(resource: Resource) -> str:
    name: str = resource["metadata"]["name"]
    return name


def _not_found(kind: Kind, name: str) -> str:
    plural = f"{kind.plural}.{kind.group}" if kind.group else kind.plural
    return f'{plural} "{name}" not found'
