"""Many runs at once: every combination of the swept knobs, with every seed, on any executor.

Runs come back in the order in which they were asked for, whoever did them.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from itertools import product
from typing import TypeAlias

import attrs

from gravel.simulation.scenario_fields import Field, Values, flag_of, read, scenario_of
from gravel.simulation.sweep_report import Swept
from scheduler.simulator.fleet import simulate
from scheduler.simulator.scenario import Scenario
from scheduler.simulator.summary import Summary, summarise

RunAll: TypeAlias = Callable[[Iterable[Scenario]], Iterator[Summary]]


@attrs.frozen
class Knob:
    """A field and its settings, as they were written and as they were read."""

    field: Field
    settings: tuple[tuple[str, object], ...]


def read_knobs(texts: Iterable[str]) -> tuple[Knob, ...]:
    """Read `cap=20,60,200` and its like; ValueError says what is wrong."""
    knobs = tuple(map(_knob, texts))
    flags = [knob.field.flag for knob in knobs]
    for flag in flags:
        if flags.count(flag) > 1:
            raise ValueError(f"{flag}: is swept twice")
    return knobs


def _knob(text: str) -> Knob:
    name, mark, settings = text.partition("=")
    if not mark:
        raise ValueError(f"{text!r} is no knob with its settings; write cap=20,60,200")
    field = flag_of(name.strip())
    if field.path == "seed":
        raise ValueError("seed: is swept with --seeds")
    if field.kind.metavar.endswith(",..."):
        raise ValueError(f"{field.flag}: is a list, and cannot be swept")
    texts = [each.strip() for each in settings.split(",")]
    return Knob(field, tuple((each, read(field, each, name)) for each in texts))


def runs_of(values: Values, knobs: Sequence[Knob], seeds: range) -> Iterator[tuple[dict[str, str], Scenario]]:
    """Yield each run: what its knobs are set to, and its scenario; the last knob changes first, then comes the seed."""
    for combination in product(*(knob.settings for knob in knobs)):
        pairs = list(zip(knobs, combination, strict=True))
        turned = {knob.field.path: value for knob, (_, value) in pairs}
        for seed in seeds:
            scenario = scenario_of({**values, **turned, "seed": seed})
            yield {knob.field.flag: text for knob, (text, _) in pairs}, scenario


def sweep(runs: Sequence[tuple[dict[str, str], Scenario]], run_all: RunAll) -> Iterator[Swept]:
    """Run all of them."""
    summaries = run_all(scenario for _, scenario in runs)
    for (knobs, scenario), summary in zip(runs, summaries, strict=True):
        yield Swept(knobs, scenario.seed, summary)


def outcome(scenario: Scenario) -> Summary:
    """Run one scenario, in whatever process."""
    return summarise(simulate(scenario))


@contextmanager
def runner(processes: int | None = None, dask: str | None = None) -> Iterator[RunAll]:
    """Return what runs scenarios: here (1 process), in so many processes (None: one a core), or on a dask cluster.

    ValueError when dask is not installed, or its scheduler not there.
    """
    processes = processes or os.cpu_count() or 1
    if dask is None and processes == 1:
        yield lambda scenarios: map(outcome, scenarios)
        return
    with _dask(dask) if dask else _pool(processes) as executor:
        yield lambda scenarios: _mapped(executor, list(scenarios))


def _mapped(executor: Executor, scenarios: Sequence[Scenario]) -> Iterator[Summary]:
    # Processes that are started meanwhile inherit the mask: an interrupt is for this process, which ends them.
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT,))
    try:
        return executor.map(outcome, scenarios)
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGINT,))


@contextmanager
def _pool(processes: int) -> Iterator[Executor]:
    # Started anew, not forked: the progress bar has a thread.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context) as executor:
        try:
            yield executor
        except BaseException:
            for process in multiprocessing.active_children():
                process.terminate()
            raise


@contextmanager
def _dask(address: str) -> Iterator[Executor]:
    try:
        from distributed import Client
    except ImportError:
        raise ValueError("--dask needs the extra dask; install it with: pip install 'gravel[dask]'") from None
    try:
        client = Client(address, timeout=5)
    except (OSError, ValueError) as error:
        raise ValueError(f"there is no dask scheduler at {address}: {error}") from None
    with client:
        executor = client.get_executor()
        try:
            yield executor
        finally:
            executor.shutdown(wait=False)
