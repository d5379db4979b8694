"""`gravel backup`: the state of a house in one encrypted file."""

from __future__ import annotations

import os
from pathlib import Path

import click

from gravel.backup.options import key_options, service_of
from gravel.configuration import kubernetes_credential, management_url
from gravel.option_types import ORIGIN, TOKEN
from gravel.settings import FIELDS

EPILOG = """\
\b
Examples:
  gravel backup house.backup --key backup.key
  gravel backup house.backup --kms-command 'sh kms.sh'
  gravel backup house.backup --key backup.key --state ./state

It asks a gravel that runs with --state, at one moment of it; with --state DIR it reads the folder of one that does not.
COMMAND is run as `COMMAND wrap`, with 32 bytes in base64 on its standard input, and answers with base64 as well."""


@click.command(epilog=EPILOG)
@click.argument("file", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path))
@key_options
@click.option("--state", metavar="DIR", type=click.Path(file_okay=False, path_type=Path), help="The folder of --state.")
@click.option("--management", "url", metavar="URL", type=ORIGIN, help=FIELDS["management"].metadata["help"])
@click.option("--management-token", "token", metavar="TOKEN", type=TOKEN, help="What the API wants beyond loopback.")
def command(
    file: Path, key: Path | None, command: str | None, state: Path | None, url: str | None, token: str | None
) -> None:
    """Write the authorities' keys, accounts, orders, journal and resources into FILE, encrypted."""
    import secrets

    from gravel.backup.envelope import seal
    from gravel.backup.images import image_in
    from gravel.backup.key_service import KEY_SIZE, KeyFile
    from gravel.backup.private_file import write_private

    keys = service_of(key, command)
    if file.exists():
        raise click.ClickException(f"{file} is there already; choose another name, or delete it")
    image = image_in(state) if state else _image_at(url, token)
    if isinstance(keys, KeyFile) and not keys.path.exists():
        keys.create(secrets.token_bytes(KEY_SIZE))
        click.echo(f"Made the key {keys.path}; without it nobody can restore {file}.", err=True)
    write_private(file, seal(image, keys, secrets.token_bytes))


def _image_at(url: str | None, token: str | None) -> bytes:
    from contextlib import closing

    from gravel.fixture.management_client import ManagementError
    from gravel.tls_ca import trusting_client

    management = management_url(url, os.environ)
    try:
        with closing(
            trusting_client(management, kubernetes_credential("management_token", token, os.environ))
        ) as client:
            return client.download("/state")
    except ManagementError as error:
        raise click.ClickException(str(error)) from None
