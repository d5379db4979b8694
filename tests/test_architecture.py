"""ARCHITECTURE.md tells the truth about the tables and the tree."""

import re
from pathlib import Path

from tests.architecture import DOCUMENT, rendered

ROOT = Path(__file__).parent.parent


def test_the_generated_parts_are_fresh():
    text = DOCUMENT.read_text()
    assert rendered(text) == text, "run: make docs"


def test_every_file_that_is_named_exists():
    named = re.findall(r"`([a-z_]+(?:/[a-z_0-9]+)*\.py)`", DOCUMENT.read_text())
    missing = [name for name in named if not ((ROOT / name).exists() or (ROOT / "acme_server" / name).exists())]
    assert missing == []
