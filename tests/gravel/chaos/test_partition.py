"""A partition: what the bridge writes is refused, what it should hear it hears later, in its order."""

from datetime import timedelta

import pytest

from acme_server.faults.rule import read_rule
from gravel.chaos.bridge_faults import BridgeFaults
from gravel.chaos.partition import PartitionedResources
from issuer_bridge.kube_api.store import EmbeddedStore
from issuer_bridge.resources import SECRET, ApiError
from tests.simulation.virtual_house import VirtualHouse


class Rig:
    """Resources behind a partition, and what was heard and refused."""

    def __init__(self):
        house = VirtualHouse()
        self.driver, self.world = house.driver, house.house.world
        self.store = EmbeddedStore(self.driver.now, self.world.entropy)
        faults = BridgeFaults(self.world, self.driver.now)
        self.resources = PartitionedResources(self.store, faults, self.driver)
        self.heard, self.refused = [], []
        self.stop = self.resources.watch(
            lambda event, kind, resource: self.heard.append((event, resource["metadata"]["name"]))
        )

    def cut(self, **when):
        rule = read_rule({"id": "cut", "action": "partition", "when": when})
        self.world.faults.arm(rule, self.driver.now())

    def spawn(self, write):
        self.driver.spawn(write, lambda _: None, self.refused.append)

    def run(self, **duration):
        self.driver.run(until=self.driver.now() + timedelta(**duration))


def secret(name):
    return {"metadata": {"name": name, "namespace": "default"}}


@pytest.mark.seed("B57")
def test_writes_fail_while_it_lasts_and_nothing_is_written():
    rig = Rig()
    kept = rig.store.insert(SECRET, secret("kept"))
    rig.cut(until=60.0)
    resources = rig.resources
    writes = (
        lambda: resources.create(SECRET, secret("new")),
        lambda: resources.update(SECRET, {**kept, "data": {"a": "YQ=="}}),
        lambda: resources.update_status(SECRET, kept),
        lambda: resources.delete(SECRET, "default", "kept"),
    )
    for write in writes:
        rig.spawn(write())
    rig.run(seconds=59)
    assert [error.code for error in rig.refused if isinstance(error, ApiError)] == [503] * len(writes)
    assert (resources.get(SECRET, "default", "kept"), len(resources.list(SECRET))) == (kept, 1)
    rig.run(seconds=1)
    rig.spawn(resources.create(SECRET, secret("new")))
    rig.run(seconds=1)
    assert len(rig.refused) == len(writes)
    assert resources.get(SECRET, "default", "new") is not None


@pytest.mark.seed("B57")
def test_what_happened_meanwhile_is_heard_afterwards_in_its_order():
    rig = Rig()
    rig.cut(until=60.0)
    for name in ("a", "b"):
        rig.spawn(rig.store.create(SECRET, secret(name)))
    rig.spawn(rig.store.delete(SECRET, "default", "a"))
    rig.run(seconds=59)
    assert rig.heard == []
    rig.run(seconds=2)
    assert rig.heard == [("ADDED", "a"), ("ADDED", "b"), ("DELETED", "a")]
    rig.spawn(rig.store.create(SECRET, secret("c")))
    rig.run(seconds=1)
    assert rig.heard[-1] == ("ADDED", "c")


def test_who_stops_listening_hears_nothing_afterwards():
    rig = Rig()
    rig.cut(until=10.0)
    rig.spawn(rig.store.create(SECRET, secret("a")))
    rig.run(seconds=1)
    rig.stop()
    rig.run(seconds=20)
    assert rig.heard == []
