"""What an earlier run showed is shown again, if only that run's process showed it."""

import pytest

from issuer_bridge.cert_manager.shown import show_again
from issuer_bridge.resources import CHALLENGE
from tests.issuer_bridge.bridge_resources import DNS01, HTTP01
from tests.issuer_bridge.bridge_rig import Rig

RFC2136 = {"dns01": {"rfc2136": {"nameserver": "192.0.2.1"}}}
SHOWN = {"presented": True, "processing": True, "state": "pending"}
PATH = "/.well-known/acme-challenge/t"


def after_restart(type_, solver, status):
    """Return the rig of a bridge that has not started, with one Challenge of an earlier run."""
    rig = Rig()
    rig.crash()
    spec = {"type": type_, "solver": solver, "dnsName": "a.test", "token": "t", "key": "k", "url": "https://ca.test/c"}
    spec |= {"authorizationURL": "https://ca.test/a", "issuerRef": {"name": "gravel"}}
    made = rig.store.insert(CHALLENGE, {"metadata": {"name": "one", "namespace": "default"}, "spec": spec})
    rig.store.replace_status(CHALLENGE, {**made, "status": status})
    show_again(rig.driver, rig.store, rig.operator._solvers)
    rig.run(milliseconds=1)
    return rig


@pytest.mark.parametrize(
    ("status", "shown"),
    [(SHOWN, 200), ({**SHOWN, "presented": False}, 404), ({**SHOWN, "state": "valid"}, 404), ({}, 404)],
    ids=["shown", "not yet", "decided", "queued"],
)
def test_http01_is_shown_again_while_it_is_undecided(status, shown):
    rig = after_restart("HTTP-01", HTTP01, status)
    assert rig.responder.handle("GET", "a.test", PATH)[0] == shown


@pytest.mark.parametrize(("solver", "shown"), [(DNS01, True), (RFC2136, False)], ids=["builtin", "rfc2136"])
def test_dns01_is_shown_again_in_the_built_in_zone_alone(solver, shown):
    rig = after_restart("DNS-01", solver, SHOWN)
    assert bool(rig.zone.stored("_acme-challenge.a.test")) == shown
