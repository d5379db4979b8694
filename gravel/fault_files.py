"""Rules from files, for `--faults`: JSON or YAML, a rule, a persona or a list of both."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click

from acme_server.faults.personas import read_rules
from acme_server.faults.rule import Rule
from issuer_bridge.yaml_documents import documents


def rules_of(paths: Iterable[str]) -> tuple[Rule, ...]:
    """Return the rules of all files, in order; UsageError says which file is wrong, and where."""
    return tuple(rule for path in paths for rule in _rules_in(path))


def _rules_in(path: str) -> Iterable[Rule]:
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise click.UsageError(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise click.UsageError(f"{path} is not UTF-8.") from None
    found = list(documents(text))
    if not found:
        raise click.UsageError(f"{path} holds no rule.")
    for document in found:
        where = f"{path}, line {document.line}" if len(found) > 1 or document.error else path
        if document.error:
            raise click.UsageError(f"{where}: {document.error}.")
        try:
            yield from read_rules(document.value)
        except ValueError as error:
            raise click.UsageError(f"{where}: {error}.") from None
