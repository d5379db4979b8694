"""CertificateRequest to certificate through server, solvers and scheduler: no socket, no real clock."""

import base64
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509

from issuer_bridge.resources import CHALLENGE, ORDER
from tests.simulation.virtual_house import START, VirtualHouse

ROOT = Path(__file__).parent.parent.parent


def three_requests(seed=1, **options):
    house = VirtualHouse(seed, **options)
    house.apply_issuer()
    house.apply_request("one", "one.http.test")
    house.apply_request("two", "a.http.test", "b.http.test")
    house.apply_request("wild", "*.dns.test", "dns.test")
    house.driver.run(until=START + timedelta(hours=1))
    return house


def test_three_requests_become_three_certificates():
    house = three_requests()
    assert [house.ready(name) for name in ("one", "two", "wild")] == [("True", "Issued")] * 3


@pytest.mark.parametrize(
    ("name", "names"),
    [("one", ["one.http.test"]), ("two", ["a.http.test", "b.http.test"]), ("wild", ["*.dns.test", "dns.test"])],
)
def test_the_chain_verifies_and_holds_the_names(name, names):
    house = three_requests()
    chain = x509.load_pem_x509_certificates(base64.b64decode(house.request(name)["status"]["certificate"]))
    leaf, intermediate = chain
    intermediate_issuer = house.house.world.authority.root
    leaf.verify_directly_issued_by(intermediate)
    intermediate.verify_directly_issued_by(intermediate_issuer)
    san = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert sorted(names) == sorted(san.get_values_for_type(x509.DNSName))


def test_the_same_seed_gives_the_same_journal_and_another_seed_another():
    digests = [three_requests(seed).house.world.journal.digest for seed in (7, 7, 8)]
    assert digests[0] == digests[1] != digests[2]


@pytest.mark.parametrize("hash_seed", ["0", "1", "4711"])
def test_the_digest_does_not_depend_on_the_hash_seed_of_the_interpreter(hash_seed):
    code = "from tests.simulation.test_whole_house import three_requests; print(three_requests(7).house.world.journal.digest)"
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == three_requests(7).house.world.journal.digest


def test_wildcard_and_apex_share_a_name_and_run_one_after_the_other():
    """cert-manager#5430: each waits 60 s after its DNS check, so the second starts after the first is clean."""
    house = three_requests()
    order = [
        entry.kind for entry in house.facts() if entry.house == "scheduler" and entry.data.get("dns_name") == "dns.test"
    ]
    scheduled = [position for position, kind in enumerate(order) if kind == "ChallengeScheduled"]
    cleaned = [position for position, kind in enumerate(order) if kind == "ChallengeCleanedUp"]
    assert len(scheduled) == len(cleaned) == 2
    assert scheduled[0] < cleaned[0] < scheduled[1] < cleaned[1]


def test_a_request_that_is_not_approved_is_left_alone_for_hours():
    house = VirtualHouse(approver=False)
    house.apply_issuer()
    house.apply_request("one", "one.http.test")
    house.driver.run(until=START + timedelta(hours=12))
    assert house.request("one").get("status", {}) == {}
    assert house.house.resources.list(ORDER) == []


def test_a_name_that_cannot_be_reached_waits_in_the_queue_and_is_issued_when_it_can():
    house = VirtualHouse(timing="fast")
    house.house.zone.set_addresses("one.http.test", ["192.0.2.1"])
    house.apply_issuer()
    house.apply_request("one", "one.http.test")
    house.driver.run(until=START + timedelta(hours=3))
    (challenge,) = house.house.resources.list(CHALLENGE)
    assert challenge["status"]["processing"] is True
    assert challenge["status"]["presented"] is True
    assert challenge["status"]["reason"].startswith("Waiting for HTTP-01 challenge propagation: ")
    assert house.ready("one") == ("False", "Pending")
    house.house.zone.clear_addresses("one.http.test")
    house.driver.run(until=START + timedelta(hours=3, seconds=30))
    assert house.ready("one") == ("True", "Issued")


def test_self_checks_come_every_ten_seconds():
    house = VirtualHouse(timing="fast", latency=timedelta(0))
    house.house.zone.set_addresses("one.http.test", ["192.0.2.1"])
    house.apply_issuer()
    house.apply_request("one", "one.http.test")
    house.driver.run(until=START + timedelta(minutes=2))
    failed = [entry.at[11:19] for entry in house.facts("SelfCheckFailed")]
    assert failed[1:5] == ["00:00:00", "00:00:10", "00:00:20", "00:00:30"]


def test_a_csr_that_does_not_parse_fails_with_a_reason():
    house = VirtualHouse()
    house.apply_issuer()
    house.apply_request("bad", csr=base64.b64encode(b"not a request").decode())
    house.driver.run(until=START + timedelta(minutes=1))
    assert house.ready("bad") == ("False", "Failed")


def test_the_cap_holds_with_a_hundred_requests():
    house = VirtualHouse()
    house.apply_issuer()
    for number in range(100):
        house.apply_request(f"r{number}", f"h{number}.http.test")
    house.driver.run(until=START + timedelta(hours=1))
    running = most = 0
    for entry in house.facts():
        running += {"ChallengeScheduled": 1, "ChallengeCleanedUp": -1}.get(entry.kind, 0)
        most = max(most, running)
    assert most == 60
    assert {house.ready(f"r{number}") for number in range(100)} == {("True", "Issued")}
