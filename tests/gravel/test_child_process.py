"""A command in the foreground: its status, its signals, and what is said when it cannot be run."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from gravel.child_process import CannotRunError, Signals, passing_signals, run_command

# Says that it is ready to whoever reads the pipe, then waits for a signal and ends with 40 and more when it comes.
TRAPPING = 'for n in 1 2 3 10 12 15; do trap "exit $((40 + n))" $n; done; echo > ready; while :; do sleep 0.01; done'


async def run(*command: str) -> int:
    return await run_command(command, dict(os.environ), Signals())


STATUSES = [("exit 0", 0), ("exit 7", 7), ("kill -TERM $$", 128 + signal.SIGTERM), ("kill -KILL $$", 137)]


@pytest.mark.parametrize(("script", "status"), STATUSES)
async def test_the_status_is_the_commands_or_names_the_signal_that_ended_it(script, status):
    assert status == await run("sh", "-c", script)


def script(folder: Path, text: str, mode: int) -> str:
    path = folder / "script"
    path.write_text(text)
    path.chmod(mode)
    return str(path)


CANNOT = [
    (None, 0, 127, "there is no such command"),
    ("#!/no/such/interpreter\n", 0o755, 127, "there is no such command"),
    ("#!/bin/sh\n", 0o644, 126, "permission denied"),
    ("neither a script nor a program\n", 0o755, 126, "exec format error"),
]


@pytest.mark.parametrize(("text", "mode", "code", "sentence"), CANNOT)
async def test_what_cannot_be_run_is_named_with_the_code_that_shells_return(text, mode, code, sentence, tmp_path):
    program = str(tmp_path / "missing") if text is None else script(tmp_path, text, mode)
    with pytest.raises(CannotRunError) as caught:
        await run(program)
    assert (code, f"cannot run {program!r}: {sentence}") == (caught.value.exit_code, caught.value.message)


@pytest.fixture
def trapping(tmp_path, monkeypatch):
    """Start the script, and wait until it is ready."""
    monkeypatch.chdir(tmp_path)
    os.mkfifo("ready")

    async def start(signals: Signals) -> asyncio.Task[int]:
        running = asyncio.create_task(run_command(("sh", "-c", TRAPPING), dict(os.environ), signals))
        await asyncio.to_thread((tmp_path / "ready").read_bytes)
        return running

    return start


@pytest.mark.parametrize("name", ["SIGHUP", "SIGINT", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGTERM"])
async def test_a_signal_is_passed_on_and_the_command_decides(name, trapping, monkeypatch):
    monkeypatch.setattr("gravel.child_process._in_foreground", lambda: False)
    with passing_signals() as signals:
        running = await trapping(signals)
        os.kill(os.getpid(), signal.Signals[name])
        assert 40 + signal.Signals[name] == await running


@pytest.mark.parametrize("name", ["SIGHUP", "SIGINT", "SIGQUIT"])
async def test_what_the_terminal_sends_to_both_is_not_passed_on_again(name, trapping, monkeypatch):
    monkeypatch.setattr("gravel.child_process._in_foreground", lambda: True)
    with passing_signals() as signals:
        running = await trapping(signals)
        signals.receive(signal.Signals[name])
        signals.receive(signal.SIGTERM)
        assert await running == 40 + signal.SIGTERM


async def test_a_signal_before_the_command_ends_it_before_it_began(tmp_path):
    signals = Signals()
    signals.receive(signal.SIGTERM)
    assert await run_command(("touch", str(tmp_path / "ran")), dict(os.environ), signals) == 128 + signal.SIGTERM
    assert not (tmp_path / "ran").exists()


async def test_signals_while_the_command_is_being_started_reach_it_as_later_ones_do(monkeypatch):
    signals, start = Signals(), asyncio.create_subprocess_exec

    async def slow(*arguments, **options):
        process = await start(*arguments, **options)
        signals.receive(signal.SIGINT)
        signals.receive(signal.SIGTERM)
        return process

    monkeypatch.setattr("gravel.child_process._in_foreground", lambda: True)

    monkeypatch.setattr(asyncio, "create_subprocess_exec", slow)
    assert await run_command(("sleep", "60"), dict(os.environ), signals) == 128 + signal.SIGTERM


async def test_a_signal_that_is_ignored_stays_so():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with passing_signals():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
