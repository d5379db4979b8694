"""How far CertificateRequests and Certificates are, and what they wait for: pure functions over resources."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any

import attrs

from issuer_bridge.resources import Resource

FINAL_CHALLENGE_STATES = ("valid", "invalid", "expired", "errored")


class Verdict(StrEnum):
    """How a request ended, or that it has not."""

    READY = "Ready"
    FAILED = "Failed"
    DENIED = "Denied"
    DELETED = "Deleted"
    PENDING = "Pending"


@attrs.frozen
class ChallengeProgress:
    """One challenge: stage is queued, presenting, checking, cleaning up, or its final state."""

    type: str
    dns_name: str
    stage: str
    reason: str = ""

    def __str__(self) -> str:
        text = f"{self.type} {self.dns_name} {self.stage}"
        return f"{text}: {self.reason}" if self.reason else text


@attrs.frozen
class Progress:
    """One request: its verdict, the Ready condition's reason and message, its order and challenges.

    Or a Certificate, with those of its newest `request`.
    """

    namespace: str
    name: str
    verdict: Verdict
    reason: str = ""
    message: str = ""
    order_state: str = ""
    challenges: tuple[ChallengeProgress, ...] = ()
    kind: str = "CertificateRequest"
    request: str = ""

    @property
    def key(self) -> str:
        """`NAMESPACE/NAME`."""
        return f"{self.namespace}/{self.name}"

    @property
    def over(self) -> bool:
        """Whether nothing more will happen to it by itself."""
        return self.verdict is not Verdict.PENDING

    def to_json(self) -> dict[str, Any]:
        """Return it as one JSON object."""
        return {
            "kind": self.kind,
            "namespace": self.namespace,
            "name": self.name,
            "verdict": self.verdict.value,
            "reason": self.reason,
            "message": self.message,
            "order": self.order_state,
            "challenges": [attrs.asdict(challenge) for challenge in self.challenges],
        }


def condition(resource: Resource, name: str) -> Mapping[str, Any] | None:
    """Return the condition of one type."""
    conditions = (resource.get("status") or {}).get("conditions") or ()
    return next((item for item in conditions if item.get("type") == name), None)


def holds(resource: Resource, name: str) -> bool:
    """Whether the condition is True."""
    return (condition(resource, name) or {}).get("status") == "True"


def verdict_of(request: Resource) -> Verdict:
    """Judge a CertificateRequest; cert-manager never takes up again what is Failed or Denied."""
    reason = (condition(request, "Ready") or {}).get("reason")
    if holds(request, "Ready"):
        return Verdict.READY
    if holds(request, "Denied") or reason == "Denied":
        return Verdict.DENIED
    if holds(request, "InvalidRequest") or reason == "Failed":
        return Verdict.FAILED
    return Verdict.PENDING


def by_owner(resources: Iterable[Resource]) -> dict[str, list[Resource]]:
    """Sort resources under the uids that their owner references name, oldest first."""
    owned: dict[str, list[Resource]] = {}
    for resource in sorted(resources, key=_age):
        for reference in resource["metadata"].get("ownerReferences") or ():
            owned.setdefault(str(reference.get("uid")), []).append(resource)
    return owned


def _age(resource: Resource) -> tuple[str, str]:
    return resource["metadata"].get("creationTimestamp") or "", resource["metadata"]["name"]


def owned_by(owner: Resource, owned: Mapping[str, Sequence[Resource]], kind: str) -> list[Resource]:
    """Return the owner's children of one kind."""
    children = owned.get(str(owner["metadata"].get("uid")), ())
    return [child for child in children if child.get("kind") == kind]


def progress_of(
    namespace: str, name: str, request: Resource | None, owned: Mapping[str, Sequence[Resource]]
) -> Progress:
    """Put together what is known of one request; `owned` is made by `by_owner`."""
    if request is None:
        return Progress(namespace, name, Verdict.DELETED, "Deleted", "it does not exist")
    orders = owned_by(request, owned, "Order")
    challenges = [challenge for order in orders for challenge in owned_by(order, owned, "Challenge")]
    verdict = verdict_of(request)
    reason, message = _explanation(request, verdict)
    state = (orders[-1].get("status") or {}).get("state") or "new" if orders else ""
    return Progress(namespace, name, verdict, reason, message, state, tuple(map(challenge_progress, challenges)))


def certificate_progress(
    namespace: str, name: str, certificate: Resource | None, owned: Mapping[str, Sequence[Resource]]
) -> Progress:
    """Put together what is known of one Certificate: Failed is one whose issuance failed, though it is tried again."""
    if certificate is None:
        return Progress(namespace, name, Verdict.DELETED, "Deleted", "it does not exist", kind="Certificate")
    issuing, ready = _up_to_date(certificate, "Issuing"), _up_to_date(certificate, "Ready")
    if ready.get("status") == "True" and issuing.get("status") != "True":
        verdict, told = Verdict.READY, ready
    else:
        verdict, told = (Verdict.FAILED if issuing.get("status") == "False" else Verdict.PENDING), issuing or ready
    reason, message = str(told.get("reason") or ""), str(told.get("message") or "")
    found = Progress(namespace, name, verdict, reason, message, kind="Certificate")
    requests = owned_by(certificate, owned, "CertificateRequest")
    if verdict is not Verdict.PENDING or not requests:
        return found
    request = requests[-1]["metadata"]["name"]
    newest = progress_of(namespace, request, requests[-1], owned)
    return attrs.evolve(newest, name=name, verdict=verdict, kind="Certificate", request=request)


def _up_to_date(resource: Resource, name: str) -> Mapping[str, Any]:
    """Return a condition that speaks of the spec as it is now."""
    found, generation = condition(resource, name) or {}, resource["metadata"].get("generation")
    return found if found.get("observedGeneration", generation) == generation else {}


def _explanation(request: Resource, verdict: Verdict) -> tuple[str, str]:
    """Choose the condition that says why."""
    if verdict is Verdict.PENDING and not holds(request, "Approved"):
        return "NotApproved", "not approved yet"
    names = {Verdict.DENIED: ("Denied", "Ready"), Verdict.FAILED: ("InvalidRequest", "Ready")}.get(verdict, ("Ready",))
    for name in names:
        found = condition(request, name)
        if found and (name == "Ready" or holds(request, name)):
            return str(found.get("reason") or ""), str(found.get("message") or "")
    return "", ""


def challenge_progress(challenge: Resource) -> ChallengeProgress:
    """Read a Challenge resource."""
    spec, status = challenge.get("spec") or {}, challenge.get("status") or {}
    state, reason = status.get("state") or "", str(status.get("reason") or "")
    name = ("*." if spec.get("wildcard") else "") + str(spec.get("dnsName", ""))
    return ChallengeProgress(str(spec.get("type", "")), name, _stage(state, status), "" if state == "valid" else reason)


def _stage(state: str, status: Mapping[str, Any]) -> str:
    if state in FINAL_CHALLENGE_STATES:
        return state
    if not status.get("processing"):
        return "queued"
    return "checking" if status.get("presented") else "presenting"


def describe_progress(progress: Progress) -> str:
    """Say in one line where a request is."""
    if progress.over:
        message = f": {progress.message}" if progress.message else ""
        reason = f" ({progress.reason})" if progress.reason not in ("", progress.verdict) else ""
        return f"{progress.key} {progress.verdict}{reason}{message}"
    parts = [f"order {progress.order_state}"] if progress.order_state else [progress.message or "not taken up yet"]
    parts += [str(challenge) for challenge in progress.challenges]
    return f"{progress.key} {progress.verdict}: {'; '.join(parts)}"


def describe_wait(progress: Sequence[Progress]) -> str:
    """Say what the unfinished requests wait for, and what a person can do about it."""
    return "; ".join(_wait(item) for item in progress if not item.over)


def _wait(progress: Progress) -> str:
    if progress.reason == "NotApproved":
        return f"{progress.key} is not approved (approve it: gravel approve -n {progress.namespace} {progress.request or progress.name})"
    unfinished = [item for item in progress.challenges if item.stage not in FINAL_CHALLENGE_STATES]
    if unfinished:
        return f"{progress.key} waits for {', '.join(str(item) for item in unfinished)}"
    if progress.order_state:
        return f"{progress.key} waits for its order, which is {progress.order_state}"
    return f"{progress.key} has no order: {progress.message or 'nobody has taken it up'}"
