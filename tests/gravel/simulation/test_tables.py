"""A run as tables and as CSV."""

from __future__ import annotations

import csv
import io

import pytest
from rich.console import Console

from gravel.simulation.durations import spoken, unit_for
from gravel.simulation.tables import question, rows, table, write_csv
from scheduler.simulator.fleet import simulate
from scheduler.simulator.scenario import HOUR, Authority, Scenario, Solver
from scheduler.simulator.summary import summarise


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (0, "0 s"),
        (8500, "8.5 s"),
        (59_999, "60 s"),
        (60_000, "1 min"),
        (1_504_000, "25 min 4 s"),
        (18_000_000, "5 h"),
        (18_059_000, "5 h 1 min"),
        (349_200_000, "4 d 1 h"),
    ],
)
def test_a_duration_is_said_in_its_two_largest_units(milliseconds, text):
    assert spoken(milliseconds) == text


@pytest.mark.parametrize(
    ("milliseconds", "sign"), [(0, "s"), (179_999, "s"), (180_000, "min"), (3 * HOUR, "h"), (72 * HOUR, "d")]
)
def test_an_axis_has_at_least_three_of_its_unit(milliseconds, sign):
    assert unit_for(milliseconds).sign == sign


def test_the_question_comes_first_and_then_the_answer():
    run = simulate(Scenario(10, name="ten"))
    out = io.StringIO()
    Console(file=out, width=120).print(table(run.scenario, summarise(run)))
    lines = out.getvalue().splitlines()
    assert lines[0].rstrip() == "ten: 10 certificates over HTTP-01, cap 60, 5 workers, seed 0" == question(run.scenario)
    assert lines[1].split() == ["makespan", "18", "s"]


def test_only_what_there_is_to_say_is_said():
    run = simulate(Scenario(310, authority=Authority(limits="letsencrypt"), until=HOUR // 2))
    told = dict(rows(summarise(run)))
    assert told["requests"] == "310, 300 issued, 10 failed"
    assert told["limits hit"] == "NewOrdersPerAccount 10 times"
    assert "renewed too late" not in told
    assert "limits hit" not in dict(rows(summarise(simulate(Scenario(1)))))


def test_csv_has_a_row_for_each_certificate_and_each_challenge_in_seconds(tmp_path):
    run = simulate(Scenario(7, solver=Solver("DNS-01", stuck=0.5), until=HOUR))
    certificates, challenges = (
        list(csv.DictReader(io.StringIO(path.read_text()))) for path in write_csv(run, tmp_path)
    )
    assert len(certificates) == len(challenges) == 7
    assert certificates[0].keys() == {"certificate", "created_s", "issued_s", "failed_s", "attempt"}
    decided = [row["decided_s"] for row in challenges]
    assert "" in decided
    assert "61.000" in decided
    assert {row["state"] for row in challenges} == {"", "valid"}
