"""The fleet against a real cert-manager: 80 DNS-01 challenges at once, cap 60, 5 workers."""

import json
from pathlib import Path

import attrs
import pytest

from scheduler.simulator.delays import fixed
from scheduler.simulator.fleet import simulate
from scheduler.simulator.recording import Curves, Deviations, Recording, compare, curves_of, read_recording
from scheduler.simulator.scenario import SECOND, Authority, Cluster, Scenario, Solver

FIXTURE = Path(__file__).parents[2] / "fixtures" / "cert-manager-1.12.5-80-dns01.jsonl"
# Pebble decided without sleeping; the rest is cert-manager's default.
AS_IT_WAS = Scenario(
    0, solver=Solver(type="DNS-01"), authority=Authority(validation=fixed(0)), cluster=Cluster(version="1.12")
)


@pytest.fixture(scope="module")
def recording():
    return read_recording(FIXTURE.read_text().splitlines())


def test_a_recording_is_read(recording):
    assert (len(recording.moments), recording.moments[:2], recording.names[:2]) == (
        80,
        (2628, 2872),
        ("s00.example.test", "s01.example.test"),
    )
    assert [len(each) for each in (recording.curves.started, recording.curves.valid, recording.curves.released)] == [
        66,
        20,
        6,
    ]
    assert recording.curves.processing()[:3] == [(0, 0), (2744, 1), (3822, 2)]


def farthest(deviations):
    return max(attrs.astuple(deviations))


def test_the_controller_is_predicted_within_two_seconds_from_creation_times_and_names(recording):
    run = simulate(recording.scenario(AS_IT_WAS))
    assert farthest(compare(recording, run)) < 2 * SECOND
    assert len(curves_of(run).valid) >= 18


@pytest.mark.parametrize("knob", [{"cap": 30}, {"workers": 6}, {"tick": 5 * SECOND}, {"starts_per_tick": 5}])
def test_with_another_knob_it_is_not(recording, knob):
    other = attrs.evolve(AS_IT_WAS, cluster=attrs.evolve(AS_IT_WAS.cluster, **knob))
    assert farthest(compare(recording, simulate(recording.scenario(other)))) > 2 * SECOND


@pytest.mark.parametrize("late", [0, 700])
def test_a_deviation_is_how_much_later_things_were_seen(late):
    run = simulate(Scenario(70, solver=Solver(type="DNS-01")))
    curves = Curves(*(tuple(moment + late for moment in moments) for moments in attrs.astuple(curves_of(run))))
    recording = Recording((), (), curves, run.makespan + late)
    assert compare(recording, run) == Deviations(late, late, late, late)


def test_what_one_has_not_seen_is_as_far_as_the_end():
    run = simulate(Scenario(1))
    assert compare(Recording((), (), Curves((), (), ()), 60_000), run) == Deviations(60_000, 51_000, 51_000, 60_000)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"t": "x", "kind": "challenge"}',
        '{"t": 1, "kind": "challenge", "type": "ADDED", "name": "a"}',
    ],
)
def test_what_is_no_recording_is_refused_with_its_line(line):
    with pytest.raises(ValueError, match="line 2 is no watch event"):
        read_recording([event("ADDED", 1.0, "a", None), line])


def test_a_recording_without_a_challenge_is_refused():
    with pytest.raises(ValueError, match="the recording has no challenge"):
        read_recording([json.dumps({"t": 1, "kind": "order", "type": "ADDED", "name": "o"})])


def event(kind, t, name, status):
    return json.dumps(
        {"t": t, "kind": "challenge", "type": kind, "name": name, "dnsName": f"{name}.test", "status": status}
    )
