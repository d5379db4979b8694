"""Challenge resources and the scheduler: what people see is a projection of what the scheduler knows.

A Challenge resource becomes a challenge in the queue; the scheduler asks for
effects, which are performed here through a solver and the ACME client; what it
says of a challenge is written back as status and events.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from acme_server.protocol.driver import Driver
from acme_server.protocol.vantage import Inquiry
from issuer_bridge.cert_manager.accepting import Acceptance
from issuer_bridge.cert_manager.accounts import Accounts
from issuer_bridge.cert_manager.challenge_views import freed, goes_on, held, is_held, projected, scheduled, transitions
from issuer_bridge.cert_manager.conduct import OURS, Conduct
from issuer_bridge.cert_manager.dns_providers import DnsProviders
from issuer_bridge.cert_manager.provenance import has_solver_of, is_made_for_order
from issuer_bridge.cert_manager.waiting import wait_of, waited
from issuer_bridge.cluster.http01 import ClusterHttp01
from issuer_bridge.context import Context
from issuer_bridge.outcomes import Done, Outcome, Retry
from issuer_bridge.references import controller_of, issuer_for
from issuer_bridge.resources import CHALLENGE, ORDER, Resource
from scheduler.challenge import Challenge, Stage
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
from scheduler.runner import Scheduler, failing_answer
from solvers.dns01.solver import Dns01Solver
from solvers.solver import DNS01, NotReady, Presentation, Solver, SolverError

FOREIGN = "It is not what its Order and its issuer ask for, and is left alone"


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
        accounts: Accounts,
        acceptance: Acceptance,
        solvers: Mapping[str, Solver],
        settings: Settings,
        cluster_namespace: str,
        changed: Callable[[str, str], None],
        conduct: Conduct = OURS,
    ) -> None:
        builtin = solvers["dns01"]
        assert isinstance(builtin, Dns01Solver)
        self._dns = DnsProviders(context, builtin, cluster_namespace)
        self._context = context
        self._accounts = accounts
        self._conduct = conduct
        self._acceptance = acceptance
        self._solvers = solvers
        self._wake = changed
        self._resources: dict[str, Resource] = {}
        self._seen: dict[str, Challenge] = {}
        self._told: dict[str, Challenge] = {}  # as their resources say
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
        known = self._resources.get(key)
        same = current and known and current["metadata"]["uid"] == known["metadata"]["uid"]
        if known is not None and (current is None or not same or current["metadata"].get("deletionTimestamp")):
            self._withdraw(key)
        if current is not None and same and key in self._resources:
            yield from self._write(key, current)
        elif current is not None and key not in self._resources:
            return (yield from self._admit(key, current))
        return Done()

    def _admit(self, key: str, resource: Resource) -> Inquiry[Outcome]:
        """Queue a Challenge, or resume it, if it is ours; one that an earlier run finished stays as it is."""
        challenge = scheduled(resource)
        if challenge.stage is Stage.DONE:
            return Done()
        ours = self._is_ours(resource, challenge.stage)
        if ours is None:
            return Retry("its Order, or the account of its issuer, is not there yet")
        if not ours:
            return (yield from self._leave(resource))
        self._resources[key] = resource
        self._seen[key] = self._told[key] = challenge
        self.scheduler.add(challenge)
        if key in self._events:
            yield from self._write(key, resource)
        return Done()

    def _is_ours(self, resource: Resource, stage: Stage) -> bool | None:
        """Whether the bridge itself made the Challenge; None while that cannot be told."""
        issuer, owner = issuer_for(self._context.resources, resource), controller_of(resource)
        if stage in (Stage.CLEANING_UP, Stage.RELEASING):
            return has_solver_of(resource, issuer)  # its Order may be gone
        if not owner:
            return False
        order = self._context.resources.get(ORDER, resource["metadata"]["namespace"], owner["name"])
        client = self._accounts.client(issuer)
        if order is None or issuer is None or client is None:
            return None
        return is_made_for_order(resource, order, issuer, client.key_authorization)

    def _leave(self, resource: Resource) -> Inquiry[Outcome]:
        """Have nothing to do with a Challenge; one that is deleted may go."""
        yield from self._context.recorder.warning(resource, "Foreign", FOREIGN)
        if resource["metadata"].get("deletionTimestamp") and is_held(resource):
            yield from self._context.write_finalizers(CHALLENGE, resource, freed)
        return Done()

    def _withdraw(self, key: str) -> None:
        """Have a deleted Challenge cleaned up; forget it, and make room for its successor, once it is."""
        challenge = self.scheduler.get(key)
        if challenge is not None and not challenge.removed:
            self.scheduler.remove(key)
        if self.scheduler.get(key) is None:
            for known in (self._resources, self._seen, self._told, self._events):
                known.pop(key, None)

    def _changed(self, challenge: Challenge) -> None:
        key, before = challenge.key, self._seen[challenge.key]
        self._events.setdefault(key, []).extend(transitions(before, challenge, self._conduct))
        self._seen[key] = challenge
        if self._conduct.explains or not goes_on(before, challenge):
            self._told[key] = challenge
            namespace, name = key.split("/", 1)
            self._wake(namespace, name)

    def _write(self, key: str, resource: Resource) -> Inquiry[None]:
        """Write the status, then the events that led to it."""
        events = self._events.pop(key, [])
        yield from self._context.write_status(CHALLENGE, resource, projected(self._told[key]))
        for type_, reason, message in events:
            record = self._context.recorder.normal if type_ == "Normal" else self._context.recorder.warning
            yield from record(resource, reason, message)

    def perform(self, effect: Effect) -> Inquiry[Event]:
        """Carry out what the scheduler asks for, and answer it."""
        resource = self._resources[effect.key]
        match effect:
            case AddFinalizer() | Present() if not (
                yield from self._context.write_finalizers(CHALLENGE, resource, held)
            ):
                return failing_answer(effect, "the Challenge is gone")
            case AddFinalizer():
                return FinalizerAdded(effect.key)
            case Release():
                return Released(effect.key)  # what is to be written is the status
            case FetchState() | Accept() | WaitAuthorization():
                issuer = issuer_for(self._context.resources, resource)
                return (yield from self._acceptance.perform(effect, resource["spec"], issuer))
        if isinstance(effect, SelfCheck) and (wait := wait_of(resource["spec"])) is not None:
            return waited(self._seen[effect.key], wait, self._context.clock())
        try:
            solver = self._solver_of(resource, effect)
        except SolverError as error:
            answer = self._unsolvable(effect, str(error))
        else:
            answer = yield from _solve(solver, effect, presentation_of(resource["spec"]))
        if isinstance(answer, CleanedUp):
            yield from self._context.write_finalizers(CHALLENGE, resource, freed)
        return answer

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
