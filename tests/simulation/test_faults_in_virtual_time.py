"""The bridge against a server at fault, in virtual time: whatever happens, a certificate in the end, and only one."""

from __future__ import annotations

from datetime import timedelta

import pytest

from acme_server.faults.rule import read_rule
from acme_server.protocol.times import parse_rfc3339
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


DNS_FAULTS = [
    {"match": {"type": "TXT"}, "action": "servfail", "when": {"count": 2}},
    {"match": {"type": "TXT"}, "action": "no-answer", "when": {"count": 2}},
    {"match": {"type": "TXT"}, "action": "no-data", "when": {"count": 2}},
    {"match": {"type": "CNAME"}, "action": "cname-loop", "when": {"count": 2}},
    {"match": {"endpoint": "dns"}, "action": {"kind": "latency", "seconds": 30}, "when": {"until": 90}},
    {"action": {"kind": "propagation", "seconds": 45}},
    {"action": {"kind": "propagation", "seconds": 20, "until": 60}},
]


def run(fault, seed=1, name="one.http.test", **options):
    house = VirtualHouse(seed, **options)
    house.house.world.faults.arm(read_rule(fault), START)
    house.apply_issuer()
    house.apply_request("one", name)
    house.driver.run(START + timedelta(hours=2))
    return house


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_the_request_is_ready_all_the_same(fault):
    house = run(fault)
    assert len(house.facts("FaultInjected")) >= 1
    assert house.ready("one") == ("True", "Issued")
    assert len(house.facts("CertificateIssued")) == 1


@pytest.mark.parametrize("fault", DNS_FAULTS, ids=str)
def test_a_challenge_waits_until_the_dns_is_right(fault):
    house = run(fault, name="one.dns.test")
    assert len(house.facts("FaultInjected")) >= 1
    # To present is to look for aliases already.
    assert len(house.facts("SelfCheckFailed") + house.facts("PresentFailed")) >= 1
    assert house.ready("one") == ("True", "Issued")


def test_a_change_that_propagates_slowly_is_seen_in_its_own_time():
    house = run({"action": {"kind": "propagation", "seconds": 45}}, name="one.dns.test")
    (presented,), (passed,) = house.facts("ChallengePresented"), house.facts("SelfCheckPassed")
    # Checked every 10 s, and 60 s pass after the check.
    assert timedelta(seconds=45 + 60) <= moment(passed) - moment(presented) < timedelta(seconds=45 + 10 + 60 + 1)


def test_a_self_check_waits_for_the_nameserver_that_is_late():
    fault = {"match": {"server": "127.0.0.2"}, "action": {"kind": "propagation", "seconds": 45}}
    both = ("127.0.0.1", "127.0.0.2")
    checks = [
        len(run(fault, name="one.dns.test", nameservers=servers).facts("SelfCheckFailed"))
        for servers in (both[:1], both)
    ]
    # At once, as soon as it is presented, and then every 10 s.
    assert checks == [0, 2 + 4]


def moment(entry):
    return parse_rfc3339(entry.at)


def test_a_faulty_run_repeats():
    fault = {"action": "badNonce", "when": {"probability": 0.3}}
    assert run(fault).house.world.journal.digest == run(fault).house.world.journal.digest
    assert run(fault).house.world.journal.digest != run(fault, seed=2).house.world.journal.digest
