"""Runs a command in the foreground: its terminal is ours, signals to us are passed on, its exit status is returned."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import click

SIGNALS = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)
# The terminal sends these to everything in the foreground; passed on, they would come twice.
FROM_TERMINAL = (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP)
# What POSIX shells return (section 2.8.2 of the Shell Command Language).
NOT_FOUND = 127
NOT_EXECUTABLE = 126
BY_SIGNAL = 128


class CannotRunError(click.ClickException):
    """The command is there and could not be started."""

    exit_code = NOT_EXECUTABLE

    def __init__(self, program: str, why: str) -> None:
        super().__init__(f"cannot run {program!r}: {why}")


class NoSuchCommandError(CannotRunError):
    """The command, or the interpreter that it names, is not there."""

    exit_code = NOT_FOUND


class Signals:
    """Passes signals on to the command; `earlier` are those that came before there was a command."""

    def __init__(self) -> None:
        self.earlier: list[signal.Signals] = []
        self.process: asyncio.subprocess.Process | None = None

    def receive(self, number: signal.Signals) -> None:
        """Handle a signal that this process was sent."""
        if self.process is None:
            self.earlier.append(number)
        elif self.process.returncode is None and not (number in FROM_TERMINAL and _in_foreground()):
            self.process.send_signal(number)


@contextmanager
def passing_signals() -> Iterator[Signals]:
    """Receive signals instead of ending by them; one that is ignored already (nohup) stays so."""
    loop, signals = asyncio.get_running_loop(), Signals()
    numbers = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    for number in numbers:
        loop.add_signal_handler(number, signals.receive, number)
    try:
        yield signals
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


async def run_command(command: Sequence[str], environment: Mapping[str, str], signals: Signals) -> int:
    """Run a command to its end; return its exit status, 128 and the number of the signal that ended it."""
    if signals.earlier:
        return BY_SIGNAL + signals.earlier[0]
    try:
        signals.process = await asyncio.create_subprocess_exec(*command, env=environment)
    except FileNotFoundError:
        raise NoSuchCommandError(command[0], "there is no such command") from None
    except OSError as error:
        raise CannotRunError(command[0], (error.strerror or str(error)).lower()) from None
    # They came while the command was being started, which may have been running already.
    for number in signals.earlier:
        signals.receive(number)
    code = await signals.process.wait()
    return code if code >= 0 else BY_SIGNAL - code


def _in_foreground() -> bool:
    """Whether we are what a terminal has in its foreground, together with the command."""
    try:
        return os.tcgetpgrp(sys.__stdin__.fileno() if sys.__stdin__ else 0) == os.getpgrp()
    except (OSError, ValueError):
        return False
