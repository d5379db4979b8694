"""`gravel wait`: waits until certificates are there, as the init container of a pod that mounts them does."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from gravel.client_command import DEFAULT_NAMESPACE, json_option, kind_named, namespace_option, url_option
from gravel.option_types import GO_DURATION, SECONDS
from issuer_bridge.durations import parse_duration

if TYPE_CHECKING:
    from gravel.waiting import State, Target
    from issuer_bridge.resources import Kind

EPILOG = """\
\b
Examples:
  gravel wait secret/api-tls -n payments --valid-for 1h
  gravel wait certificate/www certificaterequest/one --timeout 60
  gravel wait secret/api-tls -n payments --in-cluster     (in a pod)

A Secret is ready when tls.crt and tls.key are a pair; others by their conditions.
Exit code: 0 when all are ready; 1 when one has failed or was denied, or the time is up."""


@click.command(epilog=EPILOG)
@click.argument("objects", nargs=-1, metavar="KIND/NAME...", required=True)
@namespace_option
@click.option(
    "--valid-for",
    type=GO_DURATION,
    default="0s",
    show_default=True,
    metavar="DURATION",
    help="And so long from now on.",
)
@click.option("--timeout", type=SECONDS, default=300, show_default=True, metavar="SECONDS", help="How long to wait.")
@click.option(
    "--poll", type=SECONDS, default=1, show_default=True, metavar="SECONDS", help="How long between two looks."
)
@click.option("--kubeconfig", type=click.Path(exists=True, dir_okay=False), help="On the cluster of this file.")
@click.option("--in-cluster", is_flag=True, help="On the cluster in whose pod it runs.")
@json_option
@url_option
def command(
    objects: tuple[str, ...],
    namespace: str | None,
    valid_for: str,
    timeout: float,
    poll: float,
    kubeconfig: str | None,
    *,
    in_cluster: bool,
    json: bool,
    url: str,
) -> None:
    """Wait until objects are there and ready, and their certificates valid for long enough."""
    from gravel.event_loop import run
    from gravel.output import print_json
    from gravel.waiting import Target, reader, wait_for_all

    targets = [Target(*_named(each, namespace or DEFAULT_NAMESPACE)) for each in objects]

    def tell(target: Target, state: State) -> None:
        if json:
            told = {"resource": str(target), "namespace": target.namespace, "ready": state.ready}
            print_json({"event": "waiting", **told, "failed": state.failed, "text": state.text})
        else:
            click.echo(f"{target} {state.text}")

    async def main() -> int:
        async with reader(url, kubeconfig, in_cluster=in_cluster) as read:
            waiting = wait_for_all(read, targets, parse_duration(valid_for), poll, tell)
            try:
                return 0 if await asyncio.wait_for(waiting, timeout) else 1
            except TimeoutError:
                click.echo(f"gave up after {timeout:g} s", err=True)
                return 1

    click.get_current_context().exit(run(main()))


def _named(text: str, namespace: str) -> tuple[Kind, str, str]:
    word, slash, name = text.partition("/")
    if not (slash and name):
        raise click.UsageError(f"{text!r} is not KIND/NAME, such as secret/www-tls")
    kind = kind_named(word)
    return kind, namespace if kind.namespaced else "", name
