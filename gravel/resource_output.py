"""The forms in which `gravel get` shows resources: a table, YAML, JSON or names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

import click

from gravel.client_command import resource_name
from gravel.output import console
from gravel.printing import as_list, json_text, print_row, print_table, yaml_text
from gravel.tables import columns, headings, row
from issuer_bridge.kube_api.columns import Column
from issuer_bridge.resources import Kind, Resource

Found = Sequence[tuple[Kind, Sequence[Resource]]]


class Output(Protocol):
    """Shows what is there, then changes."""

    def show(self, found: Found, *, single: bool, now: datetime) -> None:
        """Show resources by kind; single: one was asked for by its name."""
        ...

    def change(self, kind: Kind, resource: Resource, now: datetime) -> None:
        """Show one resource that changed."""
        ...


def output_of(name: str, *, all_namespaces: bool) -> Output:
    """Return the output that an option names."""
    if name == "table":
        return TableOutput(all_namespaces=all_namespaces)
    return NameOutput() if name == "name" else DocumentOutput(*_DOCUMENTS[name])


class TableOutput:
    """One table a kind."""

    def __init__(self, *, all_namespaces: bool) -> None:
        self._all_namespaces = all_namespaces
        self._console = console()
        self._wide: list[int] = []

    def show(self, found: Found, *, single: bool, now: datetime) -> None:
        """Print the tables of the kinds that there are, an empty line between them."""
        del single
        shown = [(kind, items) for kind, items in found if items]
        for index, (kind, items) in enumerate(shown):
            if index:
                self._console.print()
            cells = [row(self._columns(kind), item, now) for item in items]
            self._wide = print_table(self._console, headings(self._columns(kind)), cells)

    def change(self, kind: Kind, resource: Resource, now: datetime) -> None:
        """Print one more row; the first one of all brings the header."""
        shown = self._columns(kind)
        cells = row(shown, resource, now)
        if self._wide:
            print_row(self._console, headings(shown), cells, self._wide)
        else:
            self._wide = print_table(self._console, headings(shown), [cells])

    def _columns(self, kind: Kind) -> tuple[Column, ...]:
        return columns(kind, namespace=self._all_namespaces)


class DocumentOutput:
    """Whole objects; several at once as a List."""

    def __init__(self, render: Callable[[Resource], str], separator: str) -> None:
        self._render, self._separator = render, separator

    def show(self, found: Found, *, single: bool, now: datetime) -> None:
        """Print one document."""
        del now
        items = [item for _, some in found for item in some]
        if items or not single:
            click.echo(self._render(items[0] if single else as_list(items)), nl=False)

    def change(self, kind: Kind, resource: Resource, now: datetime) -> None:
        """Print one more document."""
        del kind, now
        click.echo(self._separator + self._render(resource), nl=False)


class NameOutput:
    """Names that other commands take."""

    def show(self, found: Found, *, single: bool, now: datetime) -> None:
        """Print one name a line."""
        del single
        for kind, items in found:
            for item in items:
                self.change(kind, item, now)

    def change(self, kind: Kind, resource: Resource, now: datetime) -> None:
        """Print one name."""
        del now
        click.echo(resource_name(kind, resource["metadata"]["name"]))


_DOCUMENTS: dict[str, tuple[Callable[[Resource], str], str]] = {"yaml": (yaml_text, "---\n"), "json": (json_text, "")}
