"""Staging with lifetimes of hours, in virtual time: days of renewals, an outage, an expiry and what comes after it."""

from datetime import timedelta

import attrs
import pytest

from acme_server.server import Server
from acme_server.settings import Settings
from acme_server.world import create_world
from issuer_bridge.cert_manager.certificates.renewal import Backoff
from tests.issuer_bridge.bridge_rig import ACME, DNS
from tests.issuer_bridge.cert_manager.certificates.certificate_rig import CertificateRig

LIFETIME = timedelta(hours=6)


class Staging(CertificateRig):
    """A CA whose certificates live for six hours; failures are tried again after minutes, not hours."""

    def __init__(self):
        super().__init__(certificate_backoff=Backoff(timedelta(minutes=5), timedelta(minutes=40)))

    def new_server(self):
        settings = attrs.evolve(Settings(http01_port=5002, dns=DNS), certificate_lifetime=LIFETIME)
        self.world = create_world(f"https://{ACME}", settings, self.entropy, self.driver.now())
        self.server = Server(self.world, self.driver)

    def hours_left(self):
        return (self.leaf().not_valid_after_utc - self.driver.now()) / timedelta(hours=1)


@pytest.mark.seed("B66")
def test_a_week_of_production_goes_by_in_a_day_of_staging():
    rig = Staging()
    rig.issue("www")
    serials = [rig.leaf().serial_number]
    for _ in range(24 * 4):  # each quarter of an hour of a day
        rig.run(minutes=15)
        assert rig.state() == ("True", "Ready")
        assert rig.hours_left() > 1.9  # renewed when two thirds have gone by
        if rig.leaf().serial_number != serials[-1]:
            serials.append(rig.leaf().serial_number)
    assert rig.status("revision") == len(serials) == len(dict.fromkeys(serials)) == 7


@pytest.mark.seed("B66")
def test_an_outage_that_is_shorter_than_what_is_left_is_not_noticed_and_a_longer_one_is_told():
    rig = Staging()
    rig.issue("www")
    rig.run(hours=3, minutes=50)
    rig.refusing = True
    rig.run(hours=1)
    assert (rig.state(), rig.status("failedIssuanceAttempts") >= 3) == (("True", "Ready"), True)
    assert rig.state(type_="Issuing") == ("False", "Failed")
    rig.refusing = False
    rig.run(hours=1)
    assert (rig.state(), rig.status("revision"), rig.status("failedIssuanceAttempts")) == (("True", "Ready"), 2, None)
    rig.refusing = True
    rig.run(hours=7)
    assert rig.state() == ("False", "Expired")
    assert rig.hours_left() < 0
    rig.refusing = False
    rig.run(hours=1)
    assert (rig.state(), rig.status("revision")) == (("True", "Ready"), 3)
    assert rig.hours_left() > 4
