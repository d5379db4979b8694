"""Who of several bridges works: the one that holds a Lease (client-go's tools/leaderelection).

An inquiry of our own and not `kubernetes_asyncio.leaderelection`: that one
sleeps by the wall clock, waits for hung requests longer than its lease lasts,
and cannot be run in virtual time. Moments are never compared between machines:
a lease has run out when it was seen unchanged for its duration.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import attrs

from acme_server.protocol.driver import Cancel, Driver, Entropy
from acme_server.protocol.times import rfc3339_micro
from acme_server.protocol.vantage import Inquiry, pause
from issuer_bridge.cluster import calls
from issuer_bridge.resources import LEASE, ApiError, Resource

log = logging.getLogger(__name__)

LEASE_NAME = "gravel-controller"


@attrs.frozen
class Terms:
    """What a leader's term is like; the values are those of client-go's components (cert-manager: 60, 40, 15 s).

    duration: how long others leave a lease alone that is not renewed; deadline:
    how long its holder works on without having renewed it; retry: between two tries.
    """

    duration: timedelta = timedelta(seconds=15)
    deadline: timedelta = timedelta(seconds=10)
    retry: timedelta = timedelta(seconds=2)


class Election:
    """One candidate for a Lease; identity: unlike that of any other."""

    def __init__(
        self,
        driver: Driver,
        entropy: Entropy,
        identity: str,
        namespace: str,
        name: str,
        terms: Terms | None = None,
    ) -> None:
        self._driver, self._entropy = driver, entropy
        self._identity, self._namespace, self._name = identity, namespace, name
        self._terms = terms or Terms()
        self._seen: tuple[Resource, datetime] | None = None
        self._alarm: Cancel | None = None  # while leading
        self._complained = False

    @property
    def leading(self) -> bool:
        """Whether this candidate may work."""
        return self._alarm is not None

    def start(self, elected: Callable[[], None], lost: Callable[[], None]) -> None:
        """Stand for election from now on; after `lost`, before it returns, nothing may be begun any more."""
        self._elected, self._lost = elected, lost
        self._driver.spawn(self._stand(), lambda _: None)

    def release(self) -> Inquiry[None]:
        """Give the lease back, so that others need not wait; only once the work has ended."""
        if self._alarm is None or self._seen is None:
            return
        self._alarm()
        self._alarm = None
        lease = self._seen[0]
        spec = {**lease["spec"], "holderIdentity": "", "leaseDurationSeconds": 1}
        try:
            yield from calls.replace(LEASE, {**lease, "spec": spec})
        except ApiError as error:
            log.info("the lease %s is not given back, and runs out: %s", self._name, error)

    def _stand(self) -> Inquiry[None]:
        while True:
            asked = self._driver.now()
            try:
                holds = yield from self._acquire()
            except ApiError as error:
                self._complain(error)
            else:
                self._complained = False
                self._decide(asked, holds=holds)
            # Candidates are spread, so that they do not meet again and again.
            yield from pause(self._terms.retry * (1 if self.leading else 1 + self._entropy(1)[0] / 256))

    def _decide(self, asked: datetime, *, holds: bool) -> None:
        """Work as long as the lease is ours, and no longer than the deadline after it was last asked for."""
        left = asked + self._terms.deadline - self._driver.now()
        if not holds or left <= timedelta(0):
            self._lose()
            return
        first = self._alarm is None
        if self._alarm is not None:
            self._alarm()
        self._alarm = self._driver.later(left, self._lose)
        if first:
            log.info("%s leads", self._identity)
            self._elected()

    def _lose(self) -> None:
        if self._alarm is not None:
            self._alarm()
            self._alarm = None
            log.warning("%s leads no more", self._identity)
            self._lost()

    def _acquire(self) -> Inquiry[bool]:
        """Create the lease, renew it or take it over; False when it is somebody else's."""
        lease = yield from calls.read(LEASE, self._namespace, self._name)
        now = self._driver.now()
        if lease is not None:
            self._see(lease, now)
            if not self._may_have(lease, now):
                return False
        try:
            if lease is None:
                metadata = {"namespace": self._namespace, "name": self._name}
                written = yield from calls.create(LEASE, {"metadata": metadata, "spec": self._held({}, now)})
            else:
                written = yield from calls.replace(LEASE, {**lease, "spec": self._held(lease.get("spec") or {}, now)})
        except ApiError as error:
            if error.code == 409:  # somebody was quicker
                return False
            raise
        self._see(written, self._driver.now())
        return True

    def _see(self, lease: Resource, now: datetime) -> None:
        version = lease["metadata"]["resourceVersion"]
        if self._seen is None or self._seen[0]["metadata"]["resourceVersion"] != version:
            self._seen = lease, now

    def _may_have(self, lease: Resource, now: datetime) -> bool:
        """Whether the lease is ours, nobody's, or was not renewed for as long as it lasts."""
        spec = lease.get("spec") or {}
        if spec.get("holderIdentity") in (None, "", self._identity):
            return True
        assert self._seen is not None
        return now >= self._seen[1] + timedelta(seconds=spec.get("leaseDurationSeconds") or 0)

    def _held(self, spec: Resource, now: datetime) -> dict[str, Any]:
        moment, ours = rfc3339_micro(now), spec.get("holderIdentity") == self._identity
        return {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": int(self._terms.duration.total_seconds()),
            "acquireTime": spec.get("acquireTime", moment) if ours else moment,
            "renewTime": moment,
            "leaseTransitions": spec.get("leaseTransitions", 0) + (bool(spec) and not ours),
        }

    def _complain(self, error: ApiError) -> None:
        if not self._complained:
            self._complained = True
            log.warning("the lease %s/%s: %s; asking again", self._namespace, self._name, error)
