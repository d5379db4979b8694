"""An embedded API in virtual time: each client has a driver of its own on one loop, and may be cut off."""

from datetime import UTC, datetime, timedelta
from random import Random
from urllib.parse import parse_qsl, urlsplit

from acme_server.protocol.driver import Driver
from acme_server.protocol.vantage import TIMEOUT, Elapsed, HttpAnswer, Pause
from issuer_bridge.kube_api.rest import Call, handle
from issuer_bridge.kube_api.store import EmbeddedStore
from scheduler.simulator.loop import VirtualDriver

START = datetime(2026, 1, 1, tzinfo=UTC)
LATENCY = timedelta(milliseconds=5)


class VirtualCluster:
    def __init__(self, seed=1):
        self.driver = VirtualDriver(START, self._answer)
        self.random = Random(seed)
        self.store = EmbeddedStore(self.driver.now, self.random.randbytes)
        self._cut = {}

    def _answer(self, question):
        if isinstance(question, Pause):
            return question.duration, Elapsed()
        parts = urlsplit(question.url)
        content_type = dict(question.headers).get("Content-Type", "")
        query = dict(parse_qsl(parts.query))
        answer = handle(self.store, Call(question.method, parts.path, query, content_type, question.body))
        return LATENCY, HttpAnswer(answer.code, answer.headers, answer.body)

    def run(self, **duration):
        self.driver.run(until=self.driver.now() + timedelta(**duration))


class Client(Driver):
    """The driver of one process: alive until it is killed, and heard as long as it is not cut off."""

    def __init__(self, cluster):
        self._cluster, self._driver = cluster, cluster.driver
        self.alive, self.cut_off = True, False

    def now(self):
        return self._driver.now()

    def later(self, delay, callback, *, last=False):
        return self._driver.later(delay, lambda: self.alive and callback(), last=last)

    def spawn(self, inquiry, done, failed=None):
        self._driver.spawn(self._guarded(inquiry), lambda result: self.alive and done(result), failed)

    def _guarded(self, inquiry):
        answer = None
        while self.alive:
            try:
                question = inquiry.send(answer)
            except StopIteration as stop:
                return stop.value
            if self.cut_off and not isinstance(question, Pause):
                yield Pause(question.timeout)
                answer = HttpAnswer(error=TIMEOUT)
            else:
                answer = yield question
        inquiry.close()
        return None
