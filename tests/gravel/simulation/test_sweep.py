"""Sweeps: every combination and seed, in order, the same whoever runs them."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest

from gravel import cli
from gravel.simulation.sweep import read_knobs, runner, runs_of, sweep
from scheduler.simulator.delays import Delay
from scheduler.simulator.scenario import SECOND

VALUES = {"certificates": 40, "solver.propagation": Delay("exponential", 20 * SECOND)}
KNOBS = read_knobs(["cap=5,20", "workers=5,60"])
GRAVEL = [sys.executable, "-c", "import sys; from gravel import cli; sys.exit(cli.run(sys.argv[1:]))"]


def test_every_combination_comes_with_every_seed_the_last_knob_first():
    runs = list(runs_of(VALUES, KNOBS, range(7, 10)))
    expected = [
        ({"cap": cap, "workers": workers}, seed) for cap, workers, seed in product(("5", "20"), ("5", "60"), (7, 8, 9))
    ]
    assert [(knobs, scenario.seed) for knobs, scenario in runs] == expected
    assert [(each.cluster.cap, each.cluster.workers) for _, each in runs[::3]] == [(5, 5), (5, 60), (20, 5), (20, 60)]


def test_a_delay_can_be_swept():
    [knob] = read_knobs(["propagation=30s,uniform 10s..90s"])
    assert [text for text, _ in knob.settings] == ["30s", "uniform 10s..90s"]


@pytest.mark.parametrize("processes", [1, 2])
def test_one_process_and_two_find_the_same_in_the_same_order(processes):
    runs = list(runs_of(VALUES, KNOBS, range(3)))
    with runner(processes) as run_all:
        found = list(sweep(runs, run_all))
    with runner(1) as run_all:
        assert found == [each for run in runs for each in sweep([run], run_all)]
    assert [(each.knobs, each.seed) for each in found] == [(knobs, scenario.seed) for knobs, scenario in runs]


def test_what_is_swept_need_not_be_said_beside_it(capsys):
    assert cli.run(["simulate", "--cap", "9", "--sweep", "certificates=5,20", "--json", "--processes", "1"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["scenario"] == {"cluster": {"cap": 9}}
    assert [setting["knobs"] for setting in found["settings"]] == [{"certificates": "5"}, {"certificates": "20"}]


def asked(capsys, *arguments):
    assert cli.run(["simulate", "--challenges", "40", *arguments, "--json", "--processes", "1"]) == 0
    return json.loads(capsys.readouterr().out)


def test_knobs_may_follow_the_first_or_have_a_flag_each(capsys):
    both = asked(capsys, "--sweep", "cap=5,20", "workers=5,60")
    assert both == asked(capsys, "--sweep", "cap=5,20", "--sweep", "workers=5,60")
    assert [setting["knobs"] for setting in both["settings"]] == [
        {"cap": cap, "workers": workers} for cap, workers in product(("5", "20"), ("5", "60"))
    ]


def test_seeds_begin_at_the_seed(capsys):
    drawn = ("--propagation", "exponential 20s", "--sweep", "cap=20")
    three = asked(capsys, *drawn, "--seed", "5", "--seeds", "3")["settings"][0]
    singles = [asked(capsys, *drawn, "--seed", str(seed))["settings"][0]["makespan_s"]["median"] for seed in (5, 6, 7)]
    assert three["seeds"] == 3
    assert three["makespan_s"] == dict(zip(("min", "median", "max"), sorted(singles), strict=True))


def test_a_table_has_a_row_for_each_combination(capsys):
    assert cli.run(["simulate", "--challenges", "40", "--sweep", "cap=5,20", "--processes", "1"]) == 0
    shown = capsys.readouterr()
    assert [line for line in shown.out.splitlines() if "1 min 12 s" in line]
    assert shown.err == ""


def test_an_interrupt_ends_a_sweep_without_a_traceback():
    question = ["simulate", "--challenges", "1000000", "--sweep", "cap=20,60", "--processes", "2"]
    with subprocess.Popen(
        [*GRAVEL, *question], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        while len(workers := workers_of(process.pid)) < 2:
            assert process.poll() is None
        interruptible = [pid for pid in workers if not blocks_interrupts(pid)]
        os.killpg(process.pid, signal.SIGINT)
        out, said = process.communicate(timeout=60)
    assert (process.returncode, out, interruptible) == (130, "", [])
    assert "Traceback" not in said


def workers_of(pid):
    """The processes that one has started to run scenarios."""
    asked = ["pgrep", "-P", str(pid), "-f", "spawn_main"]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.split()


def blocks_interrupts(pid):
    mask = re.search(r"SigBlk:\s+(\w+)", Path(f"/proc/{pid}/status").read_text())[1]
    return int(mask, 16) >> (signal.SIGINT - 1) & 1
