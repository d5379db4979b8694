"""Commands on challenges and authorizations: respond, record the verdict, deactivate (RFC 8555 section 7.5)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from acme_server import authorizations
from acme_server.authorizations import Authorization, status_of
from acme_server.protocol.journal import Fact
from acme_server.protocol.problem import Problem, malformed
from acme_server.protocol.status import AuthorizationStatus, ChallengeStatus
from acme_server.protocol.times import rfc3339
from acme_server.registration_authority.outcome import Outcome, Postponed, Validate
from acme_server.validation_authority import Verdict
from acme_server.world import World


def respond(authorization: Authorization, index: int, now: datetime) -> Outcome[Authorization]:
    """Have a pending challenge validated (section 7.5.1), and one that waits for a retry at once (section 8.2).

    Any other stays as it is. A retry that is asked for is one of the attempts that there are, which limits them.
    """
    challenge, status = authorization.challenges[index], status_of(authorization, now)
    if challenge.status in (ChallengeStatus.VALID, ChallengeStatus.INVALID):
        return Outcome(authorization)
    if status not in (AuthorizationStatus.PENDING, AuthorizationStatus.VALID, AuthorizationStatus.INVALID):
        raise malformed(f"the authorization is {status}; its challenges cannot be answered any more")
    waits = challenge.due is not None and challenge.due > now
    if status is not AuthorizationStatus.PENDING or not (challenge.status is ChallengeStatus.PENDING or waits):
        return Outcome(authorization)
    responded = (authorizations.retry if waits else authorizations.respond)(authorization, index, now)
    fact = Fact("ChallengeResponded", _challenge_subject(authorization, index), _about(authorization, index))
    return Outcome(responded, (responded,), (fact,), (_validation(responded, index),))


def record_verdict(
    world: World, authorization: Authorization, index: int, verdict: Verdict, now: datetime
) -> Outcome[Authorization]:
    """Settle a challenge that is processing, and its authorization with it, or have it looked at again later."""
    before = authorization.status
    if verdict.valid:
        expires = now + world.settings.valid_authorization_lifetime
        decided = authorizations.validate(authorization, index, verdict.record, now, expires)
    else:
        problem = verdict.problem or Problem("serverInternal", "the validation ended without a reason")
        failed = len(authorization.challenges[index].failures) + 1
        if failed < world.settings.validation_attempts and status_of(authorization, now) is AuthorizationStatus.PENDING:
            return _retry(world, authorization, index, problem, verdict, now)
        decided = authorizations.fail(authorization, index, problem, verdict.record, now)
    facts = [_challenge_decided(decided, index)]
    if decided.status is not before:
        facts.append(_authorization_decided(decided))
    return Outcome(decided, (decided,), tuple(facts))


def _retry(
    world: World, authorization: Authorization, index: int, problem: Problem, verdict: Verdict, now: datetime
) -> Outcome[Authorization]:
    wait = world.settings.validation_retry_after
    retried = authorizations.retry(authorization, index, now + wait, problem, verdict.record)
    data = {"problem": problem.type, "detail": problem.detail, "next": rfc3339(now + wait)}
    subject = _challenge_subject(authorization, index)
    fact = Fact("ValidationFailed", subject, {**_about(authorization, index), **data})
    return Outcome(retried, (retried,), (fact,), (Postponed(_validation(retried, index), wait),))


def deactivate(authorization: Authorization, now: datetime) -> Outcome[Authorization]:
    """Give an authorization up (section 7.5.2); doing it again changes nothing."""
    status = status_of(authorization, now)
    if status is AuthorizationStatus.DEACTIVATED:
        return Outcome(authorization)
    if status not in (AuthorizationStatus.PENDING, AuthorizationStatus.VALID):
        raise malformed(f"the authorization is {status}; only a pending or a valid one can be deactivated")
    deactivated = authorizations.deactivate(authorization, now)
    fact = Fact(
        "AuthorizationDeactivated", _subject(authorization), {"identifier": authorization.covers.value, "was": status}
    )
    return Outcome(deactivated, (deactivated,), (fact,))


def _validation(authorization: Authorization, index: int) -> Validate:
    return Validate(authorization.id, index, authorization.challenges[index].attempt)


def _subject(authorization: Authorization) -> dict[str, str]:
    return {"account": authorization.account_id, "authorization": authorization.id}


def _challenge_subject(authorization: Authorization, index: int) -> dict[str, str]:
    return {**_subject(authorization), "challenge": f"{authorization.id}/{index}"}


def _about(authorization: Authorization, index: int) -> dict[str, Any]:
    return {"type": authorization.challenges[index].type, "identifier": authorization.covers.value}


def _challenge_decided(authorization: Authorization, index: int) -> Fact:
    challenge = authorization.challenges[index]
    subject, data = _challenge_subject(authorization, index), _about(authorization, index)
    if challenge.error is None:
        return Fact("ChallengeValidated", subject, data)
    reason = {"problem": challenge.error["type"], "detail": challenge.error["detail"]}
    return Fact("ChallengeFailed", subject, {**data, **reason})


def _authorization_decided(authorization: Authorization) -> Fact:
    data = {"identifier": authorization.covers.value}
    if authorization.status is AuthorizationStatus.VALID:
        data["expires"] = rfc3339(authorization.expires)
        return Fact("AuthorizationValidated", _subject(authorization), data)
    return Fact("AuthorizationFailed", _subject(authorization), data)
