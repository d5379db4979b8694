"""The bridge's side of a story: its resources, from the one that was named up to the owner and down to the Challenges."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import attrs

from acme_server.protocol.times import parse_rfc3339
from gravel.explaining.rules import Cause
from gravel.explaining.standing import DONE, PATIENCE, Standing
from gravel.explaining.story import Known, Story
from gravel.request_progress import Verdict, by_owner, certificate_progress, challenge_progress, progress_of
from issuer_bridge.conditions import condition, is_true
from issuer_bridge.diagnosis.finding import Finding
from issuer_bridge.kind_names import find_kind
from issuer_bridge.references import controller_of, key_of
from issuer_bridge.resources import (
    CERTIFICATE,
    CERTIFICATE_REQUEST,
    CHALLENGE,
    CLUSTER_ISSUER,
    ISSUER,
    ORDER,
    Kind,
    Resource,
    Resources,
)

NOT_APPROVED = Cause(
    "request-not-approved", "whoever approves requests", "gravel approve, or a policy that fits", False
)
CHALLENGE_WAITING = Cause(
    "challenge-waiting",
    "whoever presents the challenge",
    "repair what the reason says; gravel check NAME looks for it",
    False,
)
WAITING = Cause("resource-waiting", "the bridge", "gravel describe shows its events", False)
FAILED = Cause(
    "resource-failed", "whoever made the resource", "repair what it says; then make it anew, or gravel describe it"
)
_AWAITED: Mapping[str, str] = {
    NOT_APPROVED.code: "its approval",
    CHALLENGE_WAITING.code: "its answer to be seen, and the server to be told",
    WAITING.code: "that it becomes ready",
    FAILED.code: "a new one: this one stays as it is",
}
_FAILED, _LOST = (Verdict.FAILED, Verdict.DENIED), ("invalid", "expired", "errored")
# Each owns the next.
CHAIN: tuple[Kind, ...] = (CERTIFICATE, CERTIFICATE_REQUEST, ORDER, CHALLENGE)


def stories_of(
    known: Known, word: str, rest: str, by_url: Callable[[Known, str], tuple[Story, ...]]
) -> tuple[Story, ...]:
    """Return the stories of `KIND/NAMESPACE/NAME`: of each order of the server's that its Orders name, or of itself.

    by_url: gives the server's story of a URL, none for another server's.
    """
    kind, resources = find_kind(word), known.bridge.resources if known.bridge else None
    namespace, slash, name = rest.rpartition("/")
    if (
        kind is None
        or resources is None
        or kind not in (*CHAIN, ISSUER, CLUSTER_ISSUER)
        or bool(slash) != kind.namespaced
    ):
        return ()
    found = resources.get(kind, namespace, name)
    if found is None:
        return ()
    subject = f"{kind.kind.lower()}/{rest}"
    objects = tuple(_chain(resources, found))
    own = Story(known, subject, objects=objects, urls=_accounts(found))
    urls = [
        each["status"]["url"]
        for each in objects
        if each["kind"] == ORDER.kind and (each.get("status") or {}).get("url")
    ]
    orders = [attrs.evolve(story, subject=subject) for url in urls for story in by_url(known, url)]
    return (own, *orders)


def of_url(resources: Resources, url: str) -> tuple[Resource, ...]:
    """Return the bridge's resources that an order of the server's was made for, if the bridge made it."""
    made = [each for each in resources.list(ORDER) if (each.get("status") or {}).get("url") == url]
    return tuple(_chain(resources, made[0])) if made else ()


def names_of(resources: Resources) -> Iterator[str]:
    """Yield what can be asked for."""
    for kind in (*CHAIN, ISSUER, CLUSTER_ISSUER):
        yield from (f"{kind.kind.lower()}/{key_of(each)}" for each in resources.list(kind))


def _chain(resources: Resources, resource: Resource) -> Iterator[Resource]:
    """Yield the owners of a resource, the first one first, then itself, then what it owns."""
    kinds = {kind.kind: kind for kind in CHAIN}
    namespace, owners, current = resource["metadata"].get("namespace", ""), [], resource
    while (owner := controller_of(current)) and owner["kind"] in kinds:
        above = resources.get(kinds[owner["kind"]], namespace, owner["name"])
        if above is None:
            break
        owners.append(current := above)
    yield from reversed(owners)
    yield from _descent(resource, by_owner(each for kind in CHAIN[1:] for each in resources.list(kind, namespace)))


def _descent(resource: Resource, owned: dict[str, list[Resource]]) -> Iterator[Resource]:
    yield resource
    for child in owned.get(resource["metadata"]["uid"], ()):
        yield from _descent(child, owned)


def _accounts(resource: Resource) -> tuple[str, ...]:
    """Return the account of an issuer, which the server may not know."""
    uri = ((resource.get("status") or {}).get("acme") or {}).get("uri")
    return (uri,) if uri else ()


def standing_of_resources(resources: Sequence[Resource], now: datetime) -> Standing:
    """Return where resources stand, owners first: the first that failed, else what all the unfinished wait for.

    The rules of `issuer_bridge.diagnosis` say more of it; this is right for any state.
    """
    stands = [(resource, *_state(resource)) for resource in resources]
    failed = [_finding(FAILED, resource, text, now) for resource, verdict, text in stands if verdict in _FAILED]
    if failed:
        return Standing(True, True, tuple(failed[:1]))
    waiting = [(resource, text) for resource, verdict, text in stands if verdict is Verdict.PENDING]
    if not waiting or not stands or stands[0][1] is Verdict.READY:
        return DONE
    last = waiting[-1][0]["kind"]
    return Standing(
        False, False, tuple(_finding(_cause(each), each, text, now) for each, text in waiting if each["kind"] == last)
    )


def _state(resource: Resource) -> tuple[Verdict, str]:
    """Return how far a resource is, and its own words for it."""
    kind, status = resource["kind"], resource.get("status") or {}
    if kind == CERTIFICATE.kind:
        found = certificate_progress("", "", resource, {})
        return found.verdict, found.message
    if kind == CERTIFICATE_REQUEST.kind:
        found = progress_of("", "", resource, {})
        return found.verdict, found.message
    if kind in (ORDER.kind, CHALLENGE.kind):
        state = status.get("state") or "new"
        verdict = Verdict.READY if state == "valid" else Verdict.FAILED if state in _LOST else Verdict.PENDING
        stage = f", {challenge_progress(resource).stage}" if kind == CHALLENGE.kind else ""
        return verdict, f"it is {state}{stage}{_reason(status)}"
    ready = condition(resource, "Ready")
    return Verdict.READY if ready.get("status") == "True" else Verdict.PENDING, str(
        ready.get("message") or "it is not ready yet"
    )


def _reason(status: Mapping[str, Any]) -> str:
    return f": {status['reason']}" if status.get("reason") else ""


def _cause(resource: Resource) -> Cause:
    if resource["kind"] == CERTIFICATE_REQUEST.kind and not is_true(resource, "Approved"):
        return NOT_APPROVED
    return CHALLENGE_WAITING if resource["kind"] == CHALLENGE.kind else WAITING


def _finding(cause: Cause, resource: Resource, text: str, now: datetime) -> Finding:
    """Say it of one resource; what waits for longer than a healthy one is stuck."""
    name = f"{resource['kind'].lower()}/{key_of(resource)}"
    waits = parse_rfc3339(resource["metadata"]["creationTimestamp"])
    told = (resource.get("status") or {}).get("failureTime") or condition(resource, "Ready").get("lastTransitionTime")
    since = waits if cause is not FAILED else parse_rfc3339(told) if told else None
    about = (resource.get("spec") or {}).get("dnsName")
    found = cause.found(name, f"{name}{(about and f' ({about})') or ''}: {text}", _AWAITED[cause.code], since)
    return attrs.evolve(found, blocks=cause.blocks or now - waits >= PATIENCE)
