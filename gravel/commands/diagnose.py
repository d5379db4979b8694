"""`gravel diagnose`: what is stuck in a cluster, and who must act."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import click

from gravel.client_command import DEFAULT_NAMESPACE, json_option, kind_named, run_client, url_option

if TYPE_CHECKING:
    from gravel.diagnosis_output import Diagnosis
    from gravel.kube_client import KubeClient

EPILOG = """\
\b
Examples:
  gravel diagnose --kubeconfig ~/.kube/config
  gravel diagnose --kubeconfig ~/.kube/config certificate/shop/www
  gravel diagnose                          (a running `gravel up`)
  kubectl get certificates,certificaterequests,orders,challenges,issuers,clusterissuers,events,namespaces -A --show-managed-fields -o json > dump
  gravel diagnose --from-file dump
\b
It lists and never writes; of Secrets it reads the metadata alone, and it does without what it may not list.
Exit status: 0 when nothing is stuck; 1 when something will not pass by itself; 2 when that cannot be told: for a
mistake in the command, or a cluster that cannot be read."""


class _Unread(click.ClickException):
    """There is no telling, as the cluster cannot be read."""

    exit_code = 2


def _moment(_context: click.Context, _parameter: click.Parameter, value: str | None) -> datetime | None:
    from acme_server.protocol.times import parse_rfc3339

    try:
        return parse_rfc3339(value) if value else None
    except ValueError as error:
        raise click.BadParameter(f"{error}.") from None


@click.command(epilog=EPILOG)
@click.argument("subject", required=False, metavar="[KIND/[NAMESPACE/]NAME]")
@click.option("--kubeconfig", metavar="FILE", type=click.Path(exists=True, dir_okay=False), help="Read this cluster.")
@click.option("--context", metavar="NAME", help="One of its contexts [the current one].")
@click.option(
    "--from-file",
    "dump",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True),
    help="Read what kubectl get -o yaml or -o json wrote; - is standard input.",
)
@click.option("-n", "--namespace", metavar="NAMESPACE", help="Only this namespace [all].")
@click.option(
    "--max-concurrent-challenges", "maximum", metavar="N", type=click.IntRange(1), default=60, help="The cap [60]."
)
@click.option(
    "--compat",
    type=click.Choice(("none", "cert-manager")),
    help="Whose conduct holds there [cert-manager; of a running `gravel up`: none].",
)
@click.option("--at", metavar="MOMENT", callback=_moment, help="When it was read, RFC 3339 [now; of a file: its time].")
@json_option
@url_option
def command(
    subject: str | None,
    kubeconfig: str | None,
    context: str | None,
    dump: str | None,
    namespace: str | None,
    maximum: int,
    compat: str | None,
    at: datetime | None,
    *,
    json: bool,
    url: str,
) -> int:
    """Say what is stuck in a cluster, since when, and who must act: of all of it, or of one object and what it waits for."""
    if kubeconfig and dump:
        raise click.UsageError("--kubeconfig and --from-file are two places; name one")
    if context and not kubeconfig:
        raise click.UsageError("--context needs --kubeconfig")
    from gravel.diagnosing import Wanted, of_cluster, of_dump, of_house

    whose = compat or ("cert-manager" if kubeconfig or dump else "none")
    wanted = Wanted(namespace, _subject(subject, namespace), maximum, at, whose)

    async def show(client: KubeClient) -> int:
        return _show(await of_house(client, wanted), json=json)

    try:
        if kubeconfig:
            return _show(of_cluster(kubeconfig, context, wanted), json=json)
        if dump:
            return _show(of_dump(dump, wanted), json=json)
        run_client(url, show)
    except click.UsageError:
        raise
    except click.ClickException as error:
        raise _Unread(error.format_message()) from None


def _subject(text: str | None, namespace: str | None) -> str | None:
    """`certificate/www` -> `certificate/default/www`."""
    if text is None:
        return None
    word, *names = text.split("/")
    kind = kind_named(word)
    if len(names) == 1 and kind.namespaced:
        names = [namespace or DEFAULT_NAMESPACE, *names]
    if len(names) != 1 + kind.namespaced or not all(names):
        shape = "KIND/NAMESPACE/NAME" if kind.namespaced else "KIND/NAME"
        raise click.UsageError(f"{text!r} is not {shape}; it looks like certificate/default/www")
    return "/".join((kind.kind.lower(), *names))


def _show(diagnosis: Diagnosis, *, json: bool) -> int:
    from gravel.diagnosis_output import diagnosis_json, print_diagnosis
    from gravel.output import console, print_json

    if json:
        print_json(diagnosis_json(diagnosis))
    else:
        print_diagnosis(console(), diagnosis)
    return int(diagnosis.blocks)
