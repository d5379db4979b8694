"""The bridge against a server at fault, in virtual time: whatever happens, a certificate in the end, and only one."""

from __future__ import annotations

from datetime import timedelta

import pytest

from acme_server.faults.rule import read_rule
from tests.simulation.virtual_house import START, VirtualHouse

FAULTS = [
    {"match": {"endpoint": "finalize"}, "action": "lose", "when": {"stage": "after", "count": 1}},
    {"match": {"endpoint": "finalize"}, "action": "lose", "when": {"stage": "before", "count": 1}},
    {"match": {"endpoint": "newOrder"}, "action": "stall", "when": {"count": 1}},
    {"match": {"endpoint": "order"}, "action": {"kind": "cut", "keep": 10}, "when": {"count": 1}},
    {"match": {"endpoint": "certificate"}, "action": "page", "when": {"count": 1}},
    {"match": {"every": 3}, "action": "badNonce"},
    {"action": {"kind": "latency", "seconds": 7}},
    {"action": {"kind": "processing", "seconds": 30}},
    {"action": {"kind": "pending", "seconds": 30}},
]


def run(fault, seed=1):
    house = VirtualHouse(seed)
    house.house.world.faults.arm(read_rule(fault), START)
    house.apply_issuer()
    house.apply_request("one", "one.http.test")
    house.driver.run(START + timedelta(hours=2))
    return house


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_the_request_is_ready_all_the_same(fault):
    house = run(fault)
    assert len(house.facts("FaultInjected")) >= 1
    assert house.ready("one") == ("True", "Issued")
    assert len(house.facts("CertificateIssued")) == 1


def test_a_faulty_run_repeats():
    fault = {"action": "badNonce", "when": {"probability": 0.3}}
    assert run(fault).house.world.journal.digest == run(fault).house.world.journal.digest
    assert run(fault).house.world.journal.digest != run(fault, seed=2).house.world.journal.digest
