"""Where a run that keeps nothing puts the files that it tells of."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def private_folder() -> Iterator[Path]:
    """Make a folder that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="gravel-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write_text(path: Path, text: str) -> str:
    """Write an ASCII text; return where it is."""
    path.write_text(text, encoding="ascii")
    return str(path)
