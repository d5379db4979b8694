"""What an ACME error means for a request: one table, and the only place that knows problem types.

The first row that fits decides; what has subproblems is the worst of them. `CERT_MANAGER` is what cert-manager makes of
the same errors (pkg/controller/acmeorders/sync.go, acmechallenges/sync.go, pkg/issuer/acme/setup.go): any 4xx is an end.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

import attrs

from acme_server.protocol.problem import STATUS_OF, Problem
from issuer_bridge.acme_client.errors import TransportError, retry_after


class Operation(StrEnum):
    """What the server was asked for; `VALIDATION` is not asked for, but what an authorization says of itself."""

    CHECK = "directory"
    ACCOUNT = "account"
    NEW_ORDER = "newOrder"
    ORDER = "order"
    AUTHORIZATION = "authorization"
    CHALLENGE = "challenge"
    VALIDATION = "validation"
    FINALIZE = "finalize"
    CERTIFICATE = "certificate"
    REVOKE = "revokeCert"


class Class(StrEnum):
    """What comes of an error; those that may meet in subproblems, worst first."""

    PERMANENT = "permanent"
    ISSUER_PERMANENT = "issuer-permanent"
    """The issuer is at fault, until it or one of its Secrets changes."""
    ISSUER = "issuer"
    DROP = "drop"
    """Another order, while there may be one; then permanent."""
    WAIT = "wait"
    """Until the time that the server named; nobody asks it before."""
    RETRY = "retry"
    REFRESH = "refresh"
    """Read the order again."""
    WITHOUT_REPLACES = "without-replaces"
    """The same order, without naming the certificate that it replaces."""
    DONE = "done"
    """What was asked for is so already."""


SEVERITY = (Class.PERMANENT, Class.ISSUER_PERMANENT, Class.ISSUER, Class.DROP, Class.WAIT, Class.RETRY)
READS = (Operation.ORDER, Operation.AUTHORIZATION, Operation.CHALLENGE, Operation.CERTIFICATE)
_ACCOUNT = (Operation.CHECK, Operation.ACCOUNT)
_NEW, _FINALIZE = (Operation.NEW_ORDER,), (Operation.FINALIZE,)
_VALIDATED = (Operation.VALIDATION, Operation.FINALIZE)
HOUR = timedelta(hours=1)


@attrs.frozen
class Row:
    """Errors of some kinds (any: ""), statuses and texts, at some operations, and their class.

    kinds: separated by blanks; where: () for any operation; timed: whether the server named a time, None for either;
    after: when to come back, where the server did not say; condition: what becomes True of the issuer; hint: what helps.
    """

    kinds: str
    where: tuple[Operation, ...]
    becomes: Class
    hint: str = ""
    statuses: range = range(600)
    says: str = ""
    timed: bool | None = None
    after: timedelta | None = None
    condition: str = ""

    def fits(self, problem: Problem, operation: Operation, *, timed: bool) -> bool:
        """Whether the row is about this."""
        return (
            (not self.kinds or problem.kind in self.kinds.split())
            and (not self.where or operation in self.where)
            and problem.status in self.statuses
            and self.timed in (None, timed)
            and (not self.says or re.search(self.says, problem.detail, re.IGNORECASE) is not None)
        )


_CLIENT, _SERVER, _BUSY = range(400, 500), range(500, 600), range(503, 504)
_BARE = "about:blank"
ROWS: tuple[Row, ...] = (
    Row(
        "rateLimited",
        _NEW,
        Class.WAIT,
        "the account is paused; a person must open the URL",
        says="pause",
        after=HOUR,
        condition="AccountPaused",
    ),
    Row("rateLimited", (), Class.WAIT, "a rate limit of the server", timed=True),
    Row("rateLimited", (), Class.RETRY, "a rate limit of the server", timed=False),
    Row("", (), Class.WAIT, "a rate limit of the server", statuses=range(429, 430), timed=True),
    Row("", (), Class.RETRY, "a rate limit of the server", statuses=range(429, 430)),
    Row(_BARE, (), Class.WAIT, "the server is being maintained", statuses=_BUSY, timed=True),
    Row("", (), Class.RETRY, "the server's own error", statuses=_SERVER),
    Row("badNonce", (), Class.RETRY, "nonces are refused again and again"),
    Row("conflict", (), Class.RETRY, "the key or the account is in use elsewhere"),
    Row("accountDoesNotExist", (), Class.ISSUER, "the server has lost the account; it is registered again"),
    Row("externalAccountRequired", (Operation.ACCOUNT,), Class.ISSUER_PERMANENT, "set spec.eab"),
    Row(
        "userActionRequired",
        (),
        Class.ISSUER,
        "a person must agree to new terms of service",
        after=HOUR,
        condition="TermsChanged",
    ),
    Row("badSignatureAlgorithm badPublicKey", _ACCOUNT, Class.ISSUER_PERMANENT, "use an account key of another type"),
    Row("invalidContact unsupportedContact", _ACCOUNT, Class.ISSUER_PERMANENT, "correct spec.email"),
    Row("alreadyRevoked", (Operation.REVOKE,), Class.DONE),
    Row("badRevocationReason", (Operation.REVOKE,), Class.PERMANENT, "give another reason"),
    Row("alreadyReplaced", _NEW, Class.WITHOUT_REPLACES, "another order has renewed the certificate already"),
    Row("malformed", _NEW, Class.WITHOUT_REPLACES, "the server takes no replaces", says="replaces"),
    Row("rejectedIdentifier", _NEW, Class.PERMANENT, "the server issues nothing for this name"),
    Row("unsupportedIdentifier", _NEW, Class.PERMANENT, "the server issues nothing for this type of name"),
    Row("invalidProfile", _NEW, Class.PERMANENT, "choose one of the directory's profiles"),
    Row("badCSR", _FINALIZE, Class.PERMANENT, "correct key and names in the request"),
    Row("badPublicKey", _FINALIZE, Class.PERMANENT, "the key of the request is weak or blocked"),
    Row("malformed", (*_NEW, *_FINALIZE), Class.PERMANENT, "the server does not understand the request"),
    Row("orderNotReady", _FINALIZE, Class.REFRESH, "the server does not call the order ready"),
    Row("caa", _VALIDATED, Class.DROP, "a CAA record forbids this server, account or method"),
    Row("dns", _VALIDATED, Class.DROP, "the server cannot resolve the name"),
    Row("connection", _VALIDATED, Class.DROP, "the server cannot reach the name"),
    Row("tls", _VALIDATED, Class.DROP, "the server cannot speak TLS with the name"),
    Row("incorrectResponse", _VALIDATED, Class.DROP, "the server finds another answer than the challenge's"),
    Row("unauthorized", (*_VALIDATED, Operation.CHALLENGE), Class.DROP, "the server does not accept the proof"),
    Row(
        "unauthorized",
        (*_ACCOUNT, *_NEW, Operation.ORDER),
        Class.ISSUER,
        "the account is deactivated, or the order another account's",
    ),
    Row("", READS, Class.DROP, "it has vanished from the server", statuses=_CLIENT),
    Row("", (Operation.VALIDATION,), Class.DROP),
    Row("", _ACCOUNT, Class.ISSUER, statuses=_CLIENT),
    Row("", (), Class.PERMANENT),  # fail closed
)
CERT_MANAGER: tuple[Row, ...] = (
    Row("", (), Class.RETRY, statuses=_SERVER),
    Row("", _ACCOUNT, Class.ISSUER),
    Row("", _FINALIZE, Class.REFRESH, statuses=range(403, 404)),
    Row("", (), Class.PERMANENT),
)
NO_ANSWER = Row("", (), Class.RETRY, "the server gives no answer that makes sense")


@attrs.frozen
class Verdict:
    """What an error means; after: when to come back, None where nothing says so; at_fault: the request itself is."""

    becomes: Class
    message: str
    after: timedelta | None = None
    condition: str = ""
    at_fault: bool = False

    @property
    def gate(self) -> bool:
        """Whether the server named a time, before which no request of the issuer may ask it."""
        return self.becomes in (Class.WAIT, Class.RETRY) and self.after is not None


def verdict(
    error: TransportError | Problem,
    operation: Operation,
    now: datetime,
    longest: timedelta,
    rows: Sequence[Row] = ROWS,
) -> Verdict:
    """Judge an error; longest: a server that wants more than this is not waited for."""
    if isinstance(error, TransportError):
        return Verdict(NO_ANSWER.becomes, f"{operation}: {error} ({NO_ANSWER.hint})")
    asked = retry_after(error, now) if rows is ROWS else None
    row = _row(error, operation, rows, timed=asked is not None)
    text = f"{operation}: {_told(error)}" + (f" ({row.hint})" if row.hint else "")
    if row.becomes is Class.WAIT and asked is not None and asked > longest:
        return Verdict(Class.PERMANENT, f"{text}; it wants {asked} to pass, and no more than {longest} is waited")
    after = row.after if asked is None else asked
    return Verdict(row.becomes, text, after, row.condition, row.becomes is Class.PERMANENT)


def _row(problem: Problem, operation: Operation, rows: Sequence[Row], *, timed: bool) -> Row:
    if problem.subproblems and rows is ROWS:
        inner = [attrs.evolve(one, status=STATUS_OF.get(one.kind, problem.status)) for one in problem.subproblems]
        found = [_row(one, operation, rows, timed=timed) for one in inner]
        return worst(found)
    return next(row for row in rows if row.fits(problem, operation, timed=timed))


def worst(rows: Iterable[Row]) -> Row:
    """Return the row of the gravest class; what is nobody's fault is gravest of none."""
    return min(rows, key=lambda row: SEVERITY.index(row.becomes) if row.becomes in SEVERITY else len(SEVERITY))


def _told(problem: Problem) -> str:
    parts = [f"{_name(one)}{one.kind}: {one.detail}" for one in problem.subproblems]
    place = problem.extra.get("instance")
    shown = f"{problem} [{'; '.join(parts)}]" if parts else str(problem)
    return f"{shown}; see {place[:253]}" if isinstance(place, str) and place.isprintable() else shown


def _name(problem: Problem) -> str:
    identifier = problem.extra.get("identifier")
    value = identifier.get("value") if isinstance(identifier, dict) else None
    return f"{str(value)[:253]!r} " if value else ""
