"""What a delivery comes to where there is no socket: how long an answer takes, and what is heard."""

from __future__ import annotations

from datetime import timedelta

from acme_server.delivery import AT_ONCE
from acme_server.exchange import Reply
from acme_server.protocol.vantage import RESET, HttpAnswer


def heard(reply: Reply) -> tuple[timedelta, HttpAnswer]:
    """Return an answer and its delay, which is timedelta.max when it never comes."""
    answer = HttpAnswer(reply.status, reply.headers, reply.body)
    delivery = reply.delivery
    if delivery is None:
        return AT_ONCE, answer
    if delivery.lost or (delivery.keep is not None and delivery.keep < len(reply.body)):
        return AT_ONCE, HttpAnswer(error=RESET)
    duration = delivery.duration(len(reply.body))
    return timedelta.max if duration is None else duration, answer
