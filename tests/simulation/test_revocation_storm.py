"""A fleet whose ACME server says `renew now`, of all at once: the whole house in virtual time."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from acme_server.faults.rule import read_rule
from acme_server.protocol.times import parse_rfc3339
from acme_server.registration_authority.revocation import withdraw_all
from acme_server.settings import Settings
from issuer_bridge.resources import CERTIFICATE
from tests.simulation.virtual_house import START, VirtualHouse

HOUR = timedelta(hours=1)
SIZE, CAP = 80, 60
DOCUMENT = " ".join((Path(__file__).parents[2] / "docs/rotation.md").read_text().split())


class Fleet(VirtualHouse):
    """So many Certificates, issued; the server wants to be asked every hour."""

    def __init__(self, size, **settings):
        super().__init__(acme_use_ari=True, server=Settings(renewal_info_retry_after=HOUR, **settings))
        self.apply_issuer()
        self.driver.run(until=START + timedelta(seconds=5))
        for number in range(size):
            spec = {
                "secretName": f"c{number}",
                "dnsNames": [f"c{number}.http.test"],
                "privateKey": {"algorithm": "ECDSA"},
                "issuerRef": {"name": "gravel", "kind": "ClusterIssuer"},
            }
            metadata = {"name": f"c{number}", "namespace": "default"}
            self.create(
                CERTIFICATE,
                {"apiVersion": "cert-manager.io/v1", "kind": "Certificate", "metadata": metadata, "spec": spec},
            )
        self.driver.run(until=START + HOUR)
        assert self.revisions == {1: size}

    @property
    def revisions(self):
        """How many Certificates have which revision."""
        return Counter(each["status"]["revision"] for each in self.house.resources.list(CERTIFICATE))

    def run(self, **duration):
        self.driver.run(until=self.driver.now() + timedelta(**duration))

    def since(self, seq, *kinds):
        return [entry for entry in self.facts() if entry.seq > seq and entry.kind in kinds]

    def most_at_once(self, seq):
        """How many challenges held a slot of the scheduler at the same time."""
        held = most = 0
        for entry in self.since(seq, "ChallengeScheduled", "ChallengeCleanedUp"):
            held += 1 if entry.kind == "ChallengeScheduled" else -1
            most = max(most, held)
        return most


@pytest.mark.seed("B66")
def test_after_a_mass_revocation_all_are_replaced_at_the_next_check_and_the_cap_holds():
    fleet = Fleet(SIZE)
    fleet.run(hours=4, minutes=20)
    world, now = fleet.house.world, fleet.driver.now()
    seq = len(world.journal)
    world.store.commit(*withdraw_all(world, 4, None, now), now)
    fleet.run(hours=2)
    assert fleet.revisions == {2: SIZE}
    written = [parse_rfc3339(entry.at) - now for entry in fleet.since(seq, "SecretWritten")]
    checks = [parse_rfc3339(entry.at) - now for entry in fleet.since(seq, "IssuanceTriggered")]
    took = (max(written) - min(checks)).total_seconds()
    assert timedelta(0) < min(checks) <= max(checks) <= HOUR
    assert f"{SIZE} Certificates" in DOCUMENT
    assert f"{took:.0f} s after their next check" in DOCUMENT
    assert fleet.most_at_once(seq) == CAP
    assert len(fleet.since(seq, "CertificateRevoked")) == len(fleet.since(seq, "CertificateIssued")) == SIZE


def test_a_fleet_renews_once_a_check_while_the_window_says_now():
    fleet = Fleet(40)
    fleet.house.world.faults.arm(
        read_rule({"id": "storm", "action": {"kind": "renewal-window", "form": "now"}}), fleet.driver.now()
    )
    fleet.run(hours=1)
    assert fleet.revisions == {2: 40}
    fleet.house.world.faults.disarm("storm")
    fleet.run(hours=12)
    assert fleet.revisions == {2: 40}


@pytest.mark.seed("B66")
def test_certificates_that_live_for_hours_are_renewed_inside_their_windows_for_days():
    fleet = Fleet(6, certificate_lifetime=timedelta(hours=12))
    fleet.run(hours=48)
    assert set(fleet.revisions) <= {7, 8, 9}
    assert fleet.facts("IssuanceFailed") == []
