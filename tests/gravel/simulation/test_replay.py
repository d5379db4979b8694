"""Replays: a journal of the real scheduler, or a recording of cert-manager, beside the run that has its arrivals."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import attrs
import pytest

from acme_server.protocol.journal import Journal
from acme_server.protocol.vantage import pause
from gravel import cli
from gravel.simulation.replay import observe
from scheduler.events import Present, SelfCheck, WaitAuthorization
from scheduler.runner import failing_answer
from scheduler.settings import CLUSTER
from scheduler.simulator.delays import Delay, fixed
from scheduler.simulator.loop import VirtualDriver
from scheduler.simulator.network import VirtualNetwork
from scheduler.versions import version
from tests.scheduler.scripted_world import START, World, challenge, seconds

RECORDING = Path(__file__).parents[2] / "fixtures" / "cert-manager-1.12.5-80-dns01.jsonl"
RELEASE = "1.18"
# Not a whole second, so that no verdict comes in the moment of an arrival.
KNOBS = ("--cert-manager", RELEASE, "--validation", "1003ms")


class Journaled(World):
    """cert-manager's controller in virtual time: HTTP-01 answers that are seen `after` so many seconds, or never."""

    def __init__(self, after, stuck=()):
        self.journal, self.presented, self.after, self.stuck = Journal(), {}, after, stuck
        settings = attrs.evolve(CLUSTER, version=version(RELEASE))
        super().__init__(VirtualDriver(START, VirtualNetwork()), settings=settings)

    def perform(self, effect):
        takes = {SelfCheck: 8, WaitAuthorization: 1.003}.get(type(effect), 0)
        now = self.driver.now()
        if isinstance(effect, Present):
            self.presented[effect.key] = now
        if isinstance(effect, SelfCheck) and (
            effect.key in self.stuck or now < self.presented[effect.key] + seconds(self.after[effect.key])
        ):
            yield from pause(timedelta(0))
            return failing_answer(effect, "not there yet")
        yield from pause(seconds(takes))
        return self.succeed(effect)

    def record(self, facts):
        self.journal.append("scheduler", facts, self.driver.now())

    def lines(self):
        return [json.dumps(entry.to_json()) for entry in self.journal]


def journaled(after, names, stuck=(), until=None, kind="HTTP-01"):
    """The journal of challenges that come three a second, each for one of so many names."""
    keys = [f"default/c{number:03}" for number in range(len(after))]
    world = Journaled(dict(zip(keys, after, strict=True)), [keys[number] for number in stuck])
    for number in range(len(after)):
        each = challenge(f"c{number:03}", f"h{number % names:03}.test", number // 3, type=kind)
        world.driver.later(seconds(number // 3), lambda each=each: world.add(each))
    world.driver.run(until)
    return world.lines()


@pytest.fixture
def replay(tmp_path, capsys):
    """Write lines and replay them; return the document."""

    def run(lines, *arguments):
        (tmp_path / "seen").write_text("\n".join(lines))
        assert cli.run(["simulate", "--replay", str(tmp_path / "seen"), "--json", *arguments]) == 0
        return json.loads(capsys.readouterr().out)

    return run


@pytest.mark.parametrize(("after", "names"), [(0, 100), (15, 100), (15, 60), (95, 10)])
def test_the_real_scheduler_and_the_run_start_decide_and_release_at_the_same_moments(replay, after, names):
    found = replay(journaled([after] * 100, names), *KNOBS)["replay"]
    assert found["observed"] == found["simulated"]
    assert found["deviations_s"] == {"started": 0, "valid": 0, "released": 0, "processing": 0}
    assert len(found["observed"]["released_s"]) == 100


def test_other_knobs_say_what_would_have_been(replay):
    lines = journaled([0] * 100, 100)
    as_it_was, wider = (replay(lines, *KNOBS, *more)["replay"]["simulated"] for more in ((), ("--workers", "20")))
    assert max(wider["valid_s"]) < max(as_it_was["valid_s"]) / 3


def test_what_was_never_seen_is_stuck_again(replay):
    lines = journaled([0] * 20, 20, stuck=(3, 7), until=START + seconds(300))
    found = replay(lines, *KNOBS)
    assert found["scenario"]["solver"]["stuck_names"] == ["h003.test", "h007.test"]
    assert len(found["replay"]["simulated"]["valid_s"]) == 18


@pytest.mark.parametrize(
    ("after", "delay"),
    [
        ([0, 0, 0], fixed(0)),
        ([15, 15, 15], fixed(10_001)),
        ([0, 15, 35], Delay("uniform", 0, 30_001)),
    ],
)
def test_the_propagation_is_the_shortest_that_explains_the_checks(after, delay):
    assert observe(journaled(after, 3), None).values["solver.propagation"] == delay


def test_flags_win_over_what_was_seen(replay):
    found = replay(journaled([15] * 3, 3), *KNOBS, "--propagation", "0s")
    assert "solver" not in found["scenario"]
    assert found["replay"]["simulated"]["valid_s"][0] == 9.003


def test_the_command_of_a_replay_names_the_file_and_what_it_does_not_tell(replay, tmp_path):
    command = replay(journaled([15] * 3, 3), *KNOBS)["command"]
    assert command == f"gravel simulate --replay {tmp_path / 'seen'} --validation 1s3ms --cert-manager 1.18"


def test_a_journal_of_two_types_wants_one_of_them():
    lines = journaled([0] * 3, 3) + journaled([0] * 2, 2, kind="DNS-01")
    with pytest.raises(ValueError, match="types HTTP-01 and DNS-01; say which with --solver"):
        observe(lines, None)
    assert observe(lines, "HTTP-01").values["certificates"] == 3


def test_a_real_cert_manager_is_met_within_two_seconds(replay):
    found = replay(RECORDING.read_text().splitlines(), "--cert-manager", "1.12")
    assert found["scenario"]["certificates"] == 80
    assert found["scenario"]["solver"] == {"type": "DNS-01"}
    assert max(found["replay"]["deviations_s"].values()) < 2


def test_a_recording_whose_answers_settle_for_less_than_a_minute_is_of_http01():
    status = {"processing": True}
    events = [(0, None), (1, status), (10, {**status, "state": "valid"})]
    common = {"kind": "challenge", "type": "MODIFIED", "name": "a", "dnsName": "a.test"}
    found = observe([json.dumps({"t": t, **common, "status": told}) for t, told in events], None)
    assert found.values["solver.type"] == "HTTP-01"


def test_observed_and_simulated_stand_side_by_side(tmp_path, capsys):
    (tmp_path / "seen").write_text("\n".join(journaled([0] * 8, 8)))
    assert cli.run(["simulate", "--replay", str(tmp_path / "seen"), *KNOBS]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "8 2 s 2 s 18 s 18 s 18 s 18 s off by 0 s 0 s 0 s" in shown


UNREADABLE = [
    ([], "line 1 is neither of a journal (seq, at, kind, ...) nor of a recording (t, kind, type, ...)"),
    (["nonsense"], "line 1 is neither of a journal"),
    (["[1]"], "line 1 is neither of a journal"),
    (['{"seq": 1}'], "line 1 is no entry of a journal: KeyError('kind')"),
    (['{"seq": 1, "kind": "OrderCreated", "at": "2026-01-01T00:00:00Z", "subject": {}, "data": {}}'], "the journal has no challenge"),
    (['{"t": 1}'], "line 1 is no watch event"),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "sentence"), UNREADABLE)
def test_what_is_neither_journal_nor_recording_is_told_by_line(lines, sentence):
    with pytest.raises(ValueError) as complaint:
        observe(lines, None)
    assert str(complaint.value).startswith(sentence)
