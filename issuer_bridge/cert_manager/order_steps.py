"""What an Order needs next (upstream `pkg/controller/acmeorders/sync.go`): pure, first matching branch.

The Order's status is the durable cursor: each step makes at most one change
at the ACME server and one write to the status, so a crash between the two is
seen, and mended, by looking at the server first. Where cert-manager does
otherwise, `conduct` says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import attrs

from acme_server.protocol.key_authorization import KeyAuthorization
from issuer_bridge.cert_manager.accounts import acme_of
from issuer_bridge.cert_manager.children import build_challenges
from issuer_bridge.cert_manager.conduct import OURS, Conduct
from issuer_bridge.resources import Resource
from scheduler.challenge import FAILURE_STATES, FINAL_STATES


@attrs.frozen
class View:
    """All that a decision looks at.

    key_authorization: of the issuer's account, None while it is not registered;
    find: a Challenge by name; owned: the names of the Challenges that exist for this order.
    """

    order: Resource
    issuer: Resource | None
    key_authorization: Callable[[str], KeyAuthorization] | None
    find: Callable[[str], Resource | None]
    owned: Sequence[str] = ()
    keep_challenges: bool = True
    conduct: Conduct = OURS


@attrs.frozen
class Nothing:
    """It is finished, or somebody else's turn; `why` is for people who read code and tests."""

    why: str


@attrs.frozen
class NewOrder:
    """Ask the server for an order."""


@attrs.frozen
class LookAtOrder:
    """Read the server's order and copy its status; when it is valid, fetch the certificate."""

    challenges: tuple[Resource, ...] = ()


@attrs.frozen
class FetchAuthorizations:
    """Read the authorizations of which nothing is known yet."""

    urls: tuple[str, ...]


@attrs.frozen
class CreateChallenges:
    """Create the Challenges that are missing."""

    challenges: tuple[Resource, ...]


@attrs.frozen
class DeleteChallenges:
    """Delete the Challenges that are not needed any more."""

    names: tuple[str, ...]


@attrs.frozen
class Finalize:
    """Hand in the CSR, if the server's order is still ready for it."""

    challenges: tuple[Resource, ...] = ()


@attrs.frozen
class NoSolver:
    """The issuer has no solver for some name; a change of the issuer may help."""

    message: str


Step: TypeAlias = (
    Nothing | NewOrder | LookAtOrder | FetchAuthorizations | CreateChallenges | DeleteChallenges | Finalize | NoSolver
)


def decide(view: View) -> Step:
    """Return the next step."""
    status = view.order.get("status") or {}
    state = status.get("state", "")
    if view.order["metadata"].get("deletionTimestamp"):
        return Nothing("being deleted")
    if state in FAILURE_STATES:
        return Nothing("failed")
    if state == "valid" and status.get("certificate"):
        if view.keep_challenges or not view.owned:
            return Nothing("complete")
        return DeleteChallenges(tuple(view.owned))
    if view.issuer is None or view.key_authorization is None:
        return Nothing("its issuer has no registered account")
    if not status.get("url"):
        return NewOrder()
    if not status.get("finalizeURL") or state == "valid" or (view.conduct.polls and state == "processing"):
        return LookAtOrder()
    unknown = [item["url"] for item in status.get("authorizations") or () if not item.get("identifier")]
    if unknown:
        return FetchAuthorizations(tuple(unknown))
    return _decide_challenges(view, view.key_authorization, state)


def _decide_challenges(view: View, key_authorization: Callable[[str], KeyAuthorization], state: str) -> Step:
    acme: Any = acme_of(view.issuer or {"spec": {}}) or {}
    try:
        required = build_challenges(view.order, acme.get("solvers") or (), key_authorization)
    except ValueError as error:
        return NoSolver(str(error))
    names = [challenge["metadata"]["name"] for challenge in required]
    existing = [view.find(name) for name in names]
    missing = tuple(wanted for wanted, found in zip(required, existing, strict=True) if found is None)
    if missing:
        return CreateChallenges(missing)
    leftover = tuple(name for name in view.owned if name not in names)
    if leftover:
        return DeleteChallenges(leftover)
    challenges = tuple(challenge for challenge in existing if challenge is not None)
    if state == "ready":
        return Finalize(challenges)
    states = [state_of(challenge) for challenge in challenges]
    if any(state in FAILURE_STATES for state in states) or all(state in FINAL_STATES for state in states):
        return LookAtOrder(challenges)
    return Nothing("waiting for its challenges")


def state_of(challenge: Resource) -> str:
    """Return a Challenge's state, "" before the server was asked."""
    return str((challenge.get("status") or {}).get("state", ""))
