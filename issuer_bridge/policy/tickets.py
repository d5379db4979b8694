"""Change tickets: a request that an annotation ties to an approved ticket may be issued.

A ticket is looked up with `GET URL/TICKET`, which answers with a JSON object
whose `state` is `approved`, `rejected`, or anything else for not yet.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import timedelta

import attrs

from acme_server.protocol.vantage import Fetch, Inquiry, fetch
from issuer_bridge.conditions import APPROVED, DENIED
from issuer_bridge.context import Context
from issuer_bridge.kube_api.statuses import Cause, required
from issuer_bridge.outcomes import Done, Outcome, Retry, Wait
from issuer_bridge.policy.decisions import decide, is_open
from issuer_bridge.policy.plugins import EvaluationError, Plugin, Values
from issuer_bridge.resources import CERTIFICATE_REQUEST, Resource

ANNOTATION = "gravel.test/change-ticket"
REASON = "gravel.test/change-ticket"
LOOK_AGAIN = timedelta(seconds=10)
MAX_ANSWER = 1 << 16
_TICKET = re.compile(r"[A-Za-z0-9][\w-]{0,63}", re.ASCII)
_DECISIONS = {"approved": APPROVED, "rejected": DENIED}


@attrs.frozen
class Ticket:
    """What is known of a request's ticket: `decision` is Approved, Denied, or "" with the reason why not yet."""

    decision: str
    message: str


def look_up(url: str, request: Resource) -> Inquiry[Ticket]:
    """Return the ticket of a request; EvaluationError when it cannot be looked up."""
    name = (request["metadata"].get("annotations") or {}).get(ANNOTATION)
    if name is None:
        return Ticket("", f"it has no annotation {ANNOTATION}")
    if not _TICKET.fullmatch(name):
        return Ticket("", f"{name[:64]!r} is no name of a ticket: letters, digits, hyphens and underscores, 64 at most")
    answer = yield from fetch(Fetch(f"{url.rstrip('/')}/{name}", limit=MAX_ANSWER))
    if answer.status == 404:
        return Ticket("", f"there is no ticket {name}")
    if answer.error is not None or answer.status != 200:
        raise EvaluationError(f"ticket {name} cannot be looked up: {answer.error or f'HTTP {answer.status}'}")
    try:
        found = json.loads(answer.body)
    except ValueError:
        found = None
    state = found.get("state") if isinstance(found, dict) else None
    if not isinstance(state, str):
        raise EvaluationError(f"ticket {name} cannot be looked up: the answer has no state")
    return Ticket(_DECISIONS.get(state, ""), f"ticket {name} is {state[:64]}")


def ticket_plugin(url: str) -> Plugin:
    """Return the plugin by which a policy wants an approved ticket; one that is not decided yet is waited for."""

    def evaluate(values: Values, request: Resource) -> Inquiry[str]:
        del values
        ticket = yield from look_up(url, request)
        if not ticket.decision and ANNOTATION in (request["metadata"].get("annotations") or {}):
            raise EvaluationError(ticket.message)
        return "" if ticket.decision == APPROVED else ticket.message

    def ready(values: Values) -> Sequence[Cause]:
        del values
        return () if url else (required("spec.plugins.ticket", "start the bridge with --ticket-url"),)

    return Plugin(evaluate, ready)


class TicketApprover:
    """The controller that decides as tickets are decided."""

    def __init__(self, context: Context, url: str) -> None:
        self._context, self._url = context, url

    def sync(self, namespace: str, name: str) -> Inquiry[Outcome]:
        """Look at one request's ticket; again soon while it is not decided."""
        request = self._context.resources.get(CERTIFICATE_REQUEST, namespace, name)
        if request is None or not is_open(request):
            return Done()
        try:
            ticket = yield from look_up(self._url, request)
        except EvaluationError as error:
            yield from self._context.recorder.warning(request, "TicketError", str(error))
            return Retry(str(error))
        if ticket.decision:
            self._context.note("RequestReviewed", request, result=ticket.decision, message=ticket.message)
            yield from decide(self._context, request, ticket.decision, REASON, ticket.message)
            return Done()
        yield from self._context.recorder.normal(request, "WaitingForTicket", ticket.message)
        waits = ANNOTATION in (request["metadata"].get("annotations") or {})
        return Wait(LOOK_AGAIN) if waits else Done()
