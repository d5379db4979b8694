"""Command lines as Go's `flag` package reads them: `-name value`, `--name=value`, and booleans without a value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

TRUE, FALSE = ("1", "t", "T", "true", "TRUE", "True"), ("0", "f", "F", "false", "FALSE", "False")


def parse(arguments: Sequence[str], defaults: Mapping[str, str | bool]) -> dict[str, str | bool]:
    """Return the value of every flag; the type of its default says which kind it is. UsageError: what is wrong."""
    values, left = dict(defaults), list(arguments)
    while left:
        argument = left.pop(0)
        if argument == "--" or len(argument) < 2 or not argument.startswith("-"):
            stray = left if argument == "--" else [argument, *left]
            if stray:
                raise click.UsageError(f"invalid command line arguments: {' '.join(stray)}")
            break
        name, given, value = argument.removeprefix("-").removeprefix("-").partition("=")
        if name not in defaults:
            raise click.UsageError(f"flag provided but not defined: -{name}; there are -{', -'.join(defaults)}")
        if isinstance(defaults[name], bool):
            values[name] = _boolean(name, value) if given else True
        elif given:
            values[name] = value
        elif left:
            values[name] = left.pop(0)
        else:
            raise click.UsageError(f"flag needs an argument: -{name}")
    return values


def _boolean(name: str, value: str) -> bool:
    if value not in (*TRUE, *FALSE):
        raise click.UsageError(f'invalid boolean value "{value}" for -{name}')
    return value in TRUE


# For click.command: it hands all arguments on, its own --help among them.
RAW: Mapping[str, Any] = {"context_settings": {"ignore_unknown_options": True}, "add_help_option": False}
_HELP = ("-h", "-help", "--h", "--help")


def wants_help(arguments: Sequence[str]) -> bool:
    """Print the help of the running command if it is asked for."""
    if not any(argument in _HELP for argument in arguments):
        return False
    click.echo(click.get_current_context().get_help())
    return True
