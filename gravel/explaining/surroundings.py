"""What is around a story that keeps it waiting: a clock that stands, faults, limits, and how its client polls."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta

import attrs

from acme_server.authorizations import Authorization, Challenge
from acme_server.protocol.journal import Entry
from acme_server.protocol.key_authorization import HTTP01_PATH, KeyAuthorization, dns01_name
from acme_server.protocol.problem import PREFIX
from acme_server.protocol.status import AccountStatus, ChallengeStatus
from acme_server.protocol.times import parse_rfc3339, rfc3339
from gravel.explaining.rules import CLIENT, NEW_ORDER, SERVER, TEST, Cause
from gravel.explaining.standing import CLOSED, Standing
from gravel.explaining.story import Story, challenge_name
from issuer_bridge.diagnosis.finding import Finding
from solvers.dns.lookup import lookup
from solvers.dns.name import canonical

FROZEN = Cause("clock-frozen", TEST, 'POST {"advance": "next"} or {"freeze": false} to /clock at the management API')
FAULT = Cause("fault-injected", TEST, "", blocks=False)
EARLY = Cause("polls-early", CLIENT, "wait as long as Retry-After says between two looks", blocks=False)
LONG_WAIT = Cause("retry-after-long", SERVER, "look again by hand; or lower the server's --retry-after", False, 9)
PAUSED = Cause("identifier-paused", CLIENT, "repair validation, then POST /rate-limits/reset", pain=14)
IN_PLACE = Cause("answer-in-place", CLIENT, "respond to the challenge: POST {} to its URL", blocks=False)
TOO_LATE = Cause("answer-late", CLIENT, "respond only once all nameservers show the answer", False, 16)
_IN_PLACE = {ChallengeStatus.PENDING: IN_PLACE, ChallengeStatus.INVALID: TOO_LATE}
_LONG = timedelta(minutes=5)
# Of a fault: (its kind, where it fired) -> the pain that it is, "" for everywhere.
_PAINS: Mapping[tuple[str, str], int] = {
    ("processing", ""): 11,
    ("pending", ""): 8,
    ("page", "authorization"): 10,
    ("truncate", "authorization"): 10,
    ("omit", "finalize"): 13,
    ("propagation", ""): 16,
    ("latency", "authorization"): 28,
    ("rateLimited", ""): 14,
    ("Retry-After", ""): 9,
}


def frozen_clock(story: Story, standing: Standing) -> Iterator[Finding]:
    """Yield that time stands still, where it is time that is awaited."""
    due = story.known.due
    timed = any(finding.who == SERVER for finding in standing.findings)
    if story.known.frozen and timed and due is not None and due > story.known.now:
        cause = f"the world's clock stands at {rfc3339(story.known.now)}, and what is awaited comes at {rfc3339(due)}"
        yield FROZEN.found(story.subject, cause, "time", story.known.now)


def faults(story: Story) -> Iterator[Finding]:
    """Yield each rule that fired at the story, newest first; one that decided it is what keeps it from getting on."""
    fired: dict[str, list[Entry]] = {}
    # Of a name, what an order came after is over.
    orders = story.happened("OrderCreated") if story.names else []
    over = orders[-1].at if orders else ""
    for entry in reversed(story.happened("FaultInjected")):
        if entry.at <= over:
            break
        fired.setdefault(entry.data["rule"], []).append(entry)
    for rule, entries in fired.items():
        action, endpoint = entries[0].data["action"], entries[0].data["endpoint"]
        told = str(action.get("type") or action.get("name") or "").removeprefix(PREFIX)
        places = ((action["kind"], endpoint), (action["kind"], ""), (told, ""))
        pain = next((_PAINS[place] for place in places if place in _PAINS), None)
        times = f", {len(entries)} times" if len(entries) > 1 else ""
        cause = f"the fault {rule!r} ({action['kind']}) fired at {endpoint}{times}"
        armed = rule in story.known.world.faults.armed
        attempt = f"DELETE /faults/{rule} at the management API" if armed else "try again: it is not armed any more"
        finding = FAULT.found(
            story.subject, cause, "a try without it", parse_rfc3339(entries[-1].at), [json.dumps(action)]
        )
        yield attrs.evolve(finding, attempt=attempt, pain=pain)


def polling(story: Story) -> Iterator[Finding]:
    """Yield where the client does not wait as long as it is told to, or is told to wait for very long."""
    order = [f"/order/{story.order.id}"] if story.order else []
    authorizations = [f"/authz/{each.id}" for each in story.authorizations]
    challenges = [f"/chall/{each.id}/{index}" for each, index, _ in story.challenges()]
    for path in (*order, *authorizations, *challenges):
        look = story.looked(path)
        if look is not None and look.early * 2 > len(look.recent) > 2:
            cause = (
                f"{look.early} of the last {len(look.recent)} requests for {path[1:]} came before Retry-After was over"
            )
            yield EARLY.found(story.subject, cause, "less haste", look.last)
        if look is not None and look.again - look.last >= _LONG and look.again > story.known.now:
            cause = f"the client was told to come for {path} again at {rfc3339(look.again)} only"
            yield LONG_WAIT.found(story.subject, cause, f"its next look, at {rfc3339(look.again)}", look.last)


def answers(story: Story) -> Iterator[Finding]:
    """Yield the challenges whose answer is in place, and was not when it was looked for, or waits to be looked at."""
    for authorization, index, challenge in story.challenges():
        cause = _IN_PLACE.get(challenge.status)
        if cause is not None and _is_in_place(story, authorization, challenge):
            text = f"the answer to {challenge.type} of {authorization.covers.value} is in place here now"
            awaited = NEW_ORDER if cause is TOO_LATE else "a client that responds"
            yield cause.found(challenge_name(authorization, index), text, awaited)


def _is_in_place(story: Story, authorization: Authorization, challenge: Challenge) -> bool:
    known, host = story.known, authorization.identifier.value
    if story.account is None:
        return False
    answer = KeyAuthorization(challenge.token, story.account.thumbprint)
    if challenge.type == "dns-01" and known.zone is not None:
        found = lookup(known.zone, canonical(dns01_name(host)), "TXT").answers
        return any(record.rtype == "TXT" and record.value == answer.dns_value for record in found)
    if challenge.type == "http-01" and known.responder is not None:
        return known.responder.handle("GET", host, HTTP01_PATH + challenge.token)[1] == answer.http_body.encode()
    return False


def closed(story: Story) -> Iterator[Finding]:
    """Yield that the account is closed under what it has not finished."""
    account = story.account
    if account is not None and account.status is not AccountStatus.VALID:
        cause = f"the account is {account.status}, and every request of it refused"
        yield CLOSED.found(f"account/{account.id}", cause, "another account", story.since("AccountDeactivated"))


def paused(story: Story) -> Iterator[Finding]:
    """Yield the names for which the account may order nothing, after many failed validations."""
    account = story.account
    for (owner, name), since in story.known.world.limits.paused.items():
        if account is not None and owner == account.id and name in (*story.names, *_hosts(story)):
            cause = f"every validation of {name} failed, and {owner} may not order it any more"
            yield PAUSED.found(story.subject, cause, "the end of the pause", since)


def _hosts(story: Story) -> list[str]:
    return [each.identifier.value for each in story.authorizations]
