"""Two places to look from without a socket: one reads the data itself, one follows a script."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from urllib.parse import urlsplit

from acme_server.protocol.challenge_certificate import ACME_TLS
from acme_server.protocol.vantage import (
    Answer,
    Elapsed,
    Fetch,
    Handshake,
    HttpAnswer,
    Inquiry,
    Pause,
    Question,
    Reply,
    Resolve,
    Send,
    TlsAnswer,
)
from solvers.dns.answer import answer, answer_question
from solvers.dns.writers import NOBODY, Writers
from solvers.dns.zone import Zone
from solvers.http01.responder import Responder
from solvers.tlsalpn01.client_hello import ClientHello
from solvers.tlsalpn01.responder import Alert
from solvers.tlsalpn01.responder import Responder as TlsResponder

ALERTS = {
    Alert.UNRECOGNIZED_NAME: "TLS: tlsv1 unrecognized name",
    Alert.NO_APPLICATION_PROTOCOL: "TLS: tlsv1 alert no application protocol",
}


class DataVantage:
    """Sees what a zone and responders would serve, lets writers update the zone; `paused` adds up the waiting."""

    def __init__(
        self,
        zone: Zone,
        responder: Responder,
        writers: Writers = NOBODY,
        tls_responder: TlsResponder | None = None,
    ) -> None:
        self.zone, self.responder, self.writers = zone, responder, writers
        self.tls_responder = tls_responder or TlsResponder()
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
        if isinstance(question, Handshake):
            return shake(self.tls_responder, question)
        self.paused += question.duration
        return Elapsed()


def shake(responder: TlsResponder, question: Handshake) -> TlsAnswer:
    """Return what a handshake with a responder comes to, in the words of the real network."""
    shown = responder.handle(ClientHello(question.server_name, question.protocols))
    if isinstance(shown, Alert):
        return TlsAnswer(error=ALERTS[shown], address=question.address)
    return TlsAnswer(shown.der, ACME_TLS, address=question.address)


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
