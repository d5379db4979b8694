"""What an earlier run showed and had not taken away: shown again, before a validation that goes on looks for it."""

from __future__ import annotations

from collections.abc import Mapping

from acme_server.protocol.driver import Driver
from issuer_bridge.cert_manager.challenges import presentation_of
from issuer_bridge.cert_manager.dns_providers import BUILTIN_WEBHOOK
from issuer_bridge.resources import CHALLENGE, Resource, Resources
from scheduler.challenge import FINAL_STATES
from solvers.solver import Solver


def show_again(driver: Driver, resources: Resources, solvers: Mapping[str, Solver]) -> None:
    """Have the solvers of this process show what only this process showed; servers of others still do."""
    for challenge in resources.list(CHALLENGE):
        status = challenge.get("status") or {}
        solver = solvers.get(_solver_name(challenge["spec"]["solver"]))
        if solver and status.get("presented") and status.get("state") not in FINAL_STATES:
            # What fails here fails once more, and is told, when the scheduler presents.
            driver.spawn(solver.present(presentation_of(challenge["spec"])), lambda _: None, lambda _: None)


def _solver_name(solver: Resource) -> str:
    webhook = (solver.get("dns01") or {}).get("webhook") or {}
    if (webhook.get("groupName"), webhook.get("solverName")) == BUILTIN_WEBHOOK:
        return "dns01"
    return "http01" if "http01" in solver else ""
