"""docs/page.md: its pictures are there and small, its keys and paths are the page's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gravel.management.page_endpoints import FILES

DOCS = Path(__file__).parents[3] / "docs"
DOCUMENT = (DOCS / "page.md").read_text()


@pytest.mark.parametrize("name", ["orders", "order", "scheduler", "phone"])
def test_a_picture_is_there_and_small(name):
    assert f"](page/{name}.png)" in DOCUMENT
    picture = (DOCS / "page" / f"{name}.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert len(picture) < 200_000


def test_the_keys_are_those_that_the_page_tells_of():
    told = re.findall(r'\["([^"]+)", "[^"]+"\]', re.search(r"const KEYS = (.*);", (FILES / "page.js").read_text())[1])
    named = " ".join(
        re.findall(r"`([^`]+)`", DOCUMENT[DOCUMENT.index("| key |") : DOCUMENT.index("![On a telephone]")])
    )
    assert {*" ".join(told).replace("1 to 9", "1 9").split()} == {*named.split()}
