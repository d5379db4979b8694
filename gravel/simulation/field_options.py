"""The flags of a scenario: one for each row of the table of fields, below headings in `--help`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import attrs
import click
from click.shell_completion import CompletionItem

from gravel.simulation.scenario_fields import BY_PATH, SECTIONS, Field
from gravel.simulation.value_kinds import FLAG

F = TypeVar("F", bound=Callable[..., Any])
_ALIASES = {"certificates": ("--challenges",)}


class FieldType(click.ParamType[Any]):
    """Reads a value as a file's is read; completes the words that it may be."""

    def __init__(self, field: Field) -> None:
        self.name = field.flag
        self._kind = field.kind

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the value, or BadParameter."""
        try:
            return self._kind.read(value)
        except ValueError as error:
            self.fail(f"{error}.", param, ctx)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Return the words that begin like this."""
        del ctx, param
        words = self._kind.metavar.split("|")
        return [CompletionItem(word) for word in words if len(words) > 1 and word.startswith(incomplete)]


class FieldCommand(click.Command):
    """A command whose help has the scenario's flags section by section."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the command's own options, then those of each section."""
        sections: dict[str, list[tuple[str, str]]] = {"Options": [], "Scenario": []}
        sections |= {f"Scenario: {name}": [] for name in SECTIONS}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record and isinstance(parameter, click.Option):
                sections[_section(parameter.name or "")].append(record)
        for title, records in sections.items():
            with formatter.section(title):
                formatter.write_dl(records)


def _section(name: str) -> str:
    if name not in _PATHS:
        return "Options"
    section, _, _ = _PATHS[name].rpartition(".")
    return f"Scenario: {section}" if section else "Scenario"


_PATHS = {path.replace(".", "_"): path for path in BY_PATH}


def field_options(function: F) -> F:
    """Add the flags; `values_given` picks their values out of what the command is called with."""
    for name, path in reversed(_PATHS.items()):
        function = _option(name, BY_PATH[path])(function)
    return function


def values_given(parameters: dict[str, Any]) -> dict[str, Any]:
    """Take the scenario's values, by path, out of a command's parameters; what was not said is not there."""
    taken = {path: parameters.pop(name) for name, path in _PATHS.items()}
    return {path: value for path, value in taken.items() if value is not None}


def _option(name: str, field: Field) -> Callable[[F], F]:
    flags = (f"--{field.flag}", *_ALIASES.get(field.path, ()))
    if field.kind is FLAG:
        return click.option(*flags, name, is_flag=True, default=None, help=field.help)
    known = field.default not in (attrs.NOTHING, None, (), "")
    text = f"{field.help} [{field.kind.write(field.default)}]" if known else field.help
    return click.option(*flags, name, type=FieldType(field), metavar=field.kind.metavar, help=text)
