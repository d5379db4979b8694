"""What takes long to compute, beside a real event loop."""

import asyncio
import threading

import pytest

from acme_server.network import Network
from acme_server.protocol.vantage import compute, conduct


async def test_what_takes_long_to_compute_does_not_hold_up_the_loop():
    asked = threading.Event()
    computing = asyncio.create_task(conduct(compute(asked.wait), Network()))
    await asyncio.sleep(0)
    asked.set()
    assert await computing


async def test_what_a_computation_raises_is_raised_where_it_was_asked_for():
    with pytest.raises(ZeroDivisionError):
        await conduct(compute(lambda: 1 // 0), Network())
