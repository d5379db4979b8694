"""`gravel restore`: the folder of a house, from an encrypted file."""

from __future__ import annotations

from pathlib import Path

import click

from gravel.backup.options import key_options, service_of

EPILOG = """\
\b
Examples:
  gravel restore house.backup --key backup.key --state ./state
  gravel restore house.backup --kms-command 'sh kms.sh' --state ./state

Then start gravel with the same --state, and with the ports or the --base-url that it had."""


@click.command(epilog=EPILOG)
@click.argument("file", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@key_options
@click.option(
    "--state",
    metavar="DIR",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder to make; one that has a state is left alone.",
)
def command(file: Path, key: Path | None, command: str | None, state: Path) -> None:
    """Make the folder DIR of what `gravel backup` wrote into FILE; or change nothing, and say why."""
    from gravel.backup.envelope import Broken, unseal
    from gravel.backup.images import write_image

    keys = service_of(key, command)
    try:
        image = unseal(file.read_bytes(), keys)
    except Broken as error:
        raise click.ClickException(f"{file} {error}") from None
    write_image(image, state)
