"""The report of a matrix: for the terminal, as JSON, as JUnit XML, as an HTML page, as Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any
from xml.etree import ElementTree as ET

import attrs
from rich.markup import escape as escape_markup
from rich.table import Table

from conformance.clients.matrix import Cell, Word
from conformance.clients.recipe import Act
from conformance.html_page import STYLE

STYLES: Mapping[Word, str] = {
    Word.PASS: "green",
    Word.FAIL: "bold red",
    Word.NOT_PRESENT: "dim",
    Word.NOT_SPOKEN: "dim",
    Word.NOT_REACHABLE: "yellow",
}


def counted(cells: Sequence[Cell]) -> str:
    """Return how many there are of each word."""
    counts = Counter(cell.word for cell in cells)
    return ", ".join(f"{counts[word]} {word}" for word in Word if counts[word])


def exit_status(cells: Sequence[Cell]) -> int:
    """1 when a client fails; else 0 when one passed, and 3 when none could be tried."""
    words = {cell.word for cell in cells}
    return 1 if Word.FAIL in words else 0 if Word.PASS in words else 3


def rows(cells: Iterable[Cell]) -> dict[tuple[str, str, str], dict[Act, Cell]]:
    """Return the matrix: client, version, challenge -> act -> cell."""
    found: dict[tuple[str, str, str], dict[Act, Cell]] = {}
    for cell in cells:
        found.setdefault((cell.client, cell.version, cell.challenge), {})[cell.act] = cell
    return found


def short(cell: Cell) -> str:
    """Return a cell's word, with the seconds of what was run."""
    return f"{cell.word} {cell.seconds:.1f} s" if cell.command else str(cell.word)


def table(cells: Sequence[Cell]) -> Table:
    """Lay a matrix out for the terminal; below it, why clients failed or were not reached."""
    shown = Table("client", "version", "challenge", *Act, caption=counted(cells))
    for key, acts in rows(cells).items():
        words = (f"[{STYLES[cell.word]}]{short(cell)}[/{STYLES[cell.word]}]" for cell in acts.values())
        shown.add_row(*map(escape_markup, key), *words)
    return shown


def failures(cells: Sequence[Cell]) -> Iterable[str]:
    """Yield a paragraph a failure: the cell, the command, and the client's last words."""
    for cell in cells:
        if cell.word in (Word.FAIL, Word.NOT_REACHABLE):
            head = f"{cell.client}, {cell.challenge}, {cell.act}: {cell.word}"
            yield "\n".join(filter(None, (head, cell.command and f"$ {cell.command}", cell.why)))


def to_json(directory: str, cells: Sequence[Cell]) -> dict[str, Any]:
    """Return the whole run."""
    documents = [{**attrs.asdict(cell), "seconds": round(cell.seconds, 3)} for cell in cells]
    return {"directory": directory, "summary": counted(cells), "cells": documents}


def to_junit(directory: str, cells: Sequence[Cell]) -> str:
    """Return JUnit XML: what fails is a failure, what was not tried is skipped."""
    failed = sum(cell.word is Word.FAIL for cell in cells)
    skipped = sum(cell.word not in (Word.PASS, Word.FAIL) for cell in cells)
    suite = ET.Element("testsuite", name=f"ACME clients: {directory}", tests=str(len(cells)))
    suite.attrib.update(failures=str(failed), errors="0", skipped=str(skipped))
    for cell in cells:
        place = {"classname": f"{cell.client} {cell.challenge}", "name": cell.act, "time": f"{cell.seconds:.3f}"}
        case = ET.SubElement(suite, "testcase", place)
        if cell.word is not Word.PASS:
            kind = "failure" if cell.word is Word.FAIL else "skipped"
            first = cell.why.partition("\n")[0]
            ET.SubElement(case, kind, message=_printable(f"{cell.word}: {first}")).text = _printable(cell.why)
        if cell.command:
            ET.SubElement(case, "system-out").text = _printable(cell.command)
    ET.indent(suite)
    return ET.tostring(suite, "unicode", xml_declaration=True) + "\n"


def _printable(text: str) -> str:
    """Leave out what XML cannot hold: clients print colours."""
    return "".join(character if character.isprintable() or character in "\n\t" else "?" for character in text)


def html_page(directory: str, cells: Sequence[Cell]) -> str:
    """Return one page that needs nothing else; commands and last words are folded away in their cells."""
    title = f"ACME clients: {escape(directory)}"
    head = "".join(f"<th>{escape(word)}</th>" for word in ("client", "version", "challenge", *Act))
    body = "\n".join(
        f"<tr>{''.join(f'<td>{escape(word)}</td>' for word in key)}{''.join(map(_html_cell, acts.values()))}</tr>"
        for key, acts in rows(cells).items()
    )
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>{STYLE}</style></head>
<body><h1>{title}</h1><p>{escape(counted(cells))}</p>
<table><thead><tr>{head}</tr></thead>
<tbody>
{body}
</tbody></table></body></html>
"""


def _html_cell(cell: Cell) -> str:
    text = "\n".join(filter(None, (cell.command, cell.why)))
    more = f"<details><summary>more</summary><pre>{escape(text)}</pre></details>" if text else ""
    return f'<td class="{cell.word.replace(" ", "-")}">{escape(short(cell))}{more}</td>'


def to_markdown(runs: Mapping[str, Sequence[Cell]]) -> str:
    """Lay matrices out side by side, server -> cells; then the commands that were run, and the failures."""
    servers = list(runs)
    lines = [f"| client | version | challenge | {' | '.join(f'{act}: {one}' for act in Act for one in servers)} |"]
    lines += [f"|---|---|---|{'---|' * (len(Act) * len(servers))}"]
    matrices = [rows(cells) for cells in runs.values()]
    for key in matrices[0]:
        words = (_markdown_word(matrix[key][act]) for act in Act for matrix in matrices)
        lines.append(f"| {' | '.join((*key, *words))} |")
    lines += ["", "## Commands", ""]
    first = next(iter(runs.values()))
    for cell in first:
        if cell.command:
            lines += [f"{cell.client}, {cell.challenge}, {cell.act}:", "", *_code(cell.command), ""]
    lines += ["## Failures", ""]
    for server, cells in runs.items():
        told = list(failures(cells))
        lines += [f"**{server}**" + ("" if told else ": none."), ""]
        for text in told:
            lines += [*_code(text), ""]
    return "\n".join(lines).rstrip() + "\n"


def _markdown_word(cell: Cell) -> str:
    return f"**{short(cell)}**" if cell.word is Word.FAIL else short(cell)


def _code(text: str) -> list[str]:
    return [f"    {line}".rstrip() for line in text.splitlines()]
