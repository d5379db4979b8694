"""Challenge resources and the scheduler: what people see is a projection of what the scheduler knows.

A Challenge resource becomes a challenge in the queue; the scheduler asks for
effects, which are performed here through a solver and the ACME client; what it
says of a challenge is written back as status and events.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from acme_server.protocol.driver import Driver
from acme_server.protocol.times import parse_rfc3339, rfc3339
from acme_server.protocol.vantage import Inquiry
from issuer_bridge.cert_manager.accepting import Acceptance
from issuer_bridge.cert_manager.dns_providers import DnsProviders
from issuer_bridge.cert_manager.waiting import wait_of, waited
from issuer_bridge.cluster.http01 import ClusterHttp01
from issuer_bridge.context import Context
from issuer_bridge.outcomes import Done, Outcome
from issuer_bridge.references import issuer_for, key_of
from issuer_bridge.resources import CHALLENGE, Resource
from scheduler.challenge import FINAL_STATES, Challenge, Stage
from scheduler.engine import Settings
from scheduler.events import (
    Accept,
    AddFinalizer,
    CheckFailed,
    CheckPassed,
    CleanedUp,
    CleanUp,
    CleanUpFailed,
    Effect,
    Event,
    FetchState,
    FinalizerAdded,
    Present,
    Presented,
    PresentFailed,
    Release,
    Released,
    SelfCheck,
    WaitAuthorization,
)
from scheduler.runner import Scheduler
from solvers.dns01.solver import Dns01Solver
from solvers.solver import DNS01, NotReady, Presentation, Solver, SolverError


def scheduled(resource: Resource) -> Challenge:
    """Return what a Challenge resource is to the scheduler, also one that an earlier run left in the middle.

    Whatever was shown then may be gone now, so a running challenge presents anew.
    """
    spec, status, metadata = resource["spec"], resource.get("status") or {}, resource["metadata"]
    state, presented_at = status.get("state", ""), status.get("presentedAt")
    final = state in FINAL_STATES
    if status.get("processing"):
        stage = Stage.CLEANING_UP if final else Stage.PRESENTING
    else:
        stage = Stage.DONE if final else Stage.QUEUED
    return Challenge(
        key=key_of(resource),
        dns_name=spec["dnsName"],
        type=spec["type"],
        created=parse_rfc3339(metadata["creationTimestamp"]),
        wildcard=bool(spec.get("wildcard")),
        stage=stage,
        state=state if final else "",
        reason=status.get("reason", ""),
        presented_at=parse_rfc3339(presented_at) if presented_at else None,
        presented=bool(status.get("presented")),
    )


def projected(challenge: Challenge) -> dict[str, Any]:
    """Return the status of a Challenge resource: none in the queue, `pending` from its turn until it is decided."""
    if challenge.stage is Stage.QUEUED:
        return {}
    status: dict[str, Any] = {"processing": challenge.processing, "presented": challenge.presented}
    if challenge.presented_at is not None:
        status["presentedAt"] = rfc3339(challenge.presented_at)
    if challenge.reason:
        status["reason"] = challenge.reason
    state = challenge.state or ("pending" if challenge.processing else "")
    return {**status, "state": state} if state else status


def transitions(before: Challenge, after: Challenge) -> list[tuple[str, str, str]]:
    """Return the events (type, reason, message) that a change is worth."""
    events = []
    stage = before.stage
    if stage is Stage.QUEUED and after.processing:
        events.append(("Normal", "Started", "Challenge scheduled for processing"))
    if stage is Stage.PRESENTING and after.stage is Stage.CHECKING:
        events.append(("Normal", "Presented", f"Presented challenge using {after.type} challenge mechanism"))
    if after.failures and stage is after.stage is Stage.PRESENTING:
        events.append(("Warning", "PresentError", f"Error presenting challenge: {after.reason}"))
    if after.failures and stage is after.stage is Stage.CLEANING_UP:
        events.append(("Warning", "CleanUpError", after.reason))
    if after.final and not before.final:
        verified = f'Domain "{after.dns_name}" verified with "{after.type}" validation'
        failed = f"Accepting challenge authorization failed: {after.reason}"
        events.append(
            ("Normal", "DomainVerified", verified) if after.state == "valid" else ("Warning", "Failed", failed)
        )
    return events


class Challenges:
    """The controller of Challenges: it owns the scheduler.

    solvers: by the field of an issuer's solver, `dns01` the one of the built-in DNS;
    cluster_namespace: where the Secrets of ClusterIssuers are; changed: called with
    namespace and name of a Challenge whose status is to be written.
    """

    def __init__(
        self,
        driver: Driver,
        context: Context,
        acceptance: Acceptance,
        solvers: Mapping[str, Solver],
        settings: Settings,
        cluster_namespace: str,
        changed: Callable[[str, str], None],
    ) -> None:
        builtin = solvers["dns01"]
        assert isinstance(builtin, Dns01Solver)
        self._dns = DnsProviders(context, builtin, cluster_namespace)
        self._context = context
        self._acceptance = acceptance
        self._solvers = solvers
        self._wake = changed
        self._resources: dict[str, Resource] = {}
        self._seen: dict[str, Challenge] = {}
        self._events: dict[str, list[tuple[str, str, str]]] = {}
        self.scheduler = Scheduler(
            driver,
            self.perform,
            lambda facts: context.record("scheduler", facts),
            self._changed,
            settings,
        )

    def sync(self, namespace: str, name: str) -> Inquiry[Outcome]:
        """Let the scheduler know of a Challenge, or let people know what the scheduler knows."""
        key = f"{namespace}/{name}"
        current = self._context.resources.get(CHALLENGE, namespace, name)
        if current is not None and current["metadata"].get("deletionTimestamp"):
            current = None
        known = self._resources.get(key)
        if known is not None and (current is None or current["metadata"]["uid"] != known["metadata"]["uid"]):
            self._withdraw(key)
        elif current is not None and known is not None:
            yield from self._write(key, current)
        if current is not None and key not in self._resources:
            self._admit(key, current)
            if key in self._events:
                yield from self._write(key, current)
        return Done()

    def _admit(self, key: str, resource: Resource) -> None:
        """Queue a Challenge, or resume it; one that an earlier run finished stays as it is."""
        challenge = scheduled(resource)
        if challenge.stage is not Stage.DONE:
            self._resources[key] = resource
            self._seen[key] = challenge
            self.scheduler.add(challenge)

    def _withdraw(self, key: str) -> None:
        """Have a deleted Challenge cleaned up; forget it, and make room for its successor, once it is."""
        challenge = self.scheduler.get(key)
        if challenge is not None and not challenge.removed:
            self.scheduler.remove(key)
        if self.scheduler.get(key) is None:
            for known in (self._resources, self._seen, self._events):
                known.pop(key, None)

    def _changed(self, challenge: Challenge) -> None:
        key = challenge.key
        self._events.setdefault(key, []).extend(transitions(self._seen[key], challenge))
        self._seen[key] = challenge
        namespace, name = key.split("/", 1)
        self._wake(namespace, name)

    def _write(self, key: str, resource: Resource) -> Inquiry[None]:
        """Write the status, then the events that led to it."""
        events = self._events.pop(key, [])
        yield from self._context.write_status(CHALLENGE, resource, projected(self._seen[key]))
        for type_, reason, message in events:
            record = self._context.recorder.normal if type_ == "Normal" else self._context.recorder.warning
            yield from record(resource, reason, message)

    def perform(self, effect: Effect) -> Inquiry[Event]:
        """Carry out what the scheduler asks for, and answer it."""
        resource = self._resources[effect.key]
        match effect:
            case AddFinalizer():
                return FinalizerAdded(effect.key)  # the scheduler's stage keeps it, and the status tells
            case Release():
                return Released(effect.key)
            case FetchState() | Accept() | WaitAuthorization():
                issuer = issuer_for(self._context.resources, resource)
                return (yield from self._acceptance.perform(effect, resource["spec"], issuer))
        if isinstance(effect, SelfCheck) and (wait := wait_of(resource["spec"])) is not None:
            return waited(self._seen[effect.key], wait, self._context.clock())
        try:
            solver = self._solver_of(resource, effect)
        except SolverError as error:
            return self._unsolvable(effect, str(error))
        return (yield from _solve(solver, effect, presentation_of(resource["spec"])))

    def _solver_of(self, resource: Resource, effect: Effect) -> Solver:
        if resource["spec"]["type"] != DNS01:
            http01 = self._solvers["http01"]
            return http01.of(resource) if isinstance(http01, ClusterHttp01) else http01
        return self._dns.checker(resource) if isinstance(effect, SelfCheck) else self._dns.solver(resource)

    def _unsolvable(self, effect: Effect, reason: str) -> Event:
        """Say that there is no solver (any more): what it never showed needs not be taken away."""
        match effect:
            case Present():
                return PresentFailed(effect.key, reason)
            case SelfCheck():
                return CheckFailed(effect.key, reason)
        shown = self._seen[effect.key].presented_at is not None
        return CleanUpFailed(effect.key, reason) if shown else CleanedUp(effect.key)


def presentation_of(spec: Mapping[str, Any]) -> Presentation:
    """Return what a solver is asked to show."""
    return Presentation(spec["type"], spec["dnsName"], spec["token"], spec["key"], bool(spec.get("wildcard")))


def _solve(solver: Solver, effect: Effect, presentation: Presentation) -> Inquiry[Event]:
    try:
        match effect:
            case Present():
                yield from solver.present(presentation)
                return Presented(effect.key)
            case CleanUp():
                yield from solver.clean_up(presentation)
                return CleanedUp(effect.key)
    except SolverError as error:
        failed = CleanUpFailed if isinstance(effect, CleanUp) else PresentFailed
        return failed(effect.key, str(error))
    readiness = yield from solver.check(presentation)
    if isinstance(readiness, NotReady):
        return CheckFailed(effect.key, readiness.reason, readiness.retry_after)
    return CheckPassed(effect.key)
