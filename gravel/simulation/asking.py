"""What `gravel simulate` does with a question: runs it once, many times or again, and shows what was asked for."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import click

from gravel.output import console, print_json
from gravel.simulation import explanation, replay, sweep_report, tables
from gravel.simulation.page import page
from gravel.simulation.plots import NoPlots, draw, save
from gravel.simulation.progress_bar import bar
from gravel.simulation.replay import Observed
from gravel.simulation.scenario_fields import Values, document_of, scenario_of, values_of
from gravel.simulation.sweep import read_knobs, runner, runs_of, sweep
from gravel.simulation.value_kinds import FLAG
from scheduler.simulator.bottleneck import KNOBS, Explanation, explain, sampled
from scheduler.simulator.fleet import simulate
from scheduler.simulator.run import Run
from scheduler.simulator.scenario import Renewals, Scenario
from scheduler.simulator.summary import Summary, summarise

if TYPE_CHECKING:
    from gravel.commands.simulate import Options

LARGE = 100_000
"""Events of a run whose trials are worth processes of their own."""
_ONLY_ONE = ("replay", "explain", "csv", "page")
_ONLY_MANY = ("seeds", "dask")
_ONLY_COMPARED = ("processes",)


def ask(values: Values, options: Options, observed: Observed | None = None) -> None:
    """Run a scenario and show it, beside what was observed."""
    _refuse(options, _ONLY_MANY, "is of a --sweep, and there is none")
    if not options.explain:
        _refuse(options, _ONLY_COMPARED, "is of --sweep and --explain, and there is neither")
    run, summary = _simulated(scenario_of(values))
    explained = _explained(run, summary, options) if options.explain else None
    words = explanation.sentences(explained, run.scenario) if explained else ()
    command = command_of(run.scenario, options.replay, observed.values if observed else {})
    if options.json:
        print_json(_document(run, command, summary, explained, observed))
    else:
        console().print(tables.table(run.scenario, summary))
        if explained:
            click.echo("\n" + "\n".join(words) + "\n")
            console().print(explanation.table(explained))
        if observed:
            click.echo()
            console().print(replay.table(observed, run))
    if options.csv:
        _tell(tables.write_csv(run, Path(options.csv)), options)
    if options.plots or options.page:
        _draw(run, command, summary, words, options)


def observed_in(file: str, flags: Values) -> Observed:
    """Read what is to be replayed."""
    try:
        return replay.observe(Path(file).read_text(encoding="utf-8").splitlines(), flags.get("solver.type"))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ValueError(f"{file}: {reason}") from None


def ask_many(values: Values, texts: Sequence[str], options: Options) -> None:
    """Sweep, and show the settings side by side."""
    _refuse(options, _ONLY_ONE, "is of one run, and goes without --sweep")
    first, knobs = values.get("seed", 0), read_knobs(texts)
    runs = list(runs_of(values, knobs, range(first, first + options.seeds)))
    with runner(options.processes, options.dask) as run_all, bar(f"{len(runs):,} runs") as told:
        swept = []
        for each in sweep(runs, run_all):
            swept.append(each)
            told(len(swept) / len(runs))
    if options.json:
        still = document_of(runs[0][1], without=[knob.field.path for knob in knobs])
        print_json({"scenario": still, "seeds": options.seeds, "settings": sweep_report.to_json(swept)})
    else:
        console().print(sweep_report.table(swept))
    if options.plots:
        with _pictures():
            _tell(save({"sweep": sweep_report.plot(swept)}, Path(options.plots)), options)


def command_of(scenario: Scenario, replayed: str | None, told: Values) -> str:
    """Return the command that repeats a run; `told` are the values that come from the file that is replayed."""
    words = ["gravel", "simulate", *(["--replay", replayed] if replayed else [])]
    for field, value in values_of(scenario):
        if told.get(field.path) == value:
            continue
        said = field.kind.write(value)
        text = ",".join(map(str, said)) if isinstance(said, list) else str(said)
        words += [f"--{field.flag}"] if field.kind is FLAG else [f"--{field.flag}", text]
    return shlex.join([*words, "--lifetime", "90d"] if scenario.renewals == Renewals() else words)


def _simulated(scenario: Scenario) -> tuple[Run, Summary]:
    with bar("simulating") as told:
        run = simulate(scenario, told)
    return run, summarise(run)


def _explained(run: Run, summary: Summary, options: Options) -> Explanation:
    smaller = sampled(run.scenario)
    if smaller != run.scenario:
        run, summary = _simulated(smaller)
    processes = options.processes or (None if run.events > LARGE else 1)
    with runner(processes) as run_all, bar("comparing") as told:

        def counted(scenarios: Any) -> Iterator[Summary]:
            for number, each in enumerate(run_all(scenarios), 1):
                told(number / len(KNOBS))
                yield each

        return explain(run, summary, counted)


def _document(
    run: Run, command: str, summary: Summary, explained: Explanation | None, observed: Observed | None
) -> dict[str, Any]:
    scenario = run.scenario
    return {
        "scenario": document_of(scenario),
        "seed": scenario.seed,
        "command": command,
        "digest": run.digest,
        "summary": summary.to_json(),
        **({"explanation": explanation.to_json(explained, scenario)} if explained else {}),
        **({"replay": replay.to_json(observed, run)} if observed else {}),
    }


def _draw(run: Run, command: str, summary: Summary, words: Sequence[str], options: Options) -> None:
    with _pictures():
        figures = draw(run)
    if options.plots:
        _tell(save(figures, Path(options.plots)), options)
    if options.page:
        file = Path(options.page)
        file.write_text(page(run, summary, figures, command, words), encoding="utf-8")
        _tell([file], options)


@contextmanager
def _pictures() -> Iterator[None]:
    try:
        yield
    except NoPlots as error:
        raise ValueError(str(error)) from None


def _tell(files: Sequence[Path], options: Options) -> None:
    """Say what was written; with --json, standard output is the document's alone."""
    for file in files:
        click.echo(f"wrote {file}", err=options.json)


def _refuse(options: Options, names: Sequence[str], why: str) -> None:
    fields = attrs.fields_dict(type(options))
    for name in names:
        value = getattr(options, name)
        if value and (name, value) != ("seeds", 1):
            raise ValueError(f"--{fields[name].name} {why}")
