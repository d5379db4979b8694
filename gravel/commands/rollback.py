"""`gravel rollback`: puts an earlier certificate back into its Secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gravel.client_command import DEFAULT_NAMESPACE, json_option, namespace_option, run_client, url_option
from gravel.option_types import COUNT

if TYPE_CHECKING:
    from gravel.kube_client import KubeClient

EPILOG = """\
\b
Examples:
  gravel rollback www
  gravel rollback www --to-revision 1 -n shop
\b
An earlier certificate is in the CertificateRequest of its revision: spec.revisionHistoryLimit says how many are kept (one,
unless it is set), and with spec.privateKey.rotationPolicy: Never all revisions have one key. It stays until it is due for
renewal; what was wrong with the newer one, nobody has mended by that."""


@click.command(epilog=EPILOG)
@click.argument("name")
@namespace_option
@click.option("--to-revision", type=COUNT, metavar="NUMBER", help="The revision [the one before the current one].")
@json_option
@url_option
def command(name: str, namespace: str | None, to_revision: int | None, *, json: bool, url: str) -> None:
    """Go back to an earlier certificate of the Certificate NAME."""
    run_client(url, lambda client: _roll_back(client, namespace or DEFAULT_NAMESPACE, name, to_revision, json=json))


async def _roll_back(client: KubeClient, namespace: str, name: str, to: int | None, *, json: bool) -> int:
    from gravel.certificate_text import certificate_summary
    from gravel.output import print_json
    from gravel.rolling_back import rolled_back
    from issuer_bridge.resources import CERTIFICATE, CERTIFICATE_REQUEST, SECRET

    certificate = await client.get(CERTIFICATE, namespace, name)
    if certificate is None:
        raise click.ClickException(f"there is no Certificate {namespace}/{name}")
    secret_name = certificate["spec"]["secretName"]
    secret = await client.get(SECRET, namespace, secret_name)
    if secret is None:
        raise click.ClickException(f"there is no Secret {namespace}/{secret_name}")
    requests = (await client.list(CERTIFICATE_REQUEST, namespace)).items
    try:
        revision, wanted = rolled_back(certificate, requests, secret, to)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    written = await client.replace(SECRET, wanted)
    summary = certificate_summary(written["data"]["tls.crt"])
    shown = summary if isinstance(summary, dict) else {}
    if json:
        print_json(
            {"event": "rolled back", "secret": secret_name, "namespace": namespace, "revision": revision, **shown}
        )
    else:
        click.echo(
            f"secret/{secret_name} has the certificate of revision {revision} again, until {shown.get('notAfter')}"
        )
    return 0
