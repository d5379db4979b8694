"""Calls admission webhooks over HTTPS, all that concern a request at once: the shell of `admission`."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import Sequence

import aiohttp

from issuer_bridge.kube_api.admission import Question, verdict
from issuer_bridge.kube_api.rest import encoded

_MAX_ANSWER = 1 << 20


async def ask(questions: Sequence[Question]) -> list[str]:
    """Return the warnings of webhooks that all allow; ApiError of the first that denies, or fails."""
    answers = await asyncio.gather(*map(_answer, questions))
    return [text for question, answer in zip(questions, answers, strict=True) for text in verdict(question, answer)]


async def _answer(question: Question) -> bytes | str:
    """Return what a webhook says, or in words why it says nothing."""
    try:
        pem = base64.b64decode(question.ca).decode("ascii")
        context = ssl.create_default_context(cadata=pem or None)
        timeout = aiohttp.ClientTimeout(total=question.seconds)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.post(
                question.url,
                data=encoded(question.review),
                headers={"Content-Type": "application/json", "Accept": "application/json"},
                ssl=context,
                allow_redirects=False,
            ) as response,
        ):
            body = await response.content.read(_MAX_ANSWER)
            return body if response.status == 200 else f"Post {question.url}: it said HTTP {response.status}"
    except TimeoutError:
        return f"Post {question.url}: context deadline exceeded"
    except (aiohttp.ClientError, ssl.SSLError, ValueError) as error:
        return f"Post {question.url}: {error}"
