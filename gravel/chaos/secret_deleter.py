"""Deletes the Secrets of Certificates while a rule says so: the monkey of chaos engineering."""

from __future__ import annotations

import logging
from datetime import timedelta

from acme_server.faults.inner_actions import DeleteSecret
from acme_server.protocol.driver import Driver
from gravel.chaos.bridge_faults import BridgeFaults
from issuer_bridge.references import key_of
from issuer_bridge.resources import CERTIFICATE, SECRET, Resources

log = logging.getLogger(__name__)


class SecretDeleter:
    """Rests until a rule is armed, and again when none is left that could fire."""

    def __init__(self, driver: Driver, resources: Resources, faults: BridgeFaults) -> None:
        self._driver, self._resources, self._faults = driver, resources, faults
        self._awake = False

    def start(self) -> None:
        """Hear of rules from now on."""
        self._faults.world.faults.heard = self._hear
        self._hear()

    def _hear(self) -> None:
        if not self._awake:
            self._sleep()

    def _sleep(self) -> None:
        """Wait for the next look; where no rule deletes any more, for somebody to arm one."""
        now = self._faults.clock()
        pauses = [
            armed.rule.action.every
            for armed in self._faults.world.faults.armed.values()
            if isinstance(armed.rule.action, DeleteSecret) and (armed.until is None or now < armed.until)
        ]
        self._awake = bool(pauses)
        if pauses:
            self._driver.later(timedelta(seconds=min(pauses)), self._look)

    def _look(self) -> None:
        for certificate in self._resources.list(CERTIFICATE):
            namespace, name = certificate["metadata"]["namespace"], certificate["spec"]["secretName"]
            if certificate["spec"].get("isCA") or self._resources.get(SECRET, namespace, name) is None:
                continue
            if self._faults.deletes(f"{namespace}/{name}", key_of(certificate)):
                self._driver.spawn(self._resources.delete(SECRET, namespace, name), lambda _: None, _failed)
        self._sleep()


def _failed(error: Exception) -> None:
    log.info("a Secret could not be deleted: %s", error)
