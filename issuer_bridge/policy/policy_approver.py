"""The controllers of policies: one says which are ready, one decides about requests by those that are."""

from __future__ import annotations

from collections.abc import Mapping

from acme_server.protocol.vantage import Inquiry
from issuer_bridge.conditions import READY, set_condition
from issuer_bridge.context import Context
from issuer_bridge.outcomes import Done, Outcome, Retry
from issuer_bridge.policy.decisions import decide, is_open
from issuer_bridge.policy.plugins import EvaluationError, Plugin
from issuer_bridge.policy.problems import unready
from issuer_bridge.policy.review import UNPROCESSED, Court, Verdict, review, together
from issuer_bridge.resources import CERTIFICATE_REQUEST, CERTIFICATE_REQUEST_POLICY, NAMESPACE, Resource

REASON = "policy.cert-manager.io"
FAILED = "approver-policy failed to review the request and will retry"
IGNORED = "Request is not applicable for any policy so ignoring"
READY_MESSAGE = "CertificateRequestPolicy is ready for approval evaluation"
UNREADY_MESSAGE = "CertificateRequestPolicy is not ready for approval evaluation"


class PolicyReadiness:
    """The controller that tells of each policy whether it can be evaluated."""

    def __init__(self, context: Context, plugins: Mapping[str, Plugin]) -> None:
        self._context, self._plugins = context, plugins

    def sync(self, name: str) -> Inquiry[Outcome]:
        """Write Ready, and an event when that changes."""
        policy = self._context.resources.get(CERTIFICATE_REQUEST_POLICY, "", name)
        if policy is None:
            return Done()
        why = together(unready(policy, self._plugins))
        told = ("False", "NotReady", f"{UNREADY_MESSAGE}: {why}") if why else ("True", "Ready", READY_MESSAGE)
        status = policy.get("status") or {}
        old = status.get("conditions") or []
        conditions = set_condition(old, READY, *told, self._context.clock(), policy["metadata"]["generation"])
        if conditions != old:
            changed = {**policy, "status": {**status, "conditions": conditions}}
            yield from self._context.resources.update_status(CERTIFICATE_REQUEST_POLICY, changed)
            record = self._context.recorder.warning if why else self._context.recorder.normal
            yield from record(policy, told[1], told[2])
        return Done()


class PolicyApprover:
    """The controller that approves and denies; what no policy is about is left to others."""

    def __init__(self, context: Context, court: Court) -> None:
        self._context, self._court = context, court
        self._last: dict[str, Verdict] = {}  # of requests that are still open, by uid

    def forget(self, request: Resource) -> None:
        """Drop what is remembered of a request that is gone."""
        self._last.pop(request["metadata"]["uid"], None)

    def sync(self, namespace: str, name: str) -> Inquiry[Outcome]:
        """Review one request."""
        request = self._context.resources.get(CERTIFICATE_REQUEST, namespace, name)
        if request is None or not is_open(request):
            return Done()
        policies = self._context.resources.list(CERTIFICATE_REQUEST_POLICY)
        try:
            verdict = yield from review(request, policies, lambda: self._labels(namespace), self._court)
        except EvaluationError as error:
            # Upstream tells requesters no more, as they need not know the policies.
            yield from self._context.recorder.warning(request, "EvaluationError", FAILED)
            return Retry(str(error))
        self._note(request, verdict)
        if verdict.result == UNPROCESSED:
            yield from self._context.recorder.normal(request, UNPROCESSED, IGNORED)
        else:
            yield from decide(self._context, request, verdict.result, REASON, verdict.message)
            self.forget(request)
        return Done()

    def _note(self, request: Resource, verdict: Verdict) -> None:
        """Tell the journal what the policies said, unless they say it again."""
        uid = request["metadata"]["uid"]
        if self._last.get(uid) != verdict:
            self._last[uid] = verdict
            data = {"result": verdict.result, "message": verdict.message, "policies": dict(verdict.policies)}
            self._context.note("RequestReviewed", request, **data)

    def _labels(self, namespace: str) -> Mapping[str, str]:
        found = self._context.resources.get(NAMESPACE, "", namespace)
        if found is None:
            raise LookupError(f"there is no namespace {namespace}")
        return found["metadata"].get("labels") or {}
