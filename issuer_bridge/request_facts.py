"""What the journal is told by whoever watches: a request is new, approved, decided by hand; a Certificate lost its Secret."""

from __future__ import annotations

from collections.abc import Iterable

from acme_server.protocol.vantage import Inquiry
from issuer_bridge.conditions import APPROVED, DENIED, condition, is_approved
from issuer_bridge.context import Context
from issuer_bridge.kube_api.users import User
from issuer_bridge.references import issuer_words
from issuer_bridge.resources import CERTIFICATE, Resource


class RequestFacts:
    """Tells each of them once."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._noted: dict[str, bool] = {}  # requests seen, by uid, and whether they were approved

    def note(self, event: str, request: Resource) -> None:
        """Take in a change."""
        uid = request["metadata"]["uid"]
        if event == "DELETED":
            self._noted.pop(uid, None)
            return
        if uid not in self._noted:
            known_before = bool(request.get("status"))  # to an earlier run
            self._noted[uid] = known_before and is_approved(request)
            if not known_before:
                reference = request["spec"]["issuerRef"]
                kind, group = issuer_words(reference)
                self._context.note(
                    "RequestSeen", request, issuer=reference["name"], issuer_kind=kind, issuer_group=group
                )
        if is_approved(request) and not self._noted[uid]:
            self._noted[uid] = True
            self._context.note("RequestApproved", request, by=condition(request, APPROVED).get("reason", ""))

    def lost(self, secret: Resource, certificates: Iterable[str]) -> None:
        """Tell that a Secret was deleted in which Certificates are kept."""
        namespace, name = secret["metadata"]["namespace"], secret["metadata"]["name"]
        for each in certificates:
            certificate = self._context.resources.get(CERTIFICATE, namespace, each)
            if certificate is not None and not certificate["metadata"].get("deletionTimestamp"):
                self._context.note("SecretDeleted", certificate, secret=name)

    def decided(self, user: User, request: Resource) -> Inquiry[None]:
        """Tell of a decision that a user took by hand; an event tells it too."""
        decision = APPROVED if is_approved(request) else DENIED
        said = condition(request, decision)
        reason, message = said.get("reason", ""), said.get("message", "")
        self._context.note("RequestDecided", request, user=user.name, decision=decision, reason=reason, message=message)
        record = self._context.recorder.normal if decision == APPROVED else self._context.recorder.warning
        yield from record(request, decision, f"{user.name}: {reason}: {message}")
