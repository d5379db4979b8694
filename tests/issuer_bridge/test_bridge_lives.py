"""The bridge dies before and after any write and any ACME request, under faults of the server, and lives again on its file.

Held to what the ACME server was asked, not to the outcome alone: a correct server forgives a client that asks twice.
"""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.issuer_bridge.bridge_rig import START
from tests.issuer_bridge.mortal_rig import FAULTS, MortalRig

ISSUED = ("True", "Issued", "Certificate fetched from issuer successfully")
REQUESTS = {"one": ("one.http.test",), "two": ("two.dns.test", "two.http.test")}
END = timedelta(hours=3)


def lived(deaths, faults):
    """Return a rig after the lives that these deaths end, and the last, which nothing ends."""
    rig = MortalRig()
    rig.apply_issuer()
    for name, names in REQUESTS.items():
        rig.apply(name, *names)
    rig.run(milliseconds=1)  # whoever applied them was told so
    rig.faults = faults
    rig.live(START + END, deaths)
    return rig


def check(rig):
    assert rig.wrong == []
    for name, names in REQUESTS.items():
        assert rig.ready(name) == ISSUED
        (order,) = [order for order in rig.orders if order["spec"]["dnsNames"] == sorted(names)]
        assert rig.read[order["status"]["url"]] in ("finalized", "valid")
    assert len(rig.facts("acme_server", "CertificateIssued")) == len(REQUESTS)
    assert len(rig.facts("issuer_bridge", "RequestIssued")) <= len(REQUESTS)
    assert list(rig.shown.values()) == [False, False]
    assert not rig.zone.stored("_acme-challenge.two.dns.test")


def moments():
    rig = lived((), {})
    check(rig)
    return rig.fuse.passed


MOMENTS = moments()


@pytest.mark.parametrize("moment", range(MOMENTS))
def test_it_may_die_once_at_any_moment(moment):
    check(lived([(moment, 1)], {}))


@given(
    deaths=st.lists(st.tuples(st.integers(0, MOMENTS), st.sampled_from([0, 1, 30, 600])), max_size=8),
    faults=st.dictionaries(st.integers(1, 60), st.sampled_from(sorted(FAULTS)), max_size=8),
)
@settings(max_examples=80)
def test_it_may_die_often_while_the_server_errs(deaths, faults):
    check(lived(deaths, faults))
