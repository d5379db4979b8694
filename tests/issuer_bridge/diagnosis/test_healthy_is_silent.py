"""Of what goes well a diagnosis says at most what is awaited, at any moment; and its cost grows with the cluster alone."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from issuer_bridge.diagnosis.diagnosing import diagnose
from issuer_bridge.resources import CERTIFICATE
from scheduler.settings import CLUSTER, Settings
from scheduler.versions import NEWEST
from solvers.timing import TIMINGS
from tests.issuer_bridge.bridge_rig import Rig
from tests.issuer_bridge.cert_manager.certificates.certificate_rig import CertificateRig, certificate
from tests.issuer_bridge.diagnosis.diagnosed import cluster_in, findings, told

NAMES = st.lists(
    st.sampled_from(["a.http.test", "b.http.test", "c.dns.test", "*.c.dns.test", "d.dns.test"]),
    min_size=1,
    max_size=4,
    unique=True,
)
CONDUCTS = {"ours": (None, Settings()), "cert-manager": (NEWEST, CLUSTER)}


@pytest.mark.parametrize("compat", CONDUCTS)
@given(
    requests=st.lists(NAMES, min_size=1, max_size=6),
    timing=st.sampled_from(["fast", "cert-manager"]),
    pauses=st.lists(st.integers(1, 90_000), min_size=3, max_size=12),
)
@settings(max_examples=12, deadline=None)
def test_no_moment_of_a_healthy_issuance_is_called_stuck(compat, requests, timing, pauses):
    release, pace = CONDUCTS[compat]
    rig = Rig(errors=release, scheduler=pace, timing=TIMINGS[timing])
    rig.apply_issuer()
    for number, names in enumerate(requests):
        rig.apply(f"r{number}", *names)
    for milliseconds in pauses:
        rig.run(milliseconds=milliseconds)
        assert told(findings(rig)) == []
    rig.run(hours=1)
    assert all(rig.issued(f"r{number}") for number in range(len(requests)))
    assert findings(rig) == ()


@given(pauses=st.lists(st.integers(1, 30 * 24 * 60), min_size=3, max_size=8))
@settings(max_examples=8, deadline=None)
def test_certificates_that_are_renewed_in_time_are_silent_for_a_year(pauses):
    rig = CertificateRig(errors=NEWEST, scheduler=CLUSTER)
    for name in ("www", "api"):
        rig.add(name)
    for minutes in pauses:
        rig.run(minutes=minutes)
        assert told(findings(rig)) == []


def crowd(size):
    """Certificates in a busy cluster, a few minutes after all of them were created."""
    rig = CertificateRig(errors=NEWEST, scheduler=CLUSTER)
    for number in range(size):
        resource = certificate(f"c{number:04}")
        metadata = {"name": f"c{number:04}", "namespace": "default"}
        rig.create(CERTIFICATE, {**resource, "metadata": metadata})
    rig.run(minutes=3)
    return cluster_in(rig), rig.driver.now()


def calls(cluster, now):
    """How many functions a diagnosis calls."""
    import sys

    counted = [0]

    def count(frame, event, argument):
        counted[0] += event == "call"

    sys.setprofile(count)
    try:
        diagnose(cluster, now)
    finally:
        sys.setprofile(None)
    return counted[0]


def test_the_cost_grows_with_the_cluster_and_not_with_its_square():
    (small, at), (large, later) = crowd(40), crowd(160)
    assert calls(large, later) < 6 * calls(small, at)
