"""Accepting a challenge: tell the server that the answer is there, and wait for its verdict.

The authorization is read first, so a challenge that was decided meanwhile, or
accepted before a crash, is not accepted again. Errors are classed as upstream
classes them (`pkg/controller/acmechallenges/sync.go`, handleError), but a rate
limit is waited out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from acme_server.protocol.driver import Clock
from acme_server.protocol.problem import Problem
from acme_server.protocol.vantage import Inquiry
from issuer_bridge.accounts import Accounts
from issuer_bridge.acme_client import Client
from issuer_bridge.acme_errors import TransportError, is_account_lost, is_transient, retry_after
from issuer_bridge.acme_resources import AcmeAuthorization, AcmeChallenge
from issuer_bridge.resources import Resource
from scheduler.events import AcceptFailed, Decided

PATIENCE = timedelta(minutes=2)
AUTHORIZED = "Successfully authorized domain"
NO_CLIENT = "ACME client for issuer not initialised/available"


class Acceptance:
    """Accepts challenges; remembers until when the server asked not to be asked again.

    account_lost: called with an issuer whose account the server has forgotten.
    """

    def __init__(self, clock: Clock, accounts: Accounts, account_lost: Callable[[Resource], None]) -> None:
        self._clock = clock
        self._accounts = accounts
        self._account_lost = account_lost
        self._not_before: dict[str, tuple[datetime, str]] = {}

    def accept(self, key: str, spec: Mapping[str, Any], issuer: Resource | None) -> Inquiry[Decided | AcceptFailed]:
        """Return the verdict on a challenge, or why it could not be had this time."""
        client = self._accounts.client(issuer)
        if issuer is None or client is None:
            return AcceptFailed(key, NO_CLIENT)
        not_before, reason = self._not_before.pop(key, (self._clock(), ""))
        if self._clock() < not_before:
            self._not_before[key] = not_before, reason
            return AcceptFailed(key, reason)
        try:
            return (yield from _accept(key, spec, client))
        except TransportError as error:
            return AcceptFailed(key, f"Error accepting challenge: {error}")
        except Problem as problem:
            if is_account_lost(problem):
                self._account_lost(issuer)
            return self._refused(key, problem)

    def _refused(self, key: str, problem: Problem) -> Decided | AcceptFailed:
        if is_transient(problem) or is_account_lost(problem):
            reason = f"Error accepting challenge: {problem}"
            wait = retry_after(problem, self._clock())
            if wait is not None:
                self._not_before[key] = self._clock() + wait, reason
            return AcceptFailed(key, reason)
        if problem.kind == "malformed":
            return Decided(key, "expired", f"Error accepting challenge: {problem}")
        return Decided(key, "errored", f"Error accepting challenge: {problem}")


def _accept(key: str, spec: Mapping[str, Any], client: Client) -> Inquiry[Decided | AcceptFailed]:
    url = spec["authorizationURL"]
    authorization = yield from client.authorization(url)
    challenge = authorization.challenge(spec["url"])
    if challenge is None:
        return Decided(key, "errored", "the ACME authorization does not have a challenge with the URL in spec.url")
    if authorization.status == "pending" and challenge.status == "pending":
        yield from client.respond(challenge.url)
    found = authorization
    if authorization.status == "pending":
        polled = yield from client.poll(lambda: client.authorization(url), _is_decided, PATIENCE)
        if polled is None:
            return AcceptFailed(key, f"Error accepting authorization: no verdict within {PATIENCE.seconds} seconds")
        found = polled
    return _verdict(key, found, found.challenge(spec["url"]) or challenge)


def _is_decided(authorization: AcmeAuthorization) -> bool:
    return authorization.status != "pending"


def _verdict(key: str, authorization: AcmeAuthorization, challenge: AcmeChallenge) -> Decided:
    match authorization.status:
        case "valid":
            return Decided(key, "valid", AUTHORIZED)
        case "invalid":
            return Decided(
                key, "invalid", f"Error accepting authorization: {_authorization_error(authorization, challenge)}"
            )
        case "expired":
            return Decided(key, "expired", "Error accepting authorization: it has expired")
    return Decided(key, "errored", f"Error accepting authorization: it was {authorization.status}")


def _authorization_error(authorization: AcmeAuthorization, challenge: AcmeChallenge) -> str:
    """Return upstream's words: what was wrong, by all challenges that say so, ours first."""
    told = [challenge, *(other for other in authorization.challenges if other.url != challenge.url)]
    errors = "; ".join(str(item.error) for item in told if item.error is not None)
    return f"acme: authorization error for {authorization.identifier}: {errors}"
