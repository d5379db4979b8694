"""A frame on an embedded store, in virtual time, with an author whose answers are scripted and whose calls are noted."""

from datetime import timedelta
from random import Random

from acme_server.protocol.vantage import Elapsed, pause
from issuer_bridge.conditions import set_condition
from issuer_bridge.context import Context
from issuer_bridge.issuer_lib.conduct import Options
from issuer_bridge.issuer_lib.consulting import Author
from issuer_bridge.issuer_lib.frame import Frame
from issuer_bridge.issuer_lib.outcomes import Bundle
from issuer_bridge.kube_api.store import EmbeddedStore
from issuer_bridge.recorder import Recorder
from issuer_bridge.resources import CERTIFICATE_REQUEST, CUSTOM_RESOURCE_DEFINITION, EVENT, SECRET
from scheduler.simulator.loop import VirtualDriver
from tests.issuer_bridge.bridge_resources import csr_of
from tests.issuer_bridge.bridge_rig import MortalDriver
from tests.issuer_bridge.issuer_lib.lib_resources import GROUP, KINDS, T1, TEST_ISSUER

MILLISECOND = timedelta(milliseconds=1)
OPEN = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def definition_of(kind):
    """A CRD whose objects hold what they like."""
    shape = {"type": "object", "properties": {"spec": OPEN, "status": OPEN}}
    version = {"name": kind.version, "served": True, "storage": True, "subresources": {"status": {}}}
    return {
        "apiVersion": CUSTOM_RESOURCE_DEFINITION.api_version,
        "kind": CUSTOM_RESOURCE_DEFINITION.kind,
        "metadata": {"name": f"{kind.plural}.{kind.group}"},
        "spec": {
            "group": kind.group,
            "scope": "Namespaced" if kind.namespaced else "Cluster",
            "names": {"kind": kind.kind, "plural": kind.plural},
            "versions": [{**version, "schema": {"openAPIV3Schema": shape}}],
        },
    }


class FrameRig:
    """checks, signs: what the calls say, in order, an exception or what is returned; afterwards all is well."""

    def __init__(self, options=None, checks=(), signs=(), takes=timedelta(0), **chosen):
        self.driver = VirtualDriver(T1, lambda question: (question.duration, Elapsed()))
        random = Random(7)
        self.store = EmbeddedStore(self.driver.now, random.randbytes, ["ns1"])
        for kind in KINDS:
            self.store.insert(CUSTOM_RESOURCE_DEFINITION, definition_of(kind))
        recorder = Recorder(self.store, self.driver.now, random.randbytes, "test-owner")
        self.facts = []
        self.context = Context(
            self.store, self.driver.now, random.randbytes, recorder, lambda _, facts: self.facts.extend(facts)
        )
        self.options = options or Options(field_owner="test-owner", **chosen)
        self.checks, self.signs, self.takes = list(checks), list(signs), takes
        self.calls = []
        self.running = self.most_running = 0
        self.start()

    def start(self):
        """Begin as after a restart: knowing nothing but what is in the store."""
        self.mortal = MortalDriver(self.driver)
        self.frame = Frame(self.mortal, self.context, Author(KINDS, self.check, self.sign), self.options)
        self.frame.start()

    def crash(self):
        """Die, with all that is under way, and begin again."""
        self.frame.stop()
        self.mortal.alive = False
        self.running = 0
        self.start()

    def check(self, issuer):
        self.note("check", issuer)
        yield from self.say(self.checks)

    def sign(self, request, issuer):
        self.note("sign", issuer)
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            yield from pause(self.takes)
            yield from self.say(self.signs)
        finally:
            self.running -= 1
        return Bundle(b"a chain")

    def say(self, script):
        said = script.pop(0) if script else None
        if isinstance(said, Exception):
            raise said
        yield from ()

    def note(self, function, issuer):
        data = {name: dict(secret.data) for name, secret in issuer.secrets.items()}
        self.calls.append((function, int((self.driver.now() - T1) / MILLISECOND), data))

    @property
    def times(self):
        return [call[:2] for call in self.calls]

    def issuer(self, kind=TEST_ISSUER, name="issuer-1", **spec):
        metadata = {"name": name, **({"namespace": "ns1"} if kind.namespaced else {})}
        self.put(kind, {"metadata": metadata, "spec": spec})

    def secret(self, value, name="credentials", namespace="ns1"):
        secret = {"metadata": {"name": name, "namespace": namespace}, "stringData": {"token": value}}
        if self.store.get(SECRET, namespace, name):
            self.store.replace(SECRET, secret)
        else:
            self.put(SECRET, secret)

    def request(self, name="cr1", approved=True, kind="TestIssuer", issuer="issuer-1", condition="Approved"):
        spec = {"request": csr_of("a.test"), "issuerRef": {"group": GROUP, "kind": kind, "name": issuer}}
        self.put(CERTIFICATE_REQUEST, {"metadata": {"name": name, "namespace": "ns1"}, "spec": spec})
        if approved:
            self.approve(name, condition)

    def approve(self, name="cr1", condition="Approved", status="True", reason="r"):
        """Set a condition, as somebody else would."""
        found = self.store.get(CERTIFICATE_REQUEST, "ns1", name)
        old = found.get("status") or {}
        conditions = set_condition(old.get("conditions", []), condition, status, reason, "m", self.driver.now())
        self.store.replace_status(CERTIFICATE_REQUEST, {**found, "status": {**old, "conditions": conditions}})

    def put(self, kind, resource):
        return self.store.insert(kind, {"apiVersion": kind.api_version, "kind": kind.kind, **resource})

    def run(self, seconds):
        self.driver.run(until=self.driver.now() + timedelta(seconds=seconds))

    def ready(self, kind=CERTIFICATE_REQUEST, name="cr1"):
        """Status, reason and message of Ready."""
        found = self.store.get(kind, "ns1", name)
        conditions = (found.get("status") or {}).get("conditions", [])
        return next(
            (
                tuple(item[key] for key in ("status", "reason", "message"))
                for item in conditions
                if item["type"] == "Ready"
            ),
            None,
        )

    def objects(self):
        """All that is there but events."""
        return [self.store.list(kind) for kind in (*KINDS, CERTIFICATE_REQUEST, SECRET)]

    def events(self, name="cr1"):
        """Reasons of the events of an object, with how often."""
        events = [event for event in self.store.list(EVENT) if event["involvedObject"]["name"] == name]
        return sorted((event["type"], event["reason"], event["count"]) for event in events)
