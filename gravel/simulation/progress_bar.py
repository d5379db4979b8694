"""A bar on standard error, for what takes longer than a second, on a terminal only."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

_PATIENCE = 1.0


@contextmanager
def bar(text: str) -> Iterator[Callable[[float], None]]:
    """Yield what is to be told the share that is done, from 0 to 1."""
    begun, show = time.monotonic(), None

    def told(share: float) -> None:
        nonlocal show
        if show is None and time.monotonic() - begun > _PATIENCE:
            show = _shown(text, stack) if sys.stderr.isatty() else lambda _: None
        if show:
            show(share)

    with ExitStack() as stack:
        yield told


def _shown(text: str, stack: ExitStack) -> Callable[[float], None]:
    from rich.console import Console
    from rich.progress import Progress

    progress = stack.enter_context(Progress(console=Console(stderr=True), transient=True))
    task = progress.add_task(text, total=1.0)
    return lambda share: progress.update(task, completed=share)
