"""The record of a validation: each question to the network, its moment, and what came back (Boulder's validationRecord)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, TypeAlias, TypeVar

from acme_server.excerpt import excerpt
from acme_server.protocol.driver import Clock
from acme_server.protocol.times import rfc3339_micro
from acme_server.protocol.vantage import (
    Answer,
    DnsAnswer,
    Fetch,
    Handshake,
    HttpAnswer,
    Inquiry,
    Question,
    Resolve,
    TlsAnswer,
)

T = TypeVar("T")
Record: TypeAlias = list[Mapping[str, Any]]

_MILLISECOND = timedelta(milliseconds=1)
_VALUES_RECORDED = 10
_LOCATION_RECORDED = 200


def recorded(inquiry: Inquiry[T], record: Record, clock: Clock) -> Inquiry[T]:
    """Let an inquiry ask, and add an entry for each answer: the moment of the question, and how long it took."""
    try:
        question = next(inquiry)
        while True:
            asked = clock()
            answer = yield question
            entry = _asked(question)
            entry["at"], entry["milliseconds"] = rfc3339_micro(asked), (clock() - asked) // _MILLISECOND
            record.append(entry | _heard(answer))
            question = inquiry.send(answer)
    except StopIteration as stop:
        result: T = stop.value
        return result


def _asked(question: Question) -> dict[str, Any]:
    if isinstance(question, Resolve):
        return {"question": f"{question.rtype} {question.name}", "server": question.server}
    if isinstance(question, Fetch):
        return {"question": f"{question.method} {question.url}", "address": question.address}
    assert isinstance(question, Handshake)
    return {"question": f"TLS {question.server_name}", "address": question.address}


def _heard(answer: Answer) -> dict[str, Any]:
    error = getattr(answer, "error", None)
    if error is not None:
        return {"error": error}
    if isinstance(answer, DnsAnswer):
        values = [excerpt(found.value)[1:-1] for found in answer.records[:_VALUES_RECORDED]]
        return {"rcode": answer.rcode, "values": values}
    if isinstance(answer, HttpAnswer):
        location = answer.header("Location")
        moved = {} if location is None else {"location": excerpt(location, _LOCATION_RECORDED)[1:-1]}
        return {"status": answer.status, **moved, "octets": len(answer.body)}
    assert isinstance(answer, TlsAnswer)
    return {"protocol": answer.protocol, "octets": len(answer.certificate)}
