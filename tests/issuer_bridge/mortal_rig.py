"""A bridge that dies before or after any write and any ACME request, and starts again on what is on disk.

It looks over the bridge's shoulder at each of these moments, so that a mistake is seen that a correct server forgives.
"""

import json
import sqlite3

from acme_server.protocol.jose import parse_jws
from acme_server.protocol.vantage import HttpAnswer
from issuer_bridge.kube_api.archive import SqliteArchive
from issuer_bridge.kube_api.store import EmbeddedStore
from issuer_bridge.resources import ORDER
from tests.issuer_bridge.bridge_rig import Rig, kind_of
from tests.issuer_bridge.scripted_server import problem

FAULTS = {
    "refused": HttpAnswer(error="connection refused"),
    "error": problem("serverInternal", 500),
    "limited": problem("rateLimited", 429, Retry_After="7"),
    "lost": HttpAnswer(error="connection reset"),  # the server has acted
}


class Killed(BaseException):
    """The bridge's process is no more."""


class Fuse:
    """Counts moments, and burns through at the one that was set."""

    def __init__(self):
        self.left, self.passed = None, 0

    def burn(self):
        self.passed += 1
        if self.left is None:
            return
        self.left -= 1
        if self.left < 0:
            self.left = None
            raise Killed


class MortalArchive(SqliteArchive):
    """Dies before or after a write."""

    def __init__(self, connection, fuse):
        super().__init__(connection)
        self.fuse = fuse

    def keep(self, *arguments):
        self.fuse.burn()
        super().keep(*arguments)
        self.fuse.burn()

    def drop(self, *arguments):
        self.fuse.burn()
        super().drop(*arguments)
        self.fuse.burn()


class MortalRig(Rig):
    """faults: names of `answers` by the number of the ACME request that meets them; wrong: what the bridge did wrong."""

    answers = FAULTS

    def __init__(self, **options):
        self.fuse, self.connection = Fuse(), sqlite3.connect(":memory:", isolation_level=None)
        self.faults, self.requests, self.wrong = {}, 0, []
        self.read, self.shown = {}, {}
        super().__init__(wrap=lambda solver: Watched(self, solver), **options)

    def new_store(self):
        return EmbeddedStore(self.driver.now, self.entropy, archive=MortalArchive(self.connection, self.fuse))

    def live(self, end, deaths):
        """Let time pass; deaths: after how many moments each, and for how many seconds the bridge is gone."""
        rest = list(deaths)
        while self.driver.now() < end:
            self.fuse.left, gone = rest.pop(0) if rest else (None, 0)
            try:
                self.driver.run(until=end)
            except Killed:
                self.crash()
                self.run(seconds=gone)
                self.store = self.new_store()
                self.start()

    def _acme(self, question):
        self._judge(question)
        self.fuse.burn()
        self.requests += 1
        fault = self.faults.get(self.requests)
        if fault not in (None, "lost"):
            return self.answers[fault]
        answer = super()._acme(question)
        kind, url = kind_of(question), question.url
        if kind == "finalize" and answer.status == 200:
            self.read[url.removesuffix("/finalize")] = "finalized"
        self.fuse.burn()
        if fault:
            return self.answers[fault]
        if kind in ("order", "new-order") and answer.status in (200, 201):
            place = dict(answer.headers).get("Location", url)
            self.read[place] = json.loads(answer.body)["status"]
        return answer

    def _judge(self, question):
        """Hold what is asked against what the bridge has read, and has on disk."""
        kind = kind_of(question)
        if kind == "finalize":
            seen = self.read.get(question.url.removesuffix("/finalize"))
            if seen != "ready":
                self.wrong.append(f"finalize, when the order was last seen {seen}")
        if kind == "new-order":
            names = _identifiers(question)
            (order,) = [item for item in self.store.list(ORDER) if tuple(sorted(item["spec"]["dnsNames"])) == names]
            if (order.get("status") or {}).get("url"):
                self.wrong.append(f"a second newOrder for {names}")


class Watched:
    """A solver that remembers what it showed, and what it took away."""

    def __init__(self, rig, solver):
        self.rig, self.solver = rig, solver
        self.check = solver.check

    def present(self, presentation):
        if self.rig.shown.get(presentation.token) is False:
            self.rig.wrong.append(f"{presentation.dns_name} is shown after its clean-up")
        self.rig.shown[presentation.token] = True
        return self.solver.present(presentation)

    def clean_up(self, presentation):
        self.rig.shown[presentation.token] = False
        return self.solver.clean_up(presentation)


def _identifiers(question):
    payload = json.loads(parse_jws(question.body).payload)
    return tuple(sorted(identifier["value"] for identifier in payload["identifiers"]))
