"""Executables called `pebble` and `pebble-challtestsrv`, for suites that look for those on PATH."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import click

SHIMS = ("pebble", "pebble-challtestsrv")
# -P: a suite's own folder must not be where modules are looked for.
_OURS = "-P -c 'from gravel.cli import main; main()'"


def install(folder: Path) -> None:
    """Write one for each into a folder; a file that is no shim of ours stays. ClickException: what is in the way."""
    for name in SHIMS:
        path = folder / name
        text = f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {_OURS} {name} "$@"\n'
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if path.exists() and _OURS not in path.read_text("utf-8", "replace"):
                raise click.ClickException(f"{path} is somebody else's; choose another folder")
            path.write_text(text, encoding="utf-8")
            path.chmod(0o755)
        except OSError as error:
            raise click.ClickException(f"{path} cannot be written: {error.strerror}") from None
        click.echo(path)
