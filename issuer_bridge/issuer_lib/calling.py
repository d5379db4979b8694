"""The shell that calls an author's coroutines."""

from __future__ import annotations

import asyncio

from issuer_bridge.issuer_lib.consulting import Consult, Said


async def call(question: Consult) -> Said:
    """Make the call; what it raises, and that it takes too long, is an answer too."""
    seconds = question.timeout.total_seconds()
    try:
        async with asyncio.timeout(seconds) as limit:
            return Said(result=await question.call())
    except Exception as error:  # noqa: BLE001 - an author may raise anything
        ran_out = isinstance(error, TimeoutError) and limit.expired()
        return Said(raised=TimeoutError(f"no answer within {seconds:g} s") if ran_out else error)
