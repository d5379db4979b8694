"""Carries out what `order_steps` decides: one step with the ACME server, one write to the Order's status."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from acme_server.protocol.problem import Problem
from acme_server.protocol.vantage import Inquiry
from issuer_bridge.acme_client.errors import TransportError, is_account_lost
from issuer_bridge.acme_client.resources import AcmeOrder
from issuer_bridge.cert_manager.accounts import Accounts
from issuer_bridge.cert_manager.conduct import OURS, Conduct
from issuer_bridge.cert_manager.finalizing import FAILED, finalize
from issuer_bridge.cert_manager.order_status import described, identifiers_of, placed
from issuer_bridge.cert_manager.order_steps import (
    CreateChallenges,
    DeleteChallenges,
    FetchAuthorizations,
    Finalize,
    LookAtOrder,
    NewOrder,
    NoSolver,
    Nothing,
    View,
    decide,
)
from issuer_bridge.cert_manager.provenance import is_made_for_request
from issuer_bridge.cert_manager.settling import NO_ORDER, Settling, status_of
from issuer_bridge.context import Context
from issuer_bridge.durations import parse_duration
from issuer_bridge.outcomes import Done, Outcome
from issuer_bridge.references import is_of_our_group, issuer_for
from issuer_bridge.resources import CHALLENGE, ORDER, ApiError, Resource

NO_SOLVER = "Failed to determine a valid solver configuration for the set of domains on the Order"
FOREIGN = "It was not made for an approved CertificateRequest that asks the same, and is left alone"

# What each step was doing, for the reason of an order that the server refuses.
DOING: Mapping[type, str] = {
    NewOrder: "Failed to create Order",
    LookAtOrder: NO_ORDER,
    FetchAuthorizations: "Failed to fetch authorization",
    Finalize: FAILED,
}


class Orders:
    """The controller of Orders.

    owned: the names of the Challenges of an order; account_lost: called with an
    issuer whose account the server has forgotten.
    """

    def __init__(
        self,
        context: Context,
        accounts: Accounts,
        owned: Callable[[Resource], Sequence[str]],
        account_lost: Callable[[Resource], None],
        *,
        keep_challenges: bool = True,
        conduct: Conduct = OURS,
    ) -> None:
        self._context = context
        self._resources = context.resources
        self._accounts = accounts
        self._owned = owned
        self._account_lost = account_lost
        self._keep_challenges = keep_challenges
        self._conduct = conduct

    def sync(self, namespace: str, name: str) -> Inquiry[Outcome]:
        """Take one step with one order."""
        order = self._resources.get(ORDER, namespace, name)
        if order is None or not is_of_our_group(order["spec"]["issuerRef"]):
            return Done()
        issuer = issuer_for(self._resources, order)
        client = self._accounts.client(issuer)
        step = decide(
            View(
                order,
                issuer,
                client.key_authorization if client else None,
                lambda name: self._resources.get(CHALLENGE, namespace, name),
                self._owned(order),
                self._keep_challenges,
                self._conduct,
            )
        )
        if isinstance(step, Nothing):
            return Done()
        if isinstance(step, DeleteChallenges):
            return (yield from self._delete(order, step.names))
        if not is_made_for_request(order, self._resources):
            yield from self._context.recorder.warning(order, "Foreign", FOREIGN)
            return Done()
        if isinstance(step, CreateChallenges):
            yield from create_challenges(self._context, order, step.challenges)
            return Done()
        if isinstance(step, NoSolver):
            return (yield from self._no_solver(order, step.message))
        if client is None or issuer is None:
            return Done()
        settling = Settling(self._context, self._conduct, order, issuer, client)
        try:
            return (yield from _ask(settling, step))
        except (TransportError, Problem) as error:
            if self._conduct.registers_again and isinstance(error, Problem) and is_account_lost(error):
                self._account_lost(issuer)
            return (yield from settling.refused(DOING[type(step)], error))

    def _delete(self, order: Resource, names: Sequence[str]) -> Inquiry[Outcome]:
        for name in names:
            yield from self._resources.delete(CHALLENGE, order["metadata"]["namespace"], name)
        return Done()

    def _no_solver(self, order: Resource, message: str) -> Inquiry[Outcome]:
        """Tell which name is without a solver; the order waits for its issuer to get one."""
        text, status = f"{NO_SOLVER}: {message}", status_of(order)
        if not self._conduct.explains:
            yield from self._context.recorder.warning(order, "Solver", text)
        elif status.get("reason") != text:
            yield from self._context.write_status(ORDER, order, {**status, "reason": text})
            yield from self._context.recorder.warning(order, "Solver", text)
        return Done()


def create_challenges(context: Context, order: Resource, challenges: Sequence[Resource]) -> Inquiry[None]:
    """Create those Challenges of an order that are not there."""
    for challenge in challenges:
        try:
            created = yield from context.resources.create(CHALLENGE, challenge)
        except ApiError as error:
            if error.reason != "AlreadyExists":
                raise
            continue
        name, spec = challenge["metadata"]["name"], challenge["spec"]
        dns_name = spec["dnsName"]
        # The server knows the challenge by its URL only: here the two names meet.
        context.note("ChallengeCreated", created, dns_name=dns_name, type=spec["type"], url=spec["url"])
        text = f'Created Challenge resource "{name}" for domain "{dns_name}"'
        yield from context.recorder.normal(order, "Created", text)


def _ask(settling: Settling, step: NewOrder | LookAtOrder | FetchAuthorizations | Finalize) -> Inquiry[Outcome]:
    """Take a step that needs the ACME server."""
    match step:
        case NewOrder():
            return (yield from _new_order(settling))
        case FetchAuthorizations(urls=urls):
            return (yield from _fetch(settling, urls))
        case Finalize(challenges=challenges):
            return (yield from finalize(settling, challenges))
        case LookAtOrder(challenges=challenges):
            answer = yield from settling.client.order(settling.order["status"]["url"])
            return (yield from settling.settle(answer, challenges))


def _new_order(settling: Settling) -> Inquiry[Outcome]:
    order, now = settling.order, settling.context.clock()
    spec, profile = order["spec"], order["spec"].get("profile")
    if profile:
        known = yield from settling.client.profiles()
        if profile not in known:
            return (yield from settling.fail(f"{DOING[NewOrder]}: {_without(profile, known)}"))
    try:
        not_after = now + parse_duration(spec["duration"]) if spec.get("duration") else None
    except ValueError as error:
        return (yield from settling.fail(f"{DOING[NewOrder]}: spec.duration: {error}"))

    def ask(replaces: str | None) -> Inquiry[AcmeOrder]:
        return settling.client.new_order(identifiers_of(spec), not_after=not_after, profile=profile, replaces=replaces)

    try:
        answer = yield from ask((yield from _replaces(settling)))
    except Problem as problem:
        if not (spec.get("replaces") and _refuses_replaces(problem)):
            raise
        answer = yield from ask(None)
    settling.context.note("OrderPlaced", order, url=answer.url, status=answer.status)
    yield from settling.save(placed(status_of(order), answer, settling.context.clock()))
    return Done()


def _without(profile: str, known: Sequence[str]) -> str:
    """Say that the server does not have a profile, in upstream's words and some more."""
    if not known:
        return "acme: certificate authority does not support profiles"
    text = f"acme: certificate authority does not advertise a profile with name {profile}"
    return f"{text}; it has: {', '.join(known)}"


def _replaces(settling: Settling) -> Inquiry[str | None]:
    """Return which certificate the order replaces, for a server that has renewal information (RFC 9773 section 5)."""
    replaces: str | None = settling.order["spec"].get("replaces")
    if not (replaces and settling.conduct.replaces):
        return None
    return replaces if "renewalInfo" in (yield from settling.client.directory()) else None


def _refuses_replaces(problem: Problem) -> bool:
    return problem.kind == "alreadyReplaced" or (problem.kind == "malformed" and "replaces" in problem.detail.lower())


def _fetch(settling: Settling, urls: Sequence[str]) -> Inquiry[Outcome]:
    """Read authorizations; what was read is written, also when one of them cannot be had."""
    status, failure = status_of(settling.order), None
    try:
        for url in urls:
            status = described(status, (yield from settling.client.authorization(url)))
    except (TransportError, Problem) as error:
        failure = error
    yield from settling.save(status)
    if failure is not None:
        raise failure
    return Done()
