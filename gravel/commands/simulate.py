"""`gravel simulate`: a fleet of certificates in virtual time, the bottleneck, and what would help."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import click

from gravel.simulation.field_options import FieldCommand, field_options, values_given

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

EPILOG = """\
\b
Examples:
  gravel simulate --challenges 10000 --explain
  gravel simulate --challenges 10000 --solver dns01 --propagation 'uniform 10s..90s' --workers 60 --page run.html
  gravel simulate --scenario stuck-tenant --patience 12
  gravel simulate fleet.yaml --sweep cap=20,60,200 workers=5,20,60 --seeds 100 --json
  gravel simulate --replay journal.ndjson --cap 20
\b
Durations are 90s, 2m, 1h30m; delays also uniform 10s..90s, exponential 30s, lognormal 30s 0.8 (its median, and the
deviation of its logarithm); shares 5% or 0.05. A file says the same in YAML, section by section; flags win over it.
The same scenario and seed give the same run, byte for byte. Exit status: 0, or 2 for a mistake in the command."""


@attrs.frozen
class Options:
    """What was said beside the scenario."""

    sweep: tuple[str, ...]
    seeds: int
    processes: int | None
    dask: str | None
    replay: str | None
    explain: bool
    json: bool
    csv: str | None
    plots: str | None
    page: str | None


def _names(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    from gravel.simulation.scenario_file import presets

    return [CompletionItem(name, help=text) for name, text in presets().items() if name.startswith(incomplete)]


@click.command(cls=FieldCommand, epilog=EPILOG)
@click.argument("arguments", metavar="[FILE]", nargs=-1, type=click.Path())
@click.option("--scenario", metavar="NAME", shell_complete=_names, help="A scenario that gravel brings along.")
@click.option("--list", "listed", is_flag=True, help="List those scenarios.")
@click.option("--explain", is_flag=True, help="Say what the bottleneck was, with the runs that prove it.")
@click.option(
    "--replay", metavar="FILE", type=click.Path(), help="Take arrivals and names from a journal or recording."
)
@click.option(
    "--sweep", metavar="KNOB=VALUE,...", multiple=True, help="Run every combination; further knobs may follow."
)
@click.option(
    "--seeds", metavar="NUMBER", type=click.IntRange(min=1), default=1, help="Seeds of a sweep, from --seed on [1]."
)
@click.option("--processes", metavar="NUMBER", type=click.IntRange(min=1), help="Processes of a sweep [one a core].")
@click.option(
    "--dask", metavar="URL", help="Run a sweep on the cluster of this dask scheduler instead, tcp://HOST:PORT."
)
@click.option("--json", is_flag=True, help="Print one JSON document.")
@click.option(
    "--csv", metavar="DIR", type=click.Path(file_okay=False), help="Write certificates.csv and challenges.csv."
)
@click.option("--plots", metavar="DIR", type=click.Path(file_okay=False), help="Write the plots as SVG and PNG.")
@click.option("--page", metavar="FILE", type=click.Path(dir_okay=False), help="Write one HTML page with all of it.")
@field_options
def command(arguments: tuple[str, ...], scenario: str | None, listed: bool, **parameters: Any) -> int:
    """Simulate what a fleet of certificates takes: cert-manager's controllers, its solver, the ACME server's limits.

    FILE is a scenario in YAML.
    """
    from gravel.simulation import asking

    flags = values_given(parameters)
    options = Options(**parameters)
    if listed:
        from gravel.simulation.scenario_file import presets

        for name, text in presets().items():
            click.echo(f"{name:20}{text}")
        return 0
    try:
        files, knobs = _sorted_out(arguments, options)
        observed = asking.observed_in(options.replay, flags) if options.replay else None
        values = {**_from_file(files, scenario), **(observed.values if observed else {}), **flags}
        if knobs:
            asking.ask_many(values, knobs, options)
        else:
            asking.ask(values, options, observed)
    except ValueError as error:
        raise click.UsageError(f"{error}" if str(error).endswith("?") else f"{error}.") from None
    except BrokenPipeError:
        raise
    except OSError as error:
        raise click.ClickException(f"{error.filename} cannot be written: {error.strerror}.") from None
    return 0


def _sorted_out(arguments: Sequence[str], options: Options) -> tuple[list[str], list[str]]:
    """Tell files from the knobs that follow those of --sweep."""
    knobs = [each for each in arguments if options.sweep and "=" in each and not Path(each).exists()]
    files = [each for each in arguments if each not in knobs]
    if len(files) > 1:
        raise ValueError(f"one file is a scenario, and there is {files[1]!r} too")
    return files, [*options.sweep, *knobs]


def _from_file(files: Sequence[str], name: str | None) -> dict[str, Any]:
    from gravel.simulation.scenario_file import read_file, read_preset

    if files and name:
        raise ValueError(f"--scenario {name} goes without a file, and there is {files[0]!r}")
    if name:
        return read_preset(name)
    return read_file(Path(files[0])) if files else {}
