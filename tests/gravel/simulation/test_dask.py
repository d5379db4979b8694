"""A sweep on a real dask cluster: a scheduler and two workers on this machine. `make dask`."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest

PATIENCE = 60
GRAVEL = [sys.executable, "-c", "import sys; from gravel import cli; sys.exit(cli.run(sys.argv[1:]))"]
SWEEP = ["simulate", "--challenges", "200", "--propagation", "exponential 20s", "--sweep", "cap=20,60", "workers=5,60"]


def swept(*arguments):
    return subprocess.run(
        [*GRAVEL, *SWEEP, "--seeds", "5", "--json", *arguments], capture_output=True, text=True, check=False
    )


@pytest.fixture
def cluster(tmp_path):
    """The address of a scheduler with two workers."""
    pytest.importorskip("distributed", reason="the extra dask is not installed; get it with: make dask")
    file = tmp_path / "scheduler.json"
    local = ["--scheduler-file", str(file), "--no-dashboard"]
    commands = [
        ["dask_scheduler", *local, "--host", "127.0.0.1", "--port", "0"],
        *([["dask_worker", *local, "--host", "127.0.0.1", "--nthreads", "1"]] * 2),
    ]
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.{name}", *options],
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for name, *options in commands
    ]
    try:
        for _ in range(PATIENCE * 10):
            if file.exists() and file.read_text():
                break
            time.sleep(0.1)
        yield json.loads(file.read_text())["address"]
    finally:
        for process in reversed(processes):
            process.terminate()
        for process in processes:
            process.wait(PATIENCE)


@pytest.mark.timeout(240)
def test_a_dask_cluster_finds_what_this_machine_finds(cluster):
    local, there = swept("--processes", "1"), swept("--dask", cluster)
    assert there.returncode == 0, there.stderr
    assert there.stdout == local.stdout


def test_a_scheduler_that_is_not_there_is_one_sentence():
    pytest.importorskip("distributed", reason="the extra dask is not installed; get it with: make dask")
    done = swept("--dask", "tcp://127.0.0.1:1")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith("gravel simulate: there is no dask scheduler at tcp://127.0.0.1:1")


def test_a_missing_extra_is_one_sentence():
    code = "import sys; sys.modules['distributed'] = None; from gravel import cli; sys.exit(cli.run(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", code, *SWEEP, "--dask", "tcp://127.0.0.1:1"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (
        2,
        "gravel simulate: --dask needs the extra dask; install it with: pip install 'gravel[dask]'.\n",
    )
