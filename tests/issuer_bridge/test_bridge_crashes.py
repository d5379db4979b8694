"""The bridge is killed at every moment at which it waits for an answer, and started again."""

import pytest

from tests.issuer_bridge.bridge_rig import LATENCY, START, Rig

ISSUED = ("True", "Issued", "Certificate fetched from issuer successfully")


def applied():
    rig = Rig()
    rig.apply_issuer()
    rig.apply("one", "one.http.test")
    return rig


def questions():
    """The moments at which an undisturbed run asks the ACME server something."""
    rig = applied()
    rig.run(minutes=1)
    assert rig.ready("one") == ISSUED
    return sorted({moment for moment, _ in rig.asked})


MOMENTS = questions()


@pytest.mark.seed("B20")
@pytest.mark.parametrize("moment", MOMENTS, ids=[f"{(moment - START).total_seconds():.3f}s" for moment in MOMENTS])
def test_whenever_it_is_killed_the_request_is_issued_and_the_order_finalized_once(moment):
    """The server has acted by then, and its answer is lost: the worst moment there is."""
    rig = applied()
    rig.driver.run(until=moment + LATENCY / 2)
    rig.crash()
    rig.run(seconds=30)
    rig.start()
    rig.run(minutes=5)
    assert rig.ready("one") == ISSUED
    assert rig.count("finalize") == 1
    assert len(rig.facts("acme_server", "CertificateIssued")) == 1
    assert (len(rig.orders), len(rig.challenges)) == (1, 1)
    assert rig.count("new-order") <= 3  # one of them found no nonce, one lost its answer
    assert rig.count("answer") == 1
    (challenge,) = rig.challenges
    path = f"/.well-known/acme-challenge/{challenge['spec']['token']}"
    assert rig.responder.handle("GET", "one.http.test", path)[0] == 404


def test_killed_at_every_moment_of_one_run_it_still_comes_to_its_end():
    rig = applied()
    for _ in range(400):
        rig.run(milliseconds=7)
        rig.crash()
        rig.start()
    rig.run(minutes=5)
    assert rig.ready("one") == ISSUED
    assert len(rig.orders) == 1
