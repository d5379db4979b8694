"""docs/issuer-conformance.md has every check, as the table of checks has it."""

import re
from pathlib import Path

from conformance.issuer.table import CHECKS
from tests.conformance.issuer.mutants import MUTANTS

PAGE = (Path(__file__).parents[3] / "docs/issuer-conformance.md").read_text()


def test_the_page_has_every_check_in_its_order():
    rows = re.findall(r"^\| (\w+) \| (MUST|SHOULD|MAY) \| (.+?) \|", PAGE, re.MULTILINE)
    assert rows == [(one.section, one.level, one.sentence) for one in CHECKS]


def test_what_the_page_says_is_caught_has_a_broken_issuer():
    caught = re.findall(r"\| `(\w+)` \|$", PAGE, re.MULTILINE)
    assert len(caught) > 10
    assert [name for name in caught if name not in MUTANTS] == []
