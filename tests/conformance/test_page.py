"""The page that `make conformance` writes."""

from bench.conformance_page import PAGE
from conformance.table import CHECKS
from conformance.verdict import Level


def test_the_page_has_every_check_as_it_is_now():
    rows = [
        line.split(" | ") for line in PAGE.read_text().splitlines() if any(f" | {level} | " in line for level in Level)
    ]
    assert [(row[0].removeprefix("| "), row[1], row[2]) for row in rows] == [
        (one.section, one.level, one.sentence) for one in CHECKS
    ], "run: make conformance"
