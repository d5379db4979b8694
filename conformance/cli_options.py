"""Options that the suites' command lines share: URLs, certificates, reports."""

from __future__ import annotations

import re
import ssl
from pathlib import Path

import click

FILE = click.Path(dir_okay=False, path_type=Path)


def url(context: click.Context, option: click.Parameter, text: str | None) -> str | None:
    """Read an http or https URL."""
    del context, option
    if text is not None and not re.fullmatch(r"https?://[^/\s]+(/\S*)?", text):
        raise click.BadParameter(f"{text!r} is no http or https URL.")
    return text


def pem(context: click.Context, option: click.Parameter, path: Path | None) -> Path | None:
    """Find out before the run whether a file holds certificates."""
    del context, option
    try:
        ssl.create_default_context(cafile=path)
    except (ssl.SSLError, OSError) as error:
        raise click.BadParameter(f"{path} holds no certificates in PEM: {error}") from None
    return path


def report(context: click.Context, option: click.Parameter, path: Path | None) -> Path | None:
    """Find out before the run whether a report can be written."""
    del context, option
    try:
        if path is not None:
            path.open("a").close()
    except OSError as error:
        raise click.BadParameter(f"{path} cannot be written: {error.strerror}.") from None
    return path


def write(path: Path | None, text: str) -> None:
    """Write a report, where one is wanted."""
    if path is not None:
        path.write_text(text, encoding="utf-8")
