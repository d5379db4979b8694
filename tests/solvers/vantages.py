"""Two places to look from without a socket: one reads the data itself, one follows a script."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from urllib.parse import urlsplit

from acme_server.protocol.vantage import (
    Answer,
    Elapsed,
    Fetch,
    HttpAnswer,
    Inquiry,
    Pause,
    Question,
    Reply,
    Resolve,
    Send,
)
from solvers.dns.answer import answer, answer_question
from solvers.dns.writers import NOBODY, Writers
from solvers.dns.zone import Zone
from solvers.http01.responder import Responder


class DataVantage:
    """Sees what a zone and a responder would serve, lets writers update the zone; `paused` adds up the waiting."""

    def __init__(self, zone: Zone, responder: Responder, writers: Writers = NOBODY) -> None:
        self.zone, self.responder, self.writers = zone, responder, writers
        self.paused = timedelta(0)

    async def __call__(self, question: Question) -> Answer:
        if isinstance(question, Resolve):
            return answer_question(self.zone, question)
        if isinstance(question, Send):
            return Reply(answer(self.zone, question.message, udp=not question.tcp, writers=self.writers))
        if isinstance(question, Fetch):
            url = urlsplit(question.url)
            status, body = self.responder.handle(question.method, url.netloc, url.path)
            return HttpAnswer(status, body=body, address=question.address)
        self.paused += question.duration
        return Elapsed()


def perform(inquiry: Inquiry, answers: Iterable[Answer]):
    """Run an inquiry against a script; return its result and all it asked. The script must be used up."""
    script, asked = list(answers), []
    try:
        question = next(inquiry)
        while True:
            asked.append(question)
            question = inquiry.send(Elapsed() if isinstance(question, Pause) else script.pop(0))
    except StopIteration as stop:
        assert not script, f"never asked for: {script}"
        return stop.value, asked
