"""`gravel describe`: one resource of a running house with all that belongs to it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from gravel.client_command import (
    DEFAULT_NAMESPACE,
    json_option,
    kind_named,
    namespace_option,
    run_client,
    url_option,
)

if TYPE_CHECKING:
    from gravel.describing import Related
    from gravel.kube_client import KubeClient
    from issuer_bridge.resources import Kind, Resource

EPILOG = """\
\b
Examples:
  gravel describe certificaterequest one-name
  gravel describe clusterissuer gravel

A Certificate is described with its requests, and these with their orders, their challenges and the events of all of
them."""


@click.command(epilog=EPILOG)
@click.argument("kind", metavar="KIND")
@click.argument("name", metavar="NAME")
@namespace_option
@json_option
@url_option
def command(kind: str, name: str, namespace: str | None, *, json: bool, url: str) -> None:
    """Show one resource with its conditions and events."""
    found = kind_named(kind)
    place = (namespace or DEFAULT_NAMESPACE) if found.namespaced else ""
    run_client(url, lambda client: _describe(client, found, place, name, json=json))


async def _describe(client: KubeClient, kind: Kind, namespace: str, name: str, *, json: bool) -> int:
    resource = await client.get(kind, namespace, name)
    if resource is None:
        where = f" in the namespace {namespace}" if namespace else ""
        raise click.ClickException(f'{kind.plural} "{name}" not found{where}')
    related = await _related(client, kind, resource)
    if json:
        import attrs

        from gravel.output import print_json

        print_json({"object": resource, **attrs.asdict(related)})
    else:
        _print(kind, resource, related)
    return 0


async def _related(client: KubeClient, kind: Kind, resource: Resource) -> Related:
    from gravel.describing import Related, concerns
    from gravel.request_progress import by_owner, owned_by
    from issuer_bridge.resources import CERTIFICATE, CERTIFICATE_REQUEST, CHALLENGE, EVENT, ORDER

    # Events on cluster-wide objects are kept in the default namespace.
    namespace = resource["metadata"].get("namespace") or DEFAULT_NAMESPACE
    requests: list[Resource] = []
    orders: list[Resource] = []
    challenges: list[Resource] = []
    if kind in (CERTIFICATE, CERTIFICATE_REQUEST):
        lists = [(await client.list(child, namespace)).items for child in (CERTIFICATE_REQUEST, ORDER, CHALLENGE)]
        owned = by_owner(item for items in lists for item in items)
        requests = owned_by(resource, owned, CERTIFICATE_REQUEST.kind)
        orders = [order for owner in requests or [resource] for order in owned_by(owner, owned, ORDER.kind)]
        challenges = [item for order in orders for item in owned_by(order, owned, CHALLENGE.kind)]
    events = (await client.list(EVENT, namespace)).items
    shown = [event for event in events if concerns(event, kind, resource, orders, requests)]
    return Related(shown, orders, challenges, requests)


def _print(kind: Kind, resource: Resource, related: Related) -> None:
    from gravel.describing import NONE, facts, tables
    from gravel.output import console
    from gravel.printing import print_table

    now = datetime.now(UTC)
    click.echo("\n".join(facts(kind, resource, now)))
    for table in tables(kind, resource, related, now):
        click.echo(f"{table.title}:" if table.rows else f"{table.title}: {NONE}")
        if table.rows:
            print_table(console(), table.headings, table.rows, indent="  ")
