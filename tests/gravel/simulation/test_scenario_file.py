"""Scenarios in files: YAML as the table of fields has it, and nothing that is silently ignored."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gravel.simulation.scenario_fields import document_of, scenario_of
from gravel.simulation.scenario_file import presets, read_file, read_preset, read_text
from scheduler.simulator.delays import Delay
from scheduler.simulator.fleet import simulate
from scheduler.simulator.scenario import DAY, SECOND, Cluster, Renewals, Scenario, Solver

EXAMPLES = sorted((Path(__file__).parents[3] / "examples" / "scenarios").glob("*.yaml"))


def test_sections_are_read_field_by_field():
    text = """\
    certificates: 500
    until: 365d
    solver: {type: dns01, propagation: uniform 10s..90s, stuck: 5%}
    cluster:
      workers: 20
      version: 1.18.0
    renewals: {}
    """
    assert scenario_of(read_text(text, "fleet.yaml")) == Scenario(
        500,
        until=365 * DAY,
        solver=Solver("DNS-01", propagation=Delay("uniform", 10 * SECOND, 90 * SECOND), stuck=0.05),
        cluster=Cluster(workers=20, version="1.18.0"),
        renewals=Renewals(),
    )


WRONG = [
    ("cluster: {wokers: 5}", "x.yaml: cluster.wokers: unknown; did you mean workers?"),
    ("clustr: {}", "x.yaml: clustr: unknown; did you mean cluster?"),
    ("workers: 5", "x.yaml: workers: unknown; did you mean"),
    ("cluster: 5", "x.yaml: cluster: is no mapping"),
    ("cluster: {workers: many}", "x.yaml: cluster.workers: 'many' is no whole number from 1 to 10000000"),
    ("cluster: {version: 1.4}", "x.yaml: cluster.version: cert-manager 1.4 is not known; the oldest is 1.5"),
    ("arrivals: {law: bursts}", "x.yaml: arrivals.law: 'bursts' is unknown; did you mean burst?"),
    ("solver: {propagation: slowly}", "x.yaml: solver.propagation: 'slowly' is no duration; write 90s, 2m or 1h30m"),
    ("[1]", "x.yaml: is no mapping of a scenario's fields"),
    ("", "x.yaml has 0 documents; a scenario is one"),
    ("seed: 1\n---\nseed: 2", "x.yaml has 2 documents; a scenario is one"),
    ("seed: 1\nseed: 2", "x.yaml, line 2: the key 'seed' is there twice"),
    ("seed: [", "x.yaml, line 1: is not YAML"),
]


@pytest.mark.parametrize(("text", "sentence"), WRONG)
def test_a_mistake_is_told_with_its_place(text, sentence):
    with pytest.raises(ValueError) as complaint:
        read_text(text, "x.yaml")
    assert str(complaint.value).startswith(sentence)


def test_a_file_that_cannot_be_read_is_told(tmp_path):
    with pytest.raises(ValueError, match=r"fleet.yaml cannot be read: No such file"):
        read_file(tmp_path / "fleet.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"name: \xe9")
    with pytest.raises(ValueError, match=r"latin.yaml is not UTF-8"):
        read_file(tmp_path / "latin.yaml")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_can_be_run(path):
    assert simulate(scenario_of(read_file(path))).makespan > 0


def test_there_are_examples():
    assert EXAMPLES


@pytest.mark.parametrize("name", presets())
def test_a_preset_says_what_it_is_and_is_written_as_it_is_read(name):
    assert presets()[name].endswith(".")
    scenario = scenario_of(read_preset(name))
    assert scenario.name == name
    assert scenario_of(read_text(json.dumps(document_of(scenario)), "written")) == scenario


def test_a_preset_that_there_is_not_names_the_nearest():
    with pytest.raises(ValueError, match=r"fleet-50: unknown; did you mean fleet-500\?"):
        read_preset("fleet-50")
