"""The bridge at work in virtual time: the real server, solvers, store and operator; faults and crashes on request."""

import hashlib
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from acme_server.exchange import Request
from acme_server.protocol.driver import Driver
from acme_server.protocol.jose import parse_jws
from acme_server.protocol.vantage import HttpAnswer, Reply
from acme_server.server import Server
from acme_server.settings import Settings
from acme_server.world import create_world
from issuer_bridge.kube_api.store import EmbeddedStore
from issuer_bridge.operator import Operator, Options, WorldAddress
from issuer_bridge.resources import CERTIFICATE_REQUEST, CHALLENGE, CLUSTER_ISSUER, EVENT, ORDER
from scheduler.simulator.loop import VirtualDriver
from scheduler.simulator.network import VirtualNetwork
from solvers.dns.answer import answer, answer_question
from solvers.dns.writers import NOBODY
from solvers.dns.zone import Zone
from solvers.dns01.authorities import Authorities
from solvers.dns01.propagation import Propagation
from solvers.dns01.provider import ZoneProvider
from solvers.dns01.solver import Dns01Solver
from solvers.http01.responder import Responder
from solvers.http01.solver import Http01Solver
from solvers.timing import TIMINGS
from tests.issuer_bridge.bridge_resources import csr_of, issuer

START = datetime(2026, 1, 1, tzinfo=UTC)
ACME, RESPONDER, DNS = "acme.test:14000", "127.0.0.1:5002", "127.0.0.1:8053"
LATENCY = timedelta(milliseconds=5)


def entropy_of(seed):
    counter = iter(range(1 << 62))

    def draw(size):
        blocks = [hashlib.sha256(f"{seed}/{next(counter)}".encode()).digest() for _ in range(-(-size // 32))]
        return b"".join(blocks)[:size]

    return draw


class MortalDriver(Driver):
    """A driver that can be killed: nothing that was under way comes to its end."""

    def __init__(self, driver):
        self.driver = driver
        self.alive = True

    def now(self):
        return self.driver.now()

    def later(self, delay, callback, *, last=False):
        return self.driver.later(delay, lambda: self.alive and callback(), last=last)

    def spawn(self, inquiry, done, failed=None):
        self.driver.spawn(self._guarded(inquiry), lambda result: self.alive and done(result), failed)

    def _guarded(self, inquiry):
        answer = None
        while self.alive:
            try:
                question = next(inquiry) if answer is None else inquiry.send(answer)
            except StopIteration as stop:
                return stop.value
            answer = yield question
        inquiry.close()
        return None


class Rig:
    """A server and a bridge.

    wrap: puts something around the http01 solver; timing: what the solvers wait;
    tamper: called with each question to the ACME server; an answer that it
    returns is given instead of the server's. hide: called with each question to
    the responder; True answers it with 404. lose: like tamper, but the server
    has acted, and its answer is lost. writers: who may update the zone by
    messages.
    """

    def __init__(self, seed=1, wrap=lambda solver: solver, timing=TIMINGS["fast"], **options):
        self.network = VirtualNetwork(
            routes={ACME: self._acme, RESPONDER: self._respond},
            dns=lambda question: answer_question(self.zone, question),
            latency=LATENCY,
            receiver=self._receive,
        )
        self.driver = VirtualDriver(START, self.network)
        self.entropy = entropy_of(seed)
        self.zone, self.responder, self.writers = Zone(), Responder(), NOBODY
        self.tamper = self.hide = self.lose = lambda question: None
        self.asked = []
        self.store = self.new_store()
        self.options = Options(**options)
        self.wrap, self.timing = wrap, timing
        self.new_server()
        self.mortal = None
        self.start()

    def new_store(self):
        """Return the store of the bridge's first life."""
        return EmbeddedStore(self.driver.now, self.entropy)

    def new_server(self):
        """Begin with an empty server, as when one that keeps nothing is started again."""
        settings = Settings(http01_port=5002, dns=DNS)
        self.world = create_world(f"https://{ACME}", settings, self.entropy, self.driver.now())
        self.server = Server(self.world, self.driver)

    def start(self):
        """Start the bridge, or start it again after a crash."""
        self.mortal = MortalDriver(self.driver)
        solvers = {
            "http01": self.wrap(Http01Solver(self.responder, 5002, self.timing, self.driver.now, (DNS,))),
            "dns01": Dns01Solver(
                ZoneProvider(self.zone), Propagation((DNS,), Authorities(self.driver.now), port=8053), self.timing
            ),
        }
        self.operator = Operator(
            self.mortal,
            self.resources(),
            solvers,
            {"default": WorldAddress(self.world.directory_url)},
            self.entropy,
            lambda house, facts: self.world.journal.append(house, facts, self.driver.now()),
            self.options,
        )
        self.operator.start()

    def resources(self):
        """Return what the bridge works on."""
        return self.store

    def crash(self):
        self.mortal.alive = False
        self.operator.stop()

    def _acme(self, question):
        tampered = self.tamper(question)
        if tampered is not None:
            return tampered
        parts = urlsplit(question.url)
        self.asked.append((self.driver.now(), kind_of(question)))
        headers = {key.lower(): value for key, value in question.headers}
        reply = self.server.handle(Request(question.method, parts.path, headers, question.body))
        lost = self.lose(question)
        return lost if lost is not None else HttpAnswer(reply.status, reply.headers, reply.body)

    def _receive(self, question):
        return Reply(answer(self.zone, question.message, udp=not question.tcp, writers=self.writers))

    def _respond(self, question):
        parts = urlsplit(question.url)
        if self.hide(question):
            return HttpAnswer(404, (), b"not here")
        status, body = self.responder.handle(question.method, parts.netloc, parts.path)
        return HttpAnswer(status, (), body)

    def create(self, kind, resource):
        self.driver.spawn(self.store.create(kind, resource), lambda _: None)

    def apply_issuer(self, name="gravel", **acme):
        resource = issuer(name, **acme)
        self.create(CLUSTER_ISSUER, {**resource, "metadata": {"name": name}, "status": {}})

    def apply(self, name, *names, **spec):
        metadata = {"name": name, "namespace": "default"}
        reference = {"name": "gravel", "kind": "ClusterIssuer"}
        resource = {"apiVersion": "cert-manager.io/v1", "kind": "CertificateRequest", "metadata": metadata}
        self.create(
            CERTIFICATE_REQUEST, {**resource, "spec": {"request": csr_of(*names), "issuerRef": reference, **spec}}
        )

    def run(self, **duration):
        self.driver.run(until=self.driver.now() + timedelta(**duration))

    def request(self, name):
        return self.store.get(CERTIFICATE_REQUEST, "default", name)

    def ready(self, name):
        """(status, reason, message) of Ready."""
        conditions = self.request(name).get("status", {}).get("conditions", [])
        return next(((c["status"], c["reason"], c["message"]) for c in conditions if c["type"] == "Ready"), None)

    def issued(self, name):
        return (self.ready(name) or ("",))[0] == "True"

    @property
    def orders(self):
        return self.store.list(ORDER)

    @property
    def challenges(self):
        return self.store.list(CHALLENGE)

    def events(self, kind):
        """(reason, message) of the events of a kind of resource."""
        return [(e["reason"], e["message"]) for e in self.store.list(EVENT) if e["involvedObject"]["kind"] == kind]

    def facts(self, house, *kinds):
        return [entry for entry in self.world.journal if entry.house == house and entry.kind in kinds]

    def count(self, kind):
        """How often the server was asked for something (see kind_of)."""
        return [asked[1] for asked in self.asked].count(kind)


def kind_of(question):
    """What a question to the server is about: `new-order`, `authz`, `finalize`, ..., and `answer` for a POST {}."""
    parts = urlsplit(question.url).path.strip("/").split("/")
    if parts[-1] == "finalize":
        return "finalize"
    answers = question.method == "POST" and parse_jws(question.body).payload == b"{}"
    return "answer" if answers else parts[0]


def of_the_server(question):
    """Whether the ACME server asks the responder, and not a self-check."""
    return ("User-Agent", "gravel") in question.headers
