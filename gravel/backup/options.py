"""What `gravel backup` and `gravel restore` share: the key that is asked for, and how they fail."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import click

Command: TypeAlias = Callable[..., Any]


def key_options(function: Command) -> Command:
    """Add `--key FILE` and `--kms-command COMMAND`; what goes wrong with a key or a file is one sentence."""

    @functools.wraps(function)
    def call(**given: Any) -> Any:
        from gravel.backup.images import Unfit
        from gravel.backup.key_service import Refused

        try:
            return function(**given)
        except (Refused, Unfit) as error:
            raise click.ClickException(str(error)) from None
        except OSError as error:
            name = f"{error.filename}: " if error.filename else ""
            raise click.ClickException(f"{name}{(error.strerror or str(error)).lower()}") from None

    path = click.Path(dir_okay=False, path_type=Path)
    key = click.option(
        "--key", metavar="FILE", type=path, help="File with the key; `backup` makes one that is not there."
    )
    command = click.option(
        "--kms-command", "command", metavar="COMMAND", help="Command that wraps and unwraps the key, such as a KMS's."
    )
    return key(command(call))


def service_of(key: Path | None, command: str | None) -> Any:
    """Return the key service that the options name."""
    from gravel.backup.key_service import KeyCommand, KeyFile

    if (key is None) == (command is None):
        raise click.UsageError("give --key FILE or --kms-command COMMAND: a backup has private keys in it")
    if key is not None:
        return KeyFile(key)
    try:
        return KeyCommand.of(command or "")
    except ValueError as error:
        raise click.UsageError(f"--kms-command: {error}") from None
