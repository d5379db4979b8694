"""Accepting a challenge: tell the server that the answer is there, and wait for its verdict.

The authorization is read first, so a challenge that was decided meanwhile, or
accepted before a crash, is not accepted again. What an error means is in
`error_classes`; by our own rules, a rate limit is waited out.
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
from issuer_bridge.acme_client.resources import AcmeAuthorization
from issuer_bridge.cert_manager.accounts import Accounts
from issuer_bridge.cert_manager.error_classes import judged
from issuer_bridge.resources import Resource
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
from scheduler.versions import NEWEST, Version

AUTHORIZED = "Successfully authorized domain"
NO_CHALLENGE = "the ACME authorization does not have a challenge with the URL in spec.url"
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
    rules: whose error classes hold, None for ours; wait: for a verdict, None for ever.
    """

    def __init__(
        self,
        clock: Clock,
        accounts: Accounts,
        account_lost: Callable[[Resource], None],
        rules: Version | None = None,
        wait: timedelta | None = NEWEST.authorization_wait,
    ) -> None:
        self._clock = clock
        self._accounts = accounts
        self._account_lost = account_lost
        self._rules = rules
        self._wait = wait
        self._not_before: dict[str, tuple[datetime, str]] = {}

    def perform(self, effect: Asking, spec: Mapping[str, Any], issuer: Resource | None) -> Inquiry[Told]:
        """Return what the server says, or why it could not be had this time."""
        key, failed = effect.key, AcceptFailed if isinstance(effect, Accept) else SyncFailed
        client = self._accounts.client(issuer)
        if issuer is None or client is None:
            return failed(key, NO_CLIENT)
        not_before, reason = self._not_before.pop(key, (self._clock(), ""))
        if self._clock() < not_before:
            self._not_before[key] = not_before, reason
            return failed(key, reason)
        try:
            return (yield from self._ask(effect, spec, client))
        except (TransportError, Problem) as error:
            reason = f"Error {DOING[type(effect)]}: {error}"
            if isinstance(error, Problem) and is_account_lost(error):
                self._account_lost(issuer)
            state, told = judged(error, self._rules)
            if state:
                return Decided(key, state, told or reason)
            wait = retry_after(error, self._clock()) if isinstance(error, Problem) else None
            if wait is not None and self._rules is None:
                self._not_before[key] = self._clock() + wait, reason
            return failed(key, reason)

    def _ask(self, effect: Asking, spec: Mapping[str, Any], client: Client) -> Inquiry[Told]:
        url = spec["authorizationURL"]
        if isinstance(effect, WaitAuthorization):
            found = yield from client.poll(lambda: client.authorization(url), _is_decided, self._wait)
            if found is None:
                assert self._wait is not None
                raise NetworkError(f"no verdict within {self._wait.total_seconds():.0f} seconds")
            return _verdict(effect.key, found, spec["url"])
        found = yield from client.authorization(url)
        challenge = found.challenge(spec["url"])
        if challenge is None:
            return Decided(effect.key, "errored", NO_CHALLENGE)
        if _is_decided(found):
            return _verdict(effect.key, found, challenge.url)
        if isinstance(effect, FetchState):
            return StateFetched(effect.key)
        if challenge.status == "pending":
            yield from client.respond(challenge.url)
        return Accepted(effect.key)


def _is_decided(authorization: AcmeAuthorization) -> bool:
    return authorization.status != "pending"


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
