"""A request before the policies: `review` comes to a verdict, and says of each policy why it did not approve.

One passing policy approves (approver-policy `approver/manager/review.go`). `mode: all`, where all that are about the
request must pass, and `on_no_match: deny` are the other reading of the word policy, and options.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import attrs

from acme_server.protocol.vantage import Inquiry
from issuer_bridge.conditions import READY, condition, is_true
from issuer_bridge.kube_api.rbac import Attributes
from issuer_bridge.kube_api.statuses import Cause
from issuer_bridge.policy.access import Access, requester
from issuer_bridge.policy.allowing import not_allowed
from issuer_bridge.policy.constraining import out_of_bounds
from issuer_bridge.policy.plugins import EvaluationError, Plugin
from issuer_bridge.policy.requested import UnreadableNamesError, requested
from issuer_bridge.policy.selecting import Labels, unselected
from issuer_bridge.resources import CERTIFICATE_REQUEST_POLICY, ApiError, Resource

APPROVED, DENIED, UNPROCESSED = "Approved", "Denied", "Unprocessed"
NOBODY = "No CertificateRequestPolicies exist"
UNBOUND = "No CertificateRequestPolicies bound or applicable"
NOT_READY = "Not all policies are ready for evaluation; refusing to deny pending policy readiness"


@attrs.frozen
class Reading:
    """mode: `any` or `all` of the policies that are about a request must pass; on_no_match: `pending` or `deny`."""

    mode: str = "any"
    on_no_match: str = "pending"


@attrs.frozen
class Verdict:
    """result: Approved, Denied or Unprocessed; policies: of each that did not approve, why, by name."""

    result: str
    message: str
    policies: Mapping[str, str] = attrs.field(factory=dict)


@attrs.frozen
class Court:
    """What a review goes by: how policies are read, who may use them, and the plugins by name."""

    access: Access
    reading: Reading = attrs.field(factory=Reading)
    plugins: Mapping[str, Plugin] = attrs.field(factory=dict)


def review(request: Resource, policies: Sequence[Resource], labels: Labels, court: Court) -> Inquiry[Verdict]:
    """Return the verdict; EvaluationError when there is none yet."""
    if not policies:
        return _unmatched(court.reading, NOBODY, {}, waiting=False)
    said: dict[str, str] = {}
    bound: list[Resource] = []
    for policy in policies:
        why = yield from _unbound(request, policy, labels, court.access)
        if why is None:
            bound.append(policy)
        else:
            said[_name(policy)] = why
    waiting = any(not condition(policy, READY) for policy in bound)
    ready = [policy for policy in bound if is_true(policy, READY)]
    for policy in bound:
        if policy not in ready:
            said[_name(policy)] = condition(policy, READY).get("message") or "it is not ready yet"
    if not ready:
        return _unmatched(court.reading, UNBOUND, said, waiting=waiting)
    denied: dict[str, str] = {}
    for policy in ready:
        why = yield from violations(request, policy, court.plugins)
        if not why and court.reading.mode == "any":
            return Verdict(APPROVED, f'Approved by CertificateRequestPolicy: "{_name(policy)}"', said | denied)
        if why:
            denied[_name(policy)] = why
    return _all_heard(bound, ready, denied, said, court.reading, waiting=waiting)


def _all_heard(
    bound: Sequence[Resource],
    ready: Sequence[Resource],
    denied: Mapping[str, str],
    said: Mapping[str, str],
    reading: Reading,
    *,
    waiting: bool,
) -> Verdict:
    told = " ".join(f"[{name}: {why}]" for name, why in sorted(denied.items()))
    reasons = {**said, **denied}
    if denied and reading.mode == "all":
        return Verdict(DENIED, f"Not all policies approved this request: {told}", reasons)
    if denied and waiting:
        return Verdict(UNPROCESSED, f"{NOT_READY}: {told}", reasons)
    if denied:
        return Verdict(DENIED, f"No policy approved this request: {told}", reasons)
    if len(ready) < len(bound):
        return Verdict(UNPROCESSED, "Not all policies are ready for evaluation", reasons)
    names = ", ".join(f'"{_name(policy)}"' for policy in ready)
    return Verdict(APPROVED, f"Approved by CertificateRequestPolicies: {names}", reasons)


def violations(request: Resource, policy: Resource, plugins: Mapping[str, Plugin]) -> Inquiry[str]:
    """Return what of a request a policy denies, "" when nothing; EvaluationError when it cannot be told."""
    spec = policy["spec"]
    try:
        asked = requested(request)
        said = [together(not_allowed(spec.get("allowed") or {}, request, asked))]
    except UnreadableNamesError as error:
        said = [str(error)]
    except ValueError as error:
        raise EvaluationError(f"spec.request: {error}") from None
    try:
        said.append(together(out_of_bounds(spec.get("constraints") or {}, request)))
    except ValueError as error:
        raise EvaluationError(str(error)) from None
    for name, given in (spec.get("plugins") or {}).items():
        if name not in plugins:
            raise EvaluationError(f"there is no plugin {name}")
        said.append((yield from plugins[name].evaluate(given.get("values") or {}, request)))
    return ", ".join(filter(None, said))


def together(causes: Iterable[Cause]) -> str:
    """Return causes as Kubernetes shows several errors: in brackets, each once."""
    told = list(dict.fromkeys(f"{cause.field}: {cause.message}" for cause in causes))
    return told[0] if len(told) == 1 else f"[{', '.join(told)}]" if told else ""


def _unmatched(reading: Reading, message: str, said: Mapping[str, str], *, waiting: bool) -> Verdict:
    denies = reading.on_no_match == "deny" and not waiting
    return Verdict(DENIED if denies else UNPROCESSED, message, said)


def _unbound(request: Resource, policy: Resource, labels: Labels, access: Access) -> Inquiry[str | None]:
    """Say why a policy does not count for a request: its selector, or what the requester may not."""
    try:
        why = unselected(policy, request, labels)
    except LookupError as error:
        raise EvaluationError(str(error)) from None
    if why is not None:
        return why
    kind, user = CERTIFICATE_REQUEST_POLICY, requester(request)
    namespace = request["metadata"]["namespace"]
    asked = Attributes("use", kind.group, kind.plural, namespace=namespace, name=_name(policy))
    try:
        may = yield from access(user, asked)
    except ApiError as error:
        raise EvaluationError(f"who may use {_name(policy)} is unknown: {error}") from None
    return None if may else f'{user.name or "nobody"} may not "use" it in namespace {namespace}'


def _name(policy: Resource) -> str:
    return str(policy["metadata"]["name"])
