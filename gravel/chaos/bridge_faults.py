"""The faults of the bridge: what it is about to do is held against the armed rules of its world, as each request is.

Rules say what goes wrong (`acme_server.faults.inner_actions`); here that
becomes what the bridge's ports can suffer.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from acme_server.faults.action import API, APPROVAL, SECRETS, Action, Stage
from acme_server.faults.armed import Exchange
from acme_server.faults.injection import tripped
from acme_server.faults.inner_actions import CorruptKey, RevokedCa, SignerUnavailable
from acme_server.faults.signing import exchange, tripped_signing
from acme_server.protocol.driver import Clock
from acme_server.world import World
from issuer_bridge.disturbances import Disturbances, Obstacle
from issuer_bridge.pem import read_request
from issuer_bridge.references import key_of
from issuer_bridge.resources import Resource

OBSTACLES: Mapping[type[Action], Obstacle] = {
    RevokedCa: Obstacle("CARevoked", "The CA's certificate is revoked"),
    CorruptKey: Obstacle("CAKeyCorrupt", "The CA's key is not the key of its certificate"),
    SignerUnavailable: Obstacle("SignerUnavailable", "The CA's key cannot be reached"),
}
_PASSING = Exchange(API, "PASS")


@attrs.frozen
class BridgeFaults:
    """Asks the rules of a world, in the bridge's time; with none armed, that is one look."""

    world: World
    clock: Clock

    @property
    def disturbances(self) -> Disturbances:
        """What the controllers ask."""
        return Disturbances(self._signing, self._standing, self._approver_down)

    def is_cut(self) -> bool:
        """Say whether something is lost between the bridge and the Kubernetes API."""
        return self._trips(_PASSING, {})

    def stays_cut(self) -> bool:
        """Say whether the way to the Kubernetes API is cut, for all that passes."""
        return bool(self.world.faults.armed) and self.world.faults.standing(_PASSING, self.clock()) is not None

    def deletes(self, secret: str, certificate: str) -> bool:
        """Say whether a Secret is deleted, whose name is NAMESPACE/NAME."""
        return self._trips(Exchange(SECRETS, "DELETE", identifiers=(secret,)), {"certificate": certificate})

    def _trips(self, found: Exchange, subject: Mapping[str, str]) -> bool:
        if not self.world.faults.armed:
            return False
        return bool(tripped(self.world, found, Stage.BEFORE, subject, self.clock()))

    def _signing(self, issuer: Resource, request: Resource) -> Obstacle | None:
        if not self.world.faults.armed:
            return None
        name = key_of(issuer)
        subject = {"issuer": name, "request": key_of(request)}
        found = tripped_signing(self.world, exchange(name, _names(request)), subject, self.clock())
        return None if found is None else OBSTACLES[type(found)]

    def _standing(self, issuer: Resource) -> Obstacle | None:
        found = self.world.faults.standing(exchange(key_of(issuer)), self.clock())
        return None if found is None else OBSTACLES[type(found)]

    def _approver_down(self, namespace: str, name: str) -> bool:
        key = f"{namespace}/{name}"
        return self._trips(Exchange(APPROVAL, "DECIDE", identifiers=(key,)), {"request": key})


def _names(request: Resource) -> tuple[str, ...]:
    """Return the names that a request asks for, none where it cannot be read."""
    try:
        csr = read_request(request["spec"].get("request"))
    except ValueError:
        return ()
    return (*csr.dns_names, *csr.ip_addresses)
