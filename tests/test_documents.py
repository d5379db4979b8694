"""The documents tell the truth about the tables and the tree."""

import json
import re

import pytest

from acme_server.faults.personas import read_rules
from tests import seeds
from tests.documents import FILES, PARTS, ROOT, rendered
from tests.features import FEATURES


@pytest.mark.parametrize("name", [*PARTS, *FILES])
def test_the_generated_parts_are_fresh(name):
    assert rendered(name) == (ROOT / name).read_text(), "run: make docs"


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.text)
def test_a_feature_is_shown_by_a_test_that_there_is(feature):
    file, _, function = feature.test.partition("::")
    assert f"def {function}(" in (ROOT / "tests" / file).read_text()


def test_every_file_that_is_named_exists():
    named = re.findall(r"`([a-z_]+(?:/[a-z_0-9]+)*\.py)`", (ROOT / "ARCHITECTURE.md").read_text())
    missing = [name for name in named if not ((ROOT / name).exists() or (ROOT / "acme_server" / name).exists())]
    assert missing == []


def test_the_rules_on_the_page_of_faults_can_be_armed():
    blocks = re.findall(r"```json\n(.+?)```", (ROOT / "docs/faults.md").read_text(), re.DOTALL)
    assert [len(read_rules(json.loads(block))) for block in blocks] == [1]


def test_a_marker_names_rows_that_there_are():
    known = [row.id for row in seeds.ROWS + seeds.CONTRADICTIONS]
    assert (len(seeds.ROWS), len(dict.fromkeys(known))) == (159, 178)
    assert sorted(seeds.proofs().keys() - known) == []


@pytest.mark.parametrize("row", seeds.ROWS, ids=lambda row: row.id)
def test_a_row_has_a_test_or_a_page_or_says_what_is_missing(row):
    assert bool(row.page or row.id in seeds.proofs()) != bool(row.missing)
    assert (row.place == seeds.PROSE) == bool(row.page)
    assert not row.page or seeds.has_heading(row.page)


@pytest.mark.parametrize("one", seeds.CONTRADICTIONS, ids=lambda one: one.id)
def test_a_contradiction_has_a_test(one):
    assert seeds.shown_by(one.id)
