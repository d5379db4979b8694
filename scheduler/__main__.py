"""`python -m scheduler select < traces.jsonl`: print whose turn it would be, one JSON list of names a line."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable, Sequence

from scheduler.selection import select
from scheduler.traces import parse_trace


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 2 means that the input is not what it should be."""
    parser = argparse.ArgumentParser(prog="python -m scheduler", description="Which challenges run now?")
    verbs = parser.add_subparsers(required=True)
    verb = verbs.add_parser("select", help="read traces (JSON lines) on standard input, print the selected names")
    verb.set_defaults(run=select_lines)
    run = parser.parse_args(arguments).run
    try:
        run(sys.stdin.buffer)
        sys.stdout.flush()
    except ValueError as error:
        print(f"python -m scheduler: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        # The reader went away (`| head`); the interpreter must not flush into the pipe again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0


def select_lines(lines: Iterable[bytes]) -> None:
    """Answer every line that is not blank; ValueError names the first line that cannot be read."""
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            trace = parse_trace(line)
        except ValueError as error:
            raise ValueError(f"line {number} {error}") from None
        print(json.dumps([chosen.key for chosen in select(trace.challenges, trace.limit, trace.maximum)]))


if __name__ == "__main__":
    sys.exit(main())
