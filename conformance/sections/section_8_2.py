"""RFC 8555 sections 8.2 and 7.1.6: validations that fail, and those that are tried again."""

from __future__ import annotations

import time
from typing import Any

from conformance.check import check
from conformance.session import FIRST_PAUSE, PATIENCE, Session
from conformance.verdict import Level, NotOffered, expect
from conformance.wire import Reply

MUST = Level.MUST


def _wrong(session: Session) -> tuple[str, dict[str, Any]]:
    client = session.account
    _, authorization = session.authorization(client, session.order(client))
    challenge = session.answers.choose(authorization)
    session.answers.answer(authorization["identifier"]["value"], challenge, client.key, wrong=True)
    return challenge["url"], client.post(challenge["url"], {}).json()


def _retried(session: Session) -> Reply:
    """Return the reply that shows a challenge in the middle of its tries."""
    url, _ = _wrong(session)
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and not session.late:
        reply = session.account.read(url)
        shown = reply.json()
        if shown.get("status") == "processing" and "error" in shown:
            return reply
        if shown.get("status") not in ("pending", "processing"):
            break
        time.sleep(FIRST_PAUSE)
    raise NotOffered("a validation that fails is not seen to be tried again")


@check("8.2", MUST, "newOrder", destructive=True)
def a_challenge_that_is_tried_again_says_when(session: Session) -> None:
    """A challenge whose validation is tried again has, beside its error, a Retry-After."""
    reply = _retried(session)
    expect(reply.header("Retry-After") != "", "a Retry-After", "none")


@check("7.1.6", MUST, "newOrder", destructive=True)
def an_invalid_challenge_stays_invalid(session: Session) -> None:
    """An invalid challenge is final: what is posted to it does not make it another one."""
    client = session.account
    url, _ = _wrong(session)
    before = session.settled(client, url)
    client.post(url, {})
    after = client.read(url).json().get("status")
    expect(before["status"] == after == "invalid", "an invalid challenge, before and after", after)
