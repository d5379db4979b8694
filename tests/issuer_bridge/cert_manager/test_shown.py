"""What an earlier run's responder showed is shown again."""

import pytest

from issuer_bridge.cert_manager.shown import show_again
from issuer_bridge.resources import CHALLENGE
from tests.issuer_bridge.bridge_resources import DNS01, HTTP01
from tests.issuer_bridge.bridge_rig import Rig

SHOWN = {"presented": True, "processing": True, "state": "pending"}


@pytest.mark.parametrize(
    ("solver", "status", "answered"),
    [
        (HTTP01, SHOWN, 200),
        (HTTP01, {**SHOWN, "presented": False}, 404),
        (HTTP01, {**SHOWN, "state": "valid"}, 404),
        (HTTP01, {}, 404),
        (DNS01, SHOWN, 404),
    ],
    ids=["shown", "not yet", "decided", "queued", "of a DNS"],
)
def test_http01_is_shown_again_while_it_is_undecided(solver, status, answered):
    rig = Rig()
    rig.crash()
    spec = {
        "type": "HTTP-01",
        "solver": solver,
        "dnsName": "a.test",
        "token": "t",
        "key": "k",
        "url": "https://ca.test/c",
    }
    spec |= {"authorizationURL": "https://ca.test/a", "issuerRef": {"name": "gravel"}}
    made = rig.store.insert(CHALLENGE, {"metadata": {"name": "one", "namespace": "default"}, "spec": spec})
    rig.store.replace_status(CHALLENGE, {**made, "status": status})
    show_again(rig.driver, rig.store, rig.operator._solvers["http01"])
    rig.run(milliseconds=1)
    assert rig.responder.handle("GET", "a.test", "/.well-known/acme-challenge/t")[0] == answered
