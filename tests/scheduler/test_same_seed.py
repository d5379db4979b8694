"""A run depends on its seed and on nothing else."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scheduler.challenge import Stage
from scheduler.settings import CLUSTER, Settings
from tests.scheduler.seeded_run import run

ROOT = Path(__file__).parent.parent.parent
SETTINGS = pytest.mark.parametrize("settings", [Settings(), CLUSTER], ids=["ours", "cluster"])
PRINT = """
from scheduler.settings import CLUSTER, Settings
from tests.scheduler.seeded_run import run
print(*(run(7, settings).journal.digest for settings in (Settings(), CLUSTER)))
"""


@SETTINGS
def test_the_same_seed_gives_the_same_digest_and_another_seed_another(settings):
    first, second, other = (run(seed, settings).journal.digest for seed in (7, 7, 8))
    assert first == second != other


@pytest.mark.parametrize("hash_seed", ["0", "1", "4711"])
def test_the_digest_does_not_depend_on_the_hash_seed_of_the_interpreter(hash_seed):
    answer = subprocess.run(
        [sys.executable, "-c", PRINT],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.split() == [run(7, settings).journal.digest for settings in (Settings(), CLUSTER)]


@SETTINGS
@pytest.mark.parametrize("seed", range(10))
def test_under_faults_everything_comes_to_an_end_and_clean(seed, settings):
    world = run(seed, settings)
    kinds = [entry.kind for entry in world.journal]
    assert {each.stage for each in world.scheduler.challenges} == {Stage.DONE}
    assert {each.state for each in world.scheduler.challenges} == {"valid"}
    assert world.shown == {}
    assert kinds.count("ChallengeScheduled") >= kinds.count("ChallengeCleanedUp") > 150
    assert {"PresentFailed", "SelfCheckFailed", "AcceptFailed", "CleanUpFailed", "ChallengeRemoved"} <= set(kinds)
