"""What an earlier run's responder showed and had not taken away: shown again, before a validation that goes on looks for it."""

from __future__ import annotations

from acme_server.protocol.driver import Driver
from issuer_bridge.cert_manager.challenges import presentation_of
from issuer_bridge.resources import CHALLENGE, Resources
from scheduler.challenge import FINAL_STATES
from solvers.solver import Solver


def show_again(driver: Driver, resources: Resources, http01: Solver) -> None:
    """Present what is undecided; a DNS keeps what it shows, the responder has it in memory alone."""
    for challenge in resources.list(CHALLENGE):
        spec, status = challenge["spec"], challenge.get("status") or {}
        if "http01" in spec["solver"] and status.get("presented") and status.get("state") not in FINAL_STATES:
            driver.spawn(http01.present(presentation_of(spec)), lambda _: None)
