"""Experiments on a whole house in virtual time: load, chaos at a random moment of a seed, and how long it is felt."""

import functools
import json
import random
from datetime import timedelta

from gravel.chaos.experiments import EXPERIMENTS, rules_of
from issuer_bridge.conditions import READY, is_true
from issuer_bridge.resources import CERTIFICATE, CLUSTER_ISSUER, EVENT, SECRET
from tests.issuer_bridge.cert_manager.certificates.certificate_rig import certificate
from tests.issuer_bridge.local_rig import typed_issuer
from tests.simulation.virtual_house import VirtualHouse

SEEDS = (1, 2)
LASTING = 300
MANY = 8
SYSTEM = "kube-system"
ISSUERS = ("gravel", "mesh-ca")


class ChaosHouse(VirtualHouse):
    """A house with an ACME issuer and a CA issuer, and Certificates of both."""

    def __init__(self, seed, **options):
        super().__init__(seed, timing="fast", **options)
        self.moments = random.Random(seed)
        self.names, self.seen = [], {}
        self.apply_issuer()
        self.create(CLUSTER_ISSUER, typed_issuer("bootstrap", {"selfSigned": {}}))
        self.create(CLUSTER_ISSUER, typed_issuer("mesh-ca", {"ca": {"secretName": "root"}}))
        self.add("root", "bootstrap", SYSTEM, secretName="root", isCA=True, commonName="root.test", duration="87600h")
        self.house.resources.watch(self._see)
        self.run(seconds=10)

    def _see(self, event, kind, resource):
        """Remember all that is ever said about a kind of resource."""
        about, said = kind.kind, resource.get("status")
        if kind == EVENT:
            about, said = resource["involvedObject"]["kind"], [resource["reason"], resource["message"]]
        self.seen.setdefault(about, {})[json.dumps(said)] = None

    def add(self, name, issuer_name, namespace="default", **spec):
        """Create a Certificate, now."""
        reference = {"name": issuer_name, "kind": "ClusterIssuer"}
        resource = certificate(name, issuerRef=reference, **spec)
        self.create(CERTIFICATE, {**resource, "metadata": {"name": name, "namespace": namespace}})
        self.names.append((namespace, name))

    def run(self, **duration):
        self.driver.run(until=self.driver.now() + timedelta(**duration))

    def load(self, seconds):
        """Create Certificates of both issuers at random moments of the next seconds."""
        for number in range(MANY):
            name, issuer_name = f"c{len(self.names)}-{number}", ISSUERS[number % 2]
            delay = timedelta(seconds=self.moments.uniform(0, seconds))
            self.driver.later(delay, lambda name=name, of=issuer_name: self.add(name, of))

    def begin(self, experiment, seconds=LASTING, target=None):
        """Arm an experiment, as POST /chaos does."""
        for rule in rules_of(experiment, seconds, target):
            self.house.world.faults.arm(rule, self.driver.now())

    @property
    def all_ready(self):
        resources = self.house.resources
        found = [resources.get(CERTIFICATE, *place) for place in self.names]
        return all(
            is_true(one, READY) and resources.get(SECRET, one["metadata"]["namespace"], one["spec"]["secretName"])
            for one in found
        )

    def said(self, kind, text):
        """Whether events about a kind of resource, or their status, ever said something."""
        return any(text in said for said in self.seen.get(kind, ()))

    def issuer_ready(self, name):
        found = self.house.resources.get(CLUSTER_ISSUER, "", name)
        (ready,) = [one for one in found["status"]["conditions"] if one["type"] == READY]
        return ready["status"], ready["reason"]


@functools.cache
def conduct(experiment, seed):
    """Run an experiment of five minutes under load; return the house, when it began, and how long it was felt afterwards."""
    house = ChaosHouse(seed)
    house.load(LASTING)
    house.run(seconds=house.moments.uniform(0, 60))
    began = house.driver.now()
    house.begin(experiment)
    house.run(seconds=LASTING)
    ended = house.driver.now()
    while not (len(house.names) == MANY + 1 and house.all_ready):
        house.run(seconds=2)
        assert house.driver.now() - ended < timedelta(hours=3), (experiment, seed)
    return house, began, house.driver.now() - ended


def table():
    """The experiments, for docs/chaos.md."""
    head = ["| experiment | what is done | what says so | all is well within | measured |", "|---|---|---|---|---|"]
    rows = []
    for name, one in EXPERIMENTS.items():
        shows = "; ".join(f"{kind}: {text}" for kind, text in one.shows.items()) or "the metrics alone"
        longest = max(conduct(name, seed)[2] for seed in SEEDS)
        rows.append(f"| `{name}` | {one.what} | {shows} | {in_words(one.recovery)} | {in_words(longest)} |")
    return "\n".join([*head, *rows])


def in_words(duration):
    """A duration in minutes, or in seconds where it is short."""
    seconds = int(duration.total_seconds())
    return f"{seconds // 60} min" if seconds >= 60 else f"{seconds} s"
