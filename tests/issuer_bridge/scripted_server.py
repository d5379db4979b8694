"""A server that is a list of answers: what a client says to it can be read afterwards, its signatures checked."""

import json
from datetime import UTC, datetime, timedelta

from acme_server.protocol.encoding import b64url_decode
from acme_server.protocol.jose import parse_jws, verify
from acme_server.protocol.vantage import Elapsed, Fetch, HttpAnswer, Pause

NOW = datetime(2026, 1, 1, tzinfo=UTC)
BASE = "https://ca.test"
DIRECTORY = {
    "newNonce": f"{BASE}/nonce",
    "newAccount": f"{BASE}/account",
    "newOrder": f"{BASE}/order",
    "revokeCert": f"{BASE}/revoke",
    "meta": {"profiles": {"short": "6 days"}},
}


def answer(status=200, document=None, nonce=None, **headers):
    """One HTTP answer; header names with `_` for `-`."""
    body = b"" if document is None else json.dumps(document).encode()
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return HttpAnswer(status, (*named, *((("Replay-Nonce", nonce),) if nonce else ())), body)


def problem(kind, status=400, nonce=None, **headers):
    document = {"type": f"urn:ietf:params:acme:error:{kind}", "detail": f"{kind} it is", "status": status}
    return answer(status, document, nonce, **headers)


class ScriptedServer:
    """Answers POSTs from its script; the directory and nonces (n1, n2, ...) come by themselves."""

    def __init__(self, *answers):
        self.script = list(answers)
        self.directory = dict(DIRECTORY)
        self.posts = []
        self.asked = []
        self.now = NOW
        self.nonces = 0

    def clock(self):
        return self.now

    def answer(self, question):
        if isinstance(question, Pause):
            self.now += question.duration
            self.asked.append(question.duration)
            return Elapsed()
        assert isinstance(question, Fetch)
        self.asked.append(f"{question.method} {question.url.removeprefix(BASE)}")
        if question.url == f"{BASE}/dir":
            return answer(200, self.directory)
        if question.url == f"{BASE}/nonce":
            self.nonces += 1
            return answer(200, nonce=f"n{self.nonces}")
        self.posts.append(question)
        return self.script.pop(0)

    def run(self, inquiry):
        """Carry an inquiry to its end."""
        try:
            question = next(inquiry)
            while True:
                question = inquiry.send(self.answer(question))
        except StopIteration as stop:
            return stop.value

    @property
    def pauses(self):
        return [item for item in self.asked if isinstance(item, timedelta)]

    def header(self, number):
        """The protected header of a POST."""
        return parse_jws(self.posts[number].body).header

    def payload(self, number):
        """The payload of a POST; None for a POST-as-GET."""
        body = b64url_decode(json.loads(self.posts[number].body)["payload"])
        return json.loads(body) if body else None

    def verify(self, number, jwk):
        """Check the signature of a POST."""
        verify(parse_jws(self.posts[number].body), jwk)
