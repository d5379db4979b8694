"""Shows progress: a table on a terminal, one line a change elsewhere."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gravel.request_progress import Progress, Verdict, describe_progress

STYLES: Mapping[Verdict, str] = {
    Verdict.READY: "green",
    Verdict.FAILED: "red",
    Verdict.DENIED: "red",
    Verdict.DELETED: "red",
    Verdict.PENDING: "yellow",
}
# Lines of the screen that the table's own header and footer take, and the prompt.
_FRAME = 3


class Lines:
    """Prints a request's line whenever it differs from its last one."""

    def __init__(self, console: Console, render: Callable[[Progress], str]) -> None:
        self._console, self._render = console, render
        self._last: dict[tuple[str, str], str] = {}

    def __call__(self, progress: Sequence[Progress]) -> None:
        """Print what changed."""
        for item in progress:
            line = self._render(item)
            if self._last.get((item.kind, item.key)) != line:
                self._last[item.kind, item.key] = line
                self._console.out(line, highlight=False)


def as_text(progress: Progress) -> str:
    """Render one line for people."""
    return describe_progress(progress)


def as_json(progress: Progress) -> str:
    """Render one line for programs."""
    return json.dumps({"event": "progress", **progress.to_json()}, separators=(",", ":"))


def table(progress: Sequence[Progress], height: int) -> Table:
    """Render the requests as a table that fits the screen; what is not over comes first when not all fits."""
    shown, room = list(progress), max(height - _FRAME, 1)
    if sum(_lines(item) for item in shown) > room:
        shown = _fitting(sorted(shown, key=lambda item: item.over), room)
    ready = sum(item.verdict is Verdict.READY for item in progress)
    grid = Table(box=None, pad_edge=False, header_style="bold", caption=f"{ready} of {len(progress)} Ready")
    grid.caption_justify = "left"
    for heading in ("REQUEST", "READY", "ORDER", "CHALLENGES"):
        grid.add_column(heading, overflow="fold" if heading == "CHALLENGES" else "ellipsis")
    for item in shown:
        cells = Text(item.key), Text(item.verdict, STYLES[item.verdict]), Text(item.order_state), _last_column(item)
        grid.add_row(*cells)
    return grid


def _fitting(progress: Sequence[Progress], room: int) -> list[Progress]:
    shown = []
    for item in progress:
        room -= _lines(item)
        if room < 0:
            break
        shown.append(item)
    return shown


def _lines(progress: Progress) -> int:
    return max(1, len(progress.challenges))


def _last_column(progress: Progress) -> Text:
    """Challenges while there are any, else the reason why there are none."""
    if progress.challenges and not progress.over:
        return Text("\n".join(map(str, progress.challenges)))
    return Text("" if progress.verdict is Verdict.READY else progress.message)
