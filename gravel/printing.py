"""Prints resources: tables with colour on a terminal only, and YAML as kubectl writes it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import yaml

from gravel.tables import padded, style, widths
from issuer_bridge.resources import Resource

if TYPE_CHECKING:
    from rich.console import Console


def print_table(
    console: Console, heading: Sequence[str], rows: Sequence[Sequence[str]], *, indent: str = ""
) -> list[int]:
    """Print rows under their headings; lines are never wrapped or cut. Return the widths used."""
    wide = widths([heading, *rows])
    print_row(console, heading, heading, wide, indent, coloured=False)
    for cells in rows:
        print_row(console, heading, cells, wide, indent)
    return wide


def print_row(
    console: Console,
    heading: Sequence[str],
    cells: Sequence[str],
    wide: Sequence[int],
    indent: str = "",
    *,
    coloured: bool = True,
) -> None:
    """Print one row."""
    from rich.text import Text

    parts = [
        (text, style(name, cell) if coloured else "")
        for name, cell, text in zip(heading, cells, padded(cells, wide), strict=True)
    ]
    line = Text.assemble(indent, *parts)
    line.rstrip()
    console.print(line, soft_wrap=True)


def json_text(document: Any) -> str:
    """Return indented JSON with sorted keys, as `kubectl get -o json` prints it."""
    return json.dumps(document, indent=4, sort_keys=True, ensure_ascii=False) + "\n"


class _Dumper(yaml.SafeDumper):
    """Block style, strings of several lines as `|`, strings that look like something else in double quotes."""

    def ignore_aliases(self, data: Any) -> bool:
        del data
        return True


_STRING = "tag:yaml.org,2002:str"


def _string(dumper: Any, text: str) -> yaml.ScalarNode:
    style = None
    if "\n" in text:
        style = "|"
    elif dumper.resolve(yaml.ScalarNode, text, (True, False)) != _STRING:
        style = '"'
    node: yaml.ScalarNode = dumper.represent_scalar(_STRING, text, style)
    return node


_Dumper.add_representer(str, _string)


def yaml_text(document: Any) -> str:
    """Return YAML as `kubectl get -o yaml` prints it: sorted keys, lines never folded."""
    return yaml.dump(document, Dumper=_Dumper, default_flow_style=False, allow_unicode=True, width=float("inf"))


def as_list(items: Sequence[Resource]) -> Resource:
    """Return the List that kubectl prints for several objects."""
    return {"apiVersion": "v1", "items": list(items), "kind": "List", "metadata": {"resourceVersion": ""}}
