"""Accepting a challenge: tell the server that the answer is there, and wait for its verdict.

By our own conduct the authorization is read first, so a challenge that was
decided meanwhile, or accepted before a crash, is not accepted again, and a rate
limit is waited out. What an error means is in `error_classes`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from acme_server.protocol.driver import Clock
from acme_server.protocol.problem import Problem
from acme_server.protocol.vantage import Inquiry
from issuer_bridge.acme_client.client import Client
from issuer_bridge.acme_client.errors import NetworkError, TransportError, is_account_lost, retry_after
from issuer_bridge.acme_client.resources import AcmeAuthorization, AcmeChallenge
from issuer_bridge.acme_issuer.standing import Closed, Standing
from issuer_bridge.acme_issuer.translation import KINDS
from issuer_bridge.cert_manager.accounts import Accounts
from issuer_bridge.cert_manager.conduct import OURS, Conduct
from issuer_bridge.cert_manager.error_classes import judged
from issuer_bridge.resources import Resource
from scheduler.challenge import FINAL_STATES
from scheduler.events import (
    Accept,
    Accepted,
    AcceptFailed,
    Decided,
    FetchState,
    StateFetched,
    SyncFailed,
    WaitAuthorization,
)
from scheduler.versions import NEWEST

AUTHORIZED = "Successfully authorized domain"
NO_CHALLENGE = "the ACME authorization does not have a challenge with the URL in spec.url"
UPSTREAM_NO_CHALLENGE = "unexpected non-ACME API error: challenge was not present in authorization"
NO_CLIENT = "ACME client for issuer not initialised/available"
Asking: TypeAlias = FetchState | Accept | WaitAuthorization
DOING: Mapping[type[Asking], str] = {
    FetchState: "getting authorization",
    Accept: "accepting challenge",
    WaitAuthorization: "accepting authorization",
}
Told: TypeAlias = StateFetched | Accepted | Decided | AcceptFailed | SyncFailed


class Acceptance:
    """Asks the server about challenges; remembers until when it asked not to be asked again.

    account_lost: called with an issuer whose account the server has forgotten;
    wait: for a verdict, None for ever; standing: of AcmeIssuers, whose gate holds for challenges too.
    """

    def __init__(
        self,
        clock: Clock,
        accounts: Accounts,
        account_lost: Callable[[Resource], None],
        conduct: Conduct = OURS,
        wait: timedelta | None = NEWEST.authorization_wait,
        standing: Standing | None = None,
    ) -> None:
        self._standing = standing
        self._clock = clock
        self._accounts = accounts
        self._account_lost = account_lost
        self._conduct = conduct
        self._wait = wait
        self._not_before: dict[str, tuple[datetime, str]] = {}

    def perform(self, effect: Asking, spec: Mapping[str, Any], issuer: Resource | None) -> Inquiry[Told]:
        """Return what the server says, or why it could not be had this time."""
        key, failed = effect.key, AcceptFailed if isinstance(effect, Accept) else SyncFailed
        client = self._accounts.client(issuer)
        if issuer is None or client is None:
            return failed(key, NO_CLIENT)
        standing = self._standing if issuer["kind"] in KINDS else None
        if standing is not None and (obstacle := standing.obstacle(issuer)):
            return failed(key, obstacle)
        not_before, reason = self._not_before.pop(key, (self._clock(), ""))
        if self._clock() < not_before:
            self._not_before[key] = not_before, reason
            return failed(key, reason)
        try:
            return (yield from self._ask(effect, spec, client))
        except Closed as closed:
            return failed(key, str(closed))
        except (TransportError, Problem) as error:
            reason = f"Error {DOING[type(effect)]}: {error}"
            if self._conduct.registers_again and isinstance(error, Problem) and is_account_lost(error):
                self._account_lost(issuer)
            if standing is not None:
                ends = yield from standing.challenge_ends(issuer, error)
                return Decided(key, "errored", reason) if ends else failed(key, reason)
            state, told = judged(error, self._conduct.errors)
            if state:
                return Decided(key, state, told or (reason if self._tells(effect) else ""))
            wait = retry_after(error, self._clock()) if isinstance(error, Problem) else None
            if wait is not None and self._conduct.heeds_retry_after:
                self._not_before[key] = self._clock() + wait, reason
            return failed(key, reason)

    def _tells(self, effect: Asking) -> bool:
        """Whether a verdict for which upstream has no words gets some: its own of accepting, or ours."""
        return self._conduct.explains or isinstance(effect, Accept)

    def _ask(self, effect: Asking, spec: Mapping[str, Any], client: Client) -> Inquiry[Told]:
        if isinstance(effect, WaitAuthorization):
            return (yield from self._await_verdict(effect.key, spec, client))
        if isinstance(effect, Accept) and not self._conduct.looks_first:
            yield from client.respond(spec["url"])
            return Accepted(effect.key)
        found = yield from client.authorization(spec["authorizationURL"])
        challenge = found.challenge(spec["url"])
        if challenge is None:
            return Decided(effect.key, "errored", NO_CHALLENGE if self._conduct.explains else UPSTREAM_NO_CHALLENGE)
        if not self._conduct.looks_first:
            return _copied(effect.key, challenge)
        if _is_decided(found):
            return _verdict(effect.key, found, challenge.url)
        if isinstance(effect, FetchState):
            return StateFetched(effect.key)
        if challenge.status == "pending":
            yield from client.respond(challenge.url)
        return Accepted(effect.key)

    def _await_verdict(self, key: str, spec: Mapping[str, Any], client: Client) -> Inquiry[Told]:
        """Read the authorization until it is decided; to cert-manager an answer that makes no sense decides nothing."""
        url = spec["authorizationURL"]

        def read() -> Inquiry[AcmeAuthorization]:
            try:
                return (yield from client.authorization(url, "wait_authorization"))
            except TransportError as error:
                if self._conduct.looks_first or isinstance(error, NetworkError):
                    raise
                return AcmeAuthorization(url, "", "pending")

        decided = _is_decided if self._conduct.looks_first else _is_valid_or_invalid
        found = yield from client.poll(read, decided, self._wait)
        if found is None:
            assert self._wait is not None
            raise NetworkError(f"no verdict within {self._wait.total_seconds():.0f} seconds")
        return _verdict(key, found, spec["url"])


def _is_decided(authorization: AcmeAuthorization) -> bool:
    return authorization.status != "pending"


def _is_valid_or_invalid(authorization: AcmeAuthorization) -> bool:
    return authorization.status in ("valid", "invalid")


def _copied(key: str, challenge: AcmeChallenge) -> Decided | StateFetched:
    """Return the challenge's own status, as upstream's syncChallengeStatus copies it."""
    if challenge.status not in FINAL_STATES:
        return StateFetched(key)
    return Decided(key, challenge.status, challenge.error.detail if challenge.error else "")


def _verdict(key: str, authorization: AcmeAuthorization, url: str) -> Decided:
    match authorization.status:
        case "valid":
            return Decided(key, "valid", AUTHORIZED)
        case "invalid":
            return Decided(key, "invalid", f"Error accepting authorization: {_authorization_error(authorization, url)}")
        case "expired":
            return Decided(key, "expired", "Error accepting authorization: it has expired")
    return Decided(key, "errored", f"Error accepting authorization: it was {authorization.status}")


def _authorization_error(authorization: AcmeAuthorization, url: str) -> str:
    """Return upstream's words: what was wrong, by all challenges that say so, ours first."""
    told = sorted(authorization.challenges, key=lambda challenge: challenge.url != url)
    errors = "; ".join(str(item.error) for item in told if item.error is not None)
    return f"acme: authorization error for {authorization.identifier}: {errors}"
