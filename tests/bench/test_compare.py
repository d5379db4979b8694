"""The comparison itself: one small round of each server, and what is said when one is missing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

COMPARE = Path(__file__).parents[2] / "bench/compare.py"


def compare(*options, path=os.environ["PATH"]):
    command = [sys.executable, COMPARE, *options]
    environment = {**os.environ, "PATH": path}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100, check=False)


@pytest.mark.client("pebble")
def test_a_round_measures_both_servers_and_compares_them(tmp_path):
    report = tmp_path / "report.json"
    done = compare("--rounds", "1", "--certificates", "4", "--concurrency", "2", "--json", report)
    assert done.returncode == 0, done.stderr
    assert "CPU ms per certificate" in done.stdout
    document = json.loads(report.read_text())
    runs = {name: rounds[0] for name, rounds in document["runs"].items()}
    assert {name: run["certificates"] for name, run in runs.items()} == {"gravel": 4, "pebble": 4}
    assert all(run["requests_per_certificate"] >= 5 and run["server"]["peak_mb"] > 1 for run in runs.values())
    rates = [runs[name]["certificates_per_s"] for name in ("gravel", "pebble")]
    assert document["ratios"]["certificates/s"]["pairwise"] == [rates[0] / rates[1]]


def test_a_missing_pebble_is_one_sentence_that_says_how_to_get_it(tmp_path):
    done = compare(path=str(tmp_path))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "Error: pebble is not installed; Debian and Ubuntu have it: apt install pebble\n"
