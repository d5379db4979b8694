"""Two clusters in virtual time, with a network between that may be cut: the issuer's, and one with a mesh to restart."""

import base64
import json
from datetime import UTC, datetime, timedelta

from acme_server.protocol.journal import Journal
from acme_server.protocol.vantage import Elapsed, pause
from issuer_bridge.context import Context
from issuer_bridge.gloo import agent, issuing
from issuer_bridge.gloo.agent import Agent
from issuer_bridge.gloo.issuing import Issuing
from issuer_bridge.gloo.signing import Options
from issuer_bridge.kube_api.store import EmbeddedStore
from issuer_bridge.recorder import Recorder
from issuer_bridge.resources import (
    CONFIG_MAP,
    EVENT,
    GLOO_REQUEST,
    ISSUED_CERTIFICATE,
    POD,
    SECRET,
    ApiError,
    Resources,
)
from scheduler.simulator.loop import VirtualDriver
from tests.issuer_bridge.bridge_rig import MortalDriver, entropy_of
from tests.issuer_bridge.gloo.gloo_resources import CACERTS, pod, root_secret

START = datetime(2026, 1, 1, tzinfo=UTC)
HALF_WAY = timedelta(milliseconds=5)
NAMESPACES = ("gloo-mesh", "istio-system", "shop")


class Line(Resources):
    """The port to a cluster at the other end of a wire: reads lag, writes may be lost on either way.

    kinds: what may be read; cut: nothing arrives; twice: every event does so two times.
    """

    def __init__(self, driver, store, kinds, name):
        self.driver, self.store, self.kinds, self.name = driver, store, (*kinds, EVENT), name
        self.cut = self.twice = False
        self.writes = []
        self._copies = {(kind, *_key(item)): item for kind in self.kinds for item in store.list(kind)}
        self._news, self._listeners = [], []
        store.watch(self._happened)

    def get(self, kind, namespace, name):
        assert kind in self.kinds, f"{self.name} reads {kind.plural}"
        return self._copies.get((kind, namespace, name))

    def list(self, kind, namespace=None, labels=None):
        assert kind in self.kinds, f"{self.name} reads {kind.plural}"
        found = [item for key, item in self._copies.items() if key[0] == kind and namespace in (None, key[1])]
        return sorted(found, key=_key)

    def create(self, kind, resource):
        return (yield from self._write("create", kind, lambda: self.store.insert(kind, resource)))

    def update(self, kind, resource):
        return (yield from self._write("update", kind, lambda: self.store.replace(kind, resource)))

    def update_status(self, kind, resource):
        return (yield from self._write("status", kind, lambda: self.store.replace_status(kind, resource)))

    def delete(self, kind, namespace, name):
        yield from self._write("delete", kind, lambda: self.store.remove(kind, namespace, name))

    def watch(self, listener):
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def heal(self):
        self.cut = False
        self._arrive()

    def _write(self, verb, kind, act):
        yield from pause(HALF_WAY)
        self._refuse_when_cut()
        self.writes.append((verb, kind))
        written = act()
        yield from pause(HALF_WAY)
        self._refuse_when_cut()  # it was done, and nobody here knows
        if verb != "delete":
            self._copies[(kind, *_key(written))] = written
        return written

    def _refuse_when_cut(self):
        if self.cut:
            raise ApiError(503, "ServiceUnavailable", f"{self.name} does not answer")

    def _happened(self, event, kind, resource):
        if kind in self.kinds:
            self._news.append((event, kind, resource))
            self.driver.later(HALF_WAY, self._arrive)

    def _arrive(self):
        while self._news and not self.cut:
            event, kind, resource = self._news.pop(0)
            if event == "DELETED":
                self._copies.pop((kind, *_key(resource)), None)
            else:
                self._copies[(kind, *_key(resource))] = resource
            for listener in (*self._listeners, *(self._listeners if self.twice else ())):
                listener(event, kind, resource)


class TwoClusters:
    """remote: with the agent and the mesh; management: with the CA. `seen` is all that was ever written to each."""

    def __init__(self, seed=1, options=Options(), rsa_keys=None, twice=False):  # noqa: B008 - a frozen value
        self.driver = VirtualDriver(START, lambda question: (question.duration, Elapsed()))
        self.entropy, self.options, self.rsa_keys = entropy_of(seed), options, rsa_keys
        self.remote = EmbeddedStore(self.driver.now, entropy_of(f"{seed} remote"), NAMESPACES)
        self.management = EmbeddedStore(self.driver.now, entropy_of(f"{seed} management"), NAMESPACES)
        self.seen = {"remote": [], "management": []}
        for name, store in (("remote", self.remote), ("management", self.management)):
            store.watch(lambda event, kind, item, name=name: self.seen[name].append((kind, json.dumps(item))))
        self.journals = {"remote": Journal("remote"), "management": Journal("management")}
        self.bounced, self.twice, self.cut = [], twice, False
        self.dead = {}
        self.remote.watch(self._note_bounce)
        self.start_agent()
        self.start_issuing()

    def start_agent(self):
        """Start the agent, or start it again after a crash."""
        self.agent_process = MortalDriver(self.driver)
        self.agent_line = self._line(self.remote, agent.WATCHED, "the agent")
        context = self._context(self.agent_line, "remote")
        self.agent = Agent(self.agent_process, context, self.rsa_keys)
        self.agent.start()

    def start_issuing(self):
        self.issuing_process = MortalDriver(self.driver)
        self.far_line = self._line(self.remote, issuing.WATCHED_REMOTE, "the issuer, from afar,")
        self.far_line.cut = self.cut
        self.own_line = self._line(self.management, issuing.WATCHED_OWN, "the issuer")
        context = self._context(self.far_line, "management")
        self.issuing = Issuing(self.issuing_process, context, self.own_line, self.options)
        self.issuing.start()

    def _line(self, store, kinds, name):
        line = Line(self.driver, store, kinds, name)
        line.twice = self.twice
        return line

    def _context(self, line, name):
        journal = self.journals[name]
        recorder = Recorder(line, self.driver.now, self.entropy)

        def record(house, facts):
            journal.append(house, facts, self.driver.now())

        return Context(line, self.driver.now, self.entropy, recorder, record)

    def crash(self, side):
        """Kill one side; nothing that it had under way comes to its end."""
        (self.agent_process if side == "agent" else self.issuing_process).alive = False
        (self.agent if side == "agent" else self.issuing).stop()

    def restart(self, side):
        self.start_agent() if side == "agent" else self.start_issuing()

    def part(self):
        """Cut the issuer off from the other cluster."""
        self.cut = self.far_line.cut = True

    def heal(self):
        self.cut = False
        self.far_line.heal()

    def disturb(self, fault, at, lasting):
        """Let `agent` or `issuing` be dead, or the network parted, for a while."""
        begin, end = (self.part, self.heal) if fault == "network" else (self._die, self._live)
        arguments = () if fault == "network" else (fault,)
        self.driver.later(at, lambda: begin(*arguments))
        self.driver.later(at + lasting, lambda: end(*arguments))

    def _die(self, side):
        self.dead[side] = self.dead.get(side, 0) + 1
        self.crash(side)

    def _live(self, side):
        self.dead[side] -= 1
        if not self.dead[side]:
            self.restart(side)

    def add_root(self, name="root-ca", namespace="gloo-mesh", data=None):
        self.management.insert(SECRET, root_secret(name, namespace, data))

    def add_mesh(self, *pods):
        """Let pods be restarted under new names, and istiod distribute the root of `cacerts` once it is ready."""
        for each in pods:
            self.remote.insert(POD, each)
            self.remote.replace_status(POD, ready(self.remote.get(POD, *_key(each))))
        self.remote.watch(self._replace_pod)
        self.bounced.clear()

    def _note_bounce(self, event, kind, resource):
        if kind == POD and event == "DELETED":
            self.bounced.append(resource["metadata"]["name"])

    def _replace_pod(self, event, kind, resource):
        if kind == POD and event == "DELETED":
            metadata = resource["metadata"]
            name = f"{metadata['name']}-again"
            self.driver.later(
                timedelta(seconds=2),
                lambda: self.remote.insert(POD, pod(name, metadata["namespace"], **metadata["labels"])),
            )
            self.driver.later(timedelta(seconds=5), lambda: self._come_up(metadata["namespace"], name))

    def _come_up(self, namespace, name):
        found = self.remote.get(POD, namespace, name)
        self.remote.replace_status(POD, ready(found))
        if found["metadata"]["labels"].get("app") == "istiod":
            self.driver.later(timedelta(seconds=3), self._distribute_root)

    def _distribute_root(self):
        root = data_of(self.remote.get(SECRET, *CACERTS))["root-cert.pem"]
        for namespace in NAMESPACES:
            bundle = {"metadata": {"namespace": namespace, "name": "istio-ca-root-cert"}}
            existing = self.remote.get(CONFIG_MAP, namespace, "istio-ca-root-cert")
            write = self.remote.insert if existing is None else self.remote.replace
            write(CONFIG_MAP, {**(existing or bundle), "data": {"root-cert.pem": root.decode()}})

    def perform(self, inquiry):
        """Run an inquiry to its end."""
        ended = []
        self.driver.spawn(inquiry, ended.append)
        while not ended:
            self.run(seconds=1)

    def run(self, **duration):
        self.driver.run(until=self.driver.now() + timedelta(**duration))

    def certificate(self, name="istio"):
        return self.remote.get(ISSUED_CERTIFICATE, "gloo-mesh", name)

    def state(self, name="istio"):
        """The state, "" before the agent has written one."""
        return self.certificate(name).get("status", {}).get("state", "")

    def error(self, name="istio"):
        return self.certificate(name).get("status", {}).get("error", "")

    def request(self, name="istio"):
        return self.remote.get(GLOO_REQUEST, "gloo-mesh", name)

    def events(self):
        """(reason, message) of what the agent tells."""
        return [(event["reason"], event["message"]) for event in self.remote.list(EVENT)]


def ready(found):
    return {**found, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}


def data_of(secret):
    """The data of a Secret as bytes."""
    return {name: base64.b64decode(value) for name, value in secret["data"].items()}


def _key(resource):
    return resource["metadata"].get("namespace", ""), resource["metadata"]["name"]
