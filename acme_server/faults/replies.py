"""What the wire shows of a fault: replies made, edited, and given a way to travel."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any

from acme_server.chance import uniform
from acme_server.delivery import Delivery
from acme_server.exchange import Reply
from acme_server.faults.action import Action
from acme_server.faults.delivery_actions import Cut, Drip, HalfClose, Latency, LognormalLatency, Lose, Stall
from acme_server.faults.wire_actions import (
    MoveWindow,
    Omit,
    Pad,
    Rewrite,
    SendPage,
    SendProblem,
    SetHeader,
    Skew,
    Substitute,
    Truncate,
    Unwrap,
)
from acme_server.protocol.driver import Entropy
from acme_server.protocol.problem import PREFIX, STATUS_OF, Problem
from acme_server.protocol.times import rfc3339
from acme_server.protocol.vantage import Headers

PROBLEM_TYPE = "application/problem+json"
_PAGE = "<!DOCTYPE html>\n<html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>\n"


def problem_of(action: SendProblem, now: datetime) -> Problem:
    """Return the problem that an action asks for."""
    kind = action.type.removeprefix(PREFIX)
    status = action.status or STATUS_OF.get(kind, 400)
    # A type that is no URI is taken for one of the RFC's namespace, known or not.
    return Problem(kind, action.detail, status, headers=_retry_after(action, now))


def page_of(action: SendPage, now: datetime) -> Reply:
    """Return the HTML that an action asks for."""
    body = _PAGE.format(f"Error {action.status}") if action.body is None else action.body
    return Reply(action.status, (("Content-Type", "text/html"), *_retry_after(action, now)), body.encode())


def change(reply: Reply, action: Action, now: datetime) -> Reply:
    """Return the reply as an action of the CHANGE plane leaves it."""
    return _CHANGES[type(action)](reply, action, now)


def deliver(reply: Reply, action: Action, entropy: Entropy) -> Reply:
    """Return the reply with the way it travels; one that is lost is as if it had never been."""
    if isinstance(action, Lose):
        return Reply(0, delivery=Delivery(lost=True, reset=action.reset))
    return Reply(reply.status, reply.headers, reply.body, _DELIVERIES[type(action)](action, entropy))


def header_of(reply: Reply, name: str) -> str:
    """Return a header's first value, or an empty string."""
    return next((value for key, value in reply.headers if key.lower() == name.lower()), "")


def _retry_after(action: SendProblem | SendPage, now: datetime) -> Headers:
    if action.retry_after is not None:
        return (("Retry-After", str(action.retry_after)),)
    if action.retry_after_date is not None:
        return (("Retry-After", _http_date(now, math.ceil(action.retry_after_date))),)
    return ()


def _http_date(now: datetime, seconds: float) -> str:
    return format_datetime(now + timedelta(seconds=seconds), usegmt=True)


def _omit(reply: Reply, action: Omit, _: datetime) -> Reply:
    missing = [name.lower() for name in action.headers]
    return _with(reply, headers=tuple(pair for pair in reply.headers if pair[0].lower() not in missing))


def _set_header(reply: Reply, action: SetHeader, now: datetime) -> Reply:
    others = _omit(reply, Omit(headers=(action.name,)), now).headers
    return _with(reply, headers=(*others, (action.name, action.value)))


def _truncate(reply: Reply, action: Truncate, _: datetime) -> Reply:
    return _with(reply, body=reply.body[: action.keep])


def _pad(reply: Reply, action: Pad, _: datetime) -> Reply:
    return _with(reply, body=reply.body.ljust(action.size))


def _substitute(reply: Reply, action: Substitute, _: datetime) -> Reply:
    headers = tuple((name, value.replace(action.old, action.new)) for name, value in reply.headers)
    return _with(reply, headers=headers, body=reply.body.replace(action.old.encode(), action.new.encode()))


def _rewrite(reply: Reply, action: Rewrite, _: datetime) -> Reply:
    status = action.status or reply.status
    document = _document(reply)
    if not isinstance(document, dict):
        return _with(reply, status=status)
    shown = {"status": status} if header_of(reply, "Content-Type") == PROBLEM_TYPE else {}
    changed = {**document, **shown, **action.members}
    kept = {name: value for name, value in changed.items() if value is not None}
    return _with(reply, status=status, body=_encode(kept))


def _unwrap(reply: Reply, action: Unwrap, _: datetime) -> Reply:
    document = _document(reply)
    if not isinstance(document, dict) or action.name not in document:
        return reply
    return _with(reply, body=_encode(document[action.name]))


def _skew(reply: Reply, action: Skew, now: datetime) -> Reply:
    return _set_header(reply, SetHeader("Date", _http_date(now, action.seconds)), now)


def _move_window(reply: Reply, action: MoveWindow, now: datetime) -> Reply:
    if reply.status != 200:
        return reply
    start, end = (rfc3339(now + timedelta(seconds=offset)) for offset in action.offsets)
    return _rewrite(reply, Rewrite(members={"suggestedWindow": {"start": start, "end": end}}), now)


_CHANGES: Mapping[type[Action], Callable[[Reply, Any, datetime], Reply]] = {
    Omit: _omit,
    SetHeader: _set_header,
    Truncate: _truncate,
    Pad: _pad,
    Substitute: _substitute,
    Rewrite: _rewrite,
    Unwrap: _unwrap,
    Skew: _skew,
    MoveWindow: _move_window,
}


def _latency(action: Latency, entropy: Entropy) -> Delivery:
    spread = 0.0 if action.until is None else (action.until - action.seconds) * uniform(entropy)
    return Delivery(before=timedelta(seconds=max(action.seconds + spread, 0.0)))


def _lognormal(action: LognormalLatency, entropy: Entropy) -> Delivery:
    # Box and Muller's transform; 1 - u is never 0.
    radius = math.sqrt(-2.0 * math.log(1.0 - uniform(entropy)))
    normal = radius * math.cos(2.0 * math.pi * uniform(entropy))
    return Delivery(before=timedelta(seconds=min(action.median * math.exp(action.sigma * normal), _LONGEST)))


def _stall(action: Stall, _: Entropy) -> Delivery:
    wait = None if action.seconds is None else timedelta(seconds=action.seconds)
    return Delivery(before=wait) if action.at == "headers" else Delivery(between=wait)


def _cut(action: Cut, _: Entropy) -> Delivery:
    return Delivery(keep=action.keep)


def _half_close(action: HalfClose, _: Entropy) -> Delivery:
    return Delivery(keep=action.keep, half_closed=True)


def _drip(action: Drip, _: Entropy) -> Delivery:
    return Delivery(chunk=action.bytes, pace=timedelta(seconds=action.seconds))


_LONGEST = 1e9
_DELIVERIES: Mapping[type[Action], Callable[[Any, Entropy], Delivery]] = {
    Latency: _latency,
    LognormalLatency: _lognormal,
    Stall: _stall,
    Cut: _cut,
    HalfClose: _half_close,
    Drip: _drip,
}


def _with(
    reply: Reply, *, status: int | None = None, headers: Headers | None = None, body: bytes | None = None
) -> Reply:
    return Reply(
        reply.status if status is None else status,
        reply.headers if headers is None else headers,
        reply.body if body is None else body,
        reply.delivery,
    )


def problem_kind(reply: Reply) -> str | None:
    """Return the type of the problem that a reply carries, without its prefix."""
    if header_of(reply, "Content-Type") != PROBLEM_TYPE:
        return None
    return str(_document(reply)["type"]).removeprefix(PREFIX)


def _document(reply: Reply) -> Any:
    if "json" not in header_of(reply, "Content-Type"):
        return None
    try:
        return json.loads(reply.body)
    except ValueError:
        return None


def _encode(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()
