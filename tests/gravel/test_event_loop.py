"""The loop under the door: what runs it, and what stops it."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys

import pytest

from gravel.event_loop import quick_imports, run, stop_signals, unless


async def loop_module() -> str:
    return type(asyncio.get_running_loop()).__module__


def test_uvloop_runs_it_where_it_is_installed(monkeypatch):
    pytest.importorskip("uvloop")
    assert run(loop_module()).startswith("uvloop")
    monkeypatch.setitem(sys.modules, "uvloop", None)
    assert run(loop_module()).startswith("asyncio")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_sets_the_event_and_afterwards_means_what_it_meant_before(number):
    async def main() -> bool:
        with stop_signals() as stop:
            os.kill(os.getpid(), number)
            await asyncio.wait_for(stop.wait(), 10)
            return stop.is_set()

    before = signal.getsignal(number)
    assert run(main())
    assert before == signal.getsignal(number)


async def test_work_that_ends_first_gives_its_result():
    async def work() -> int:
        return 7

    assert await unless(asyncio.Event(), work()) == 7


async def test_work_that_is_stopped_is_cancelled():
    ended = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    stop = asyncio.Event()
    asyncio.get_running_loop().call_soon(stop.set)
    assert await unless(stop, work()) is None
    assert ended == [True]


async def test_what_the_work_raises_comes_through():
    async def work() -> None:
        raise ValueError("odd")

    with pytest.raises(ValueError, match="odd"):
        await unless(asyncio.Event(), work())


def test_garbage_is_collected_again_after_quick_imports():
    try:
        with quick_imports():
            assert not gc.isenabled()
        assert gc.isenabled()
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()
