"""What can go wrong between us and an ACME server, and which of it passes by itself.

A problem document is a `Problem`; whatever is not an answer at all (a dropped
connection, HTML from a proxy, a document that is not what RFC 8555 says) is a
`TransportError`. Only this module knows which problems are worth repeating.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import attrs

from acme_server.protocol.encoding import load_json
from acme_server.protocol.problem import Problem
from acme_server.protocol.vantage import HttpAnswer

MAX_TEXT = 2000


class TransportError(Exception):
    """There was no usable answer; the same request may succeed later."""


class NetworkError(TransportError):
    """There was no answer at all, or none in time."""


class Refused(Exception):  # noqa: N818 - says what happened
    """An order or an authorization ended without a certificate; `problem`: why, where the server said so."""

    def __init__(self, text: str, problem: Problem | None = None) -> None:
        super().__init__(f"{text}: {problem}" if problem else text)
        self.problem = problem


def delay_of(text: str | None, now: datetime) -> timedelta | None:
    """Read a Retry-After header: seconds or an HTTP date (RFC 9110 section 10.2.3); never negative."""
    if text is None:
        return None
    text = text.strip()
    if text.isascii() and text.isdigit():
        return timedelta(seconds=min(int(text[:12]), 10 * 365 * 86400))
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(moment - now, timedelta(0))


def problem_in(answer: HttpAnswer) -> Problem:
    """Return what the server complains of; an error without a problem document keeps its HTTP status."""
    document = _document(answer.body)
    if "type" not in document and "detail" not in document:
        document = {"detail": answer.body[:200].decode("utf-8", "replace").strip() or "no problem document"}
    problem = read_problem(document)
    retry_after = answer.header("Retry-After")
    # The answer's own status counts: that in the document is advice (RFC 9457 section 3.1.2).
    return attrs.evolve(problem, status=answer.status, headers=(("Retry-After", retry_after),) if retry_after else ())


def read_problem(document: Mapping[str, Any]) -> Problem:
    """Read a problem document; what it says for people becomes one line, of no more than 2,000 characters."""
    problem = Problem.from_json(document)
    subproblems = tuple(attrs.evolve(one, detail=_line(one.detail)) for one in problem.subproblems)
    return attrs.evolve(problem, kind=_line(problem.kind), detail=_line(problem.detail), subproblems=subproblems)


def _line(text: str) -> str:
    """Return what a terminal may be shown of a stranger's text."""
    return text[:MAX_TEXT] if text.isprintable() else "".join(c if c.isprintable() else " " for c in text[:MAX_TEXT])


def _document(body: bytes) -> Mapping[str, Any]:
    try:
        document = load_json(body)
    except ValueError:
        return {}
    return document if isinstance(document, Mapping) else {}


def retry_after(problem: Problem, now: datetime) -> timedelta | None:
    """Return how long the server asked us to wait."""
    return delay_of(dict(problem.headers).get("Retry-After"), now)


def is_transient(problem: Problem) -> bool:
    """Whether waiting helps: rate limits, the server's own errors, and a nonce that lost a race."""
    return problem.status == 429 or problem.status >= 500 or problem.kind == "badNonce"


def is_refused_nonce(problem: Problem) -> bool:
    """Whether the same request with a fresh nonce is in place; as cert-manager's client, of status 400 alone."""
    return problem.status == 400 and problem.type.lower().endswith(":badnonce")


def is_account_lost(problem: Problem) -> bool:
    """Whether the server has forgotten the account, as a test server does when it starts again."""
    return problem.kind == "accountDoesNotExist"
