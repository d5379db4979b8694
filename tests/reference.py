"""The reference pages that `make docs` writes: the command line from click, the options from the table of settings."""

import inspect

import attrs
import click

from gravel.cli import VERBS, gravel
from gravel.configuration import FIELDS
from gravel.option_types import METAVARS
from gravel.server_settings import ServerSettings

_CLI = """\
# Command line

<!-- All of this page is made by `make docs`. -->

`gravel VERB --help` says the same. Options that several verbs share are in [configuration](configuration.md), where variables
and `gravel.toml` can set them too.
"""
_CONFIGURATION = """\
# Configuration

<!-- All of this page is made by `make docs`. -->

A key `acme-port` is the flag `--acme-port`, the variable `GRAVEL_ACME_PORT` and `acme-port = 0` in `gravel.toml` of the current
folder, or of the file that `--config` or `GRAVEL_CONFIG` names. Flags go before variables, those before the file; an unknown
key is an error that names the nearest. What may be repeated is a list in the file, and has commas in a variable.
"""


def command_line():
    return "\n".join([_CLI, *(_verb(name, line) for name, line in VERBS.items())])


def _verb(name, line):
    command = gravel.get_command(None, name)
    context = click.Context(command, info_name=f"gravel {name}")
    # What goes on raw has its flags in its epilog.
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    parameters = [each for each in command.params if isinstance(each, click.Option)]
    shared = [each.opts[0] for each in parameters if each.opts[0].removeprefix("--") in FIELDS]
    own = [each for each in parameters if each.opts[0].removeprefix("--") not in FIELDS and each.name != "config"]
    text = inspect.cleandoc(command.help).replace("\n\n", "\0").replace("\n", " ").replace("\0", "\n\n")
    parts = [f"## {name}", text or line, f"```text\n{usage}\n```"]
    if own:
        parts.append("\n".join(["| option | |", "|---|---|", *(_row(each) for each in own)]))
    if shared:
        parts.append(
            f"And {len(shared)} options that have `{name}` among their verbs in [configuration](configuration.md)."
        )
    if command.epilog:
        parts.append(f"```text\n{command.epilog.replace(chr(8) + chr(10), '').strip()}\n```")
    return "\n\n".join(parts) + "\n"


def _row(option):
    metavar = f" {option.metavar}" if option.metavar and not option.is_flag else ""
    return f"| `{' '.join(option.opts)}{metavar}` | {_cell(option.help or '')} |"


def configuration():
    bridge = [each for each in FIELDS.values() if each.name not in attrs.fields_dict(ServerSettings)]
    servers = [each for each in FIELDS.values() if each.name in attrs.fields_dict(ServerSettings)]
    parts = (("The servers, and where clients find them", servers), ("The bridge, and what a run is like", bridge))
    return "\n".join([_CONFIGURATION, *(_settings(title, fields) for title, fields in parts)])


def _settings(title, fields):
    rows = [
        f"| `{field.name.replace('_', '-')}` | {_value(field)} | {', '.join(field.metadata['verbs'])} | "
        f"{_cell(field.metadata['help'])} |"
        for field in fields
    ]
    return "\n".join([f"## {title}\n", "| key | value | verbs | |", "|---|---|---|---|", *rows, ""])


def _value(field):
    kind, default = field.metadata["kind"], field.default
    shown = METAVARS.get(kind) or ("" if kind is click.BOOL else _choices(kind))
    said = "" if default in (None, (), False) else f"{', '.join(default) if isinstance(default, tuple) else default}"
    return " ".join([f"`{shown}`" if shown else "on or off", *([f"({said})"] if said else [])]).replace("|", "\\|")


def _choices(kind):
    return " ".join(map(str, kind.choices)) if isinstance(kind, click.Choice) else kind.name.upper()


def _cell(text):
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
