"""Whoever approves requests, and when it looks again: at each change of what its decision depends on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from acme_server.protocol.vantage import Inquiry
from issuer_bridge.cert_manager.approver import Approver
from issuer_bridge.context import Context
from issuer_bridge.outcomes import Outcome
from issuer_bridge.policy.access import access_of
from issuer_bridge.policy.approval import POLICY, Approval
from issuer_bridge.policy.decisions import is_open
from issuer_bridge.policy.denials import Denials
from issuer_bridge.policy.policy_approver import PolicyApprover, PolicyReadiness
from issuer_bridge.policy.review import Court
from issuer_bridge.policy.summaries import Summaries
from issuer_bridge.policy.tickets import TicketApprover, ticket_plugin
from issuer_bridge.reconciler import Key, Reconciler
from issuer_bridge.resources import (
    CERTIFICATE_REQUEST,
    CERTIFICATE_REQUEST_POLICY,
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    NAMESPACE,
    ROLE,
    ROLE_BINDING,
    Kind,
    Resource,
)

Queue: TypeAlias = Callable[[Callable[[Key], Inquiry[Outcome]]], Reconciler]

_POLICY_KINDS = (NAMESPACE, ROLE, ROLE_BINDING, CLUSTER_ROLE, CLUSTER_ROLE_BINDING, CERTIFICATE_REQUEST_POLICY)


def watched_by(approval: Approval) -> tuple[Kind, ...]:
    """Return the kinds that decisions depend on, beside requests."""
    return _POLICY_KINDS if approval.by == POLICY else ()


class Approving:
    """The approver that was chosen, and its queues; `queue` makes one."""

    def __init__(self, context: Context, approval: Approval, queue: Queue) -> None:
        self._resources = context.resources
        self.requests: Reconciler | None = None
        self._policies: Reconciler | None = None
        self._summaries: Reconciler | None = None
        self.denials = Denials()
        self._forget: Callable[[Resource], None] = lambda _: None

        def deciding(sync: Callable[[Key], Inquiry[Outcome]]) -> Reconciler:
            return queue(context.disturbances.approving(sync))

        match approval.by:
            case "all":
                self.requests = deciding(lambda key: Approver(context).sync(*key[1:]))
            case "ticket":
                tickets = TicketApprover(context, approval.ticket_url)
                self.requests = deciding(lambda key: tickets.sync(*key[1:]))
            case "policy":
                plugins = {"ticket": ticket_plugin(approval.ticket_url), **approval.plugins}
                access = approval.access or access_of(context.resources)
                approver = PolicyApprover(context, Court(access, approval.reading, plugins))
                readiness = PolicyReadiness(context, plugins)
                self.requests = deciding(lambda key: approver.sync(*key[1:]))
                self._policies = queue(lambda key: readiness.sync(key[2]))
                if approval.summaries:
                    summaries = Summaries(context)
                    self._summaries = queue(lambda key: summaries.sync(key[2]))
                self._forget = approver.forget

    def heard(self, event: str, kind: Kind, resource: Resource) -> None:
        """Look at the request that has changed, or at all that may be decided otherwise now."""
        namespace, name = resource["metadata"].get("namespace", ""), resource["metadata"]["name"]
        if kind == CERTIFICATE_REQUEST:
            self.denials.note(event, resource)
            if event == "DELETED":
                self._forget(resource)
            self._look(namespace, name)
        elif self._policies is not None and kind in _POLICY_KINDS:
            if kind == CERTIFICATE_REQUEST_POLICY:
                self._policies.add((kind.kind, "", name))
            self._look_at_open(name if kind == NAMESPACE else namespace)
            self._summarize(kind, name)

    def _look(self, namespace: str, name: str) -> None:
        if self.requests is not None:
            self.requests.add((CERTIFICATE_REQUEST.kind, namespace, name))

    def _summarize(self, kind: Kind, name: str) -> None:
        """Say anew what is allowed in a namespace, or in all after a policy has changed."""
        if self._summaries is not None and kind in (NAMESPACE, CERTIFICATE_REQUEST_POLICY):
            listed = [each["metadata"]["name"] for each in self._resources.list(NAMESPACE)]
            for namespace in [name] if kind == NAMESPACE else listed:
                self._summaries.add((NAMESPACE.kind, "", namespace))

    def _look_at_open(self, namespace: str) -> None:
        """Look again at the open requests of a namespace, "" for all."""
        for request in self._resources.list(CERTIFICATE_REQUEST, namespace or None):
            if is_open(request):
                self._look(request["metadata"]["namespace"], request["metadata"]["name"])
