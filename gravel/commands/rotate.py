"""`gravel rotate`: asks for another CA behind an issuer, takes that back, or tells how far it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from gravel.client_command import (
    DEFAULT_NAMESPACE,
    json_option,
    kind_named,
    namespace_option,
    resource_name,
    run_client,
    url_option,
)
from gravel.option_types import GO_DURATION

if TYPE_CHECKING:
    from gravel.kube_client import KubeClient
    from issuer_bridge.resources import Resource

EPILOG = """\
\b
Examples:
  gravel rotate clusterissuer/mesh-ca --to mesh-root-2 --renew-within 1h
  gravel rotate clusterissuer/mesh-ca            (tells the phase, and what it waits for)
  gravel rotate clusterissuer/mesh-ca --abort

docs/rotation.md has the phases."""


@click.command(epilog=EPILOG)
@click.argument("issuer", metavar="ISSUER/NAME")
@namespace_option
@click.option("--to", "secret", metavar="SECRET", help="The Secret with the CA that is to sign.")
@click.option("--abort", is_flag=True, help="Go back to the CA that signed before.")
@click.option("--renew-within", type=GO_DURATION, metavar="DURATION", help="Renew what the old CA signed, spread so.")
@click.option("--unseen-for", type=GO_DURATION, metavar="DURATION", help="How long certificates live that are nowhere.")
@json_option
@url_option
def command(
    issuer: str,
    namespace: str | None,
    secret: str | None,
    renew_within: str | None,
    unseen_for: str | None,
    *,
    abort: bool,
    json: bool,
    url: str,
) -> None:
    """Put another CA behind an issuer, in phases that break no certificate."""
    from gravel.output import print_json
    from issuer_bridge.conditions import condition
    from issuer_bridge.resources import CLUSTER_ISSUER, ISSUER
    from issuer_bridge.rotation.gates import RENEW_WITHIN, UNSEEN_FOR
    from issuer_bridge.rotation.rotations import CONDITION, ROTATE_TO

    word, slash, name = issuer.partition("/")
    kind = kind_named(word) if slash and name else None
    if kind not in (ISSUER, CLUSTER_ISSUER):
        raise click.UsageError(f"{issuer!r} is not issuer/NAME or clusterissuer/NAME")
    if abort and (secret or renew_within or unseen_for):
        raise click.UsageError("--abort goes without the other options")
    asked = {ROTATE_TO: secret, RENEW_WITHIN: renew_within, UNSEEN_FOR: unseen_for}
    change: dict[str, Any] = {key: value for key, value in asked.items() if value} | (
        {ROTATE_TO: None} if abort else {}
    )
    home = (namespace or DEFAULT_NAMESPACE) if kind.namespaced else ""

    async def work(client: KubeClient) -> int:
        found = await (
            client.merge_patch(kind, home, name, {"metadata": {"annotations": change}})
            if change
            else client.get(kind, home, name)
        )
        if found is None:
            raise click.ClickException(f"{resource_name(kind, name)} does not exist")
        tell(found)
        return 0

    def tell(found: Resource) -> None:
        known = condition(found, CONDITION)
        phase, message = known.get("reason", "Stable"), known.get("message", "")
        asked_for = (found["metadata"].get("annotations") or {}).get(ROTATE_TO)
        if json:
            print_json({"resource": resource_name(kind, name), "phase": phase, "message": message, "to": asked_for})
        elif change:
            click.echo(f"{resource_name(kind, name)} {'goes back' if abort else f'is to sign with Secret {asked_for}'}")
        else:
            click.echo(f"{resource_name(kind, name)} {phase}{message and f': {message}'}")

    run_client(url, work)
