"""What an error means for a challenge: one table, with a column for cert-manager and one for us.

cert-manager's is handleError of pkg/controller/acmechallenges/sync.go. Ours
differs where waiting helps: a rate limit, a lost account and an answer that
makes no sense end no challenge.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import attrs

from acme_server.protocol.problem import Problem
from issuer_bridge.acme_client.errors import NetworkError, TransportError, is_account_lost, is_transient
from scheduler.versions import Version


class ErrorClass(StrEnum):
    """What went wrong; no verdict in time counts as the network's error."""

    NETWORK = "network"
    UNEXPECTED = "unexpected"
    MALFORMED = "malformed"
    PASSING = "passing"
    """A client's error that passes by itself: a rate limit, a nonce, an account that is made anew."""
    REFUSED = "refused"
    """Any other 4xx."""
    SERVER = "server"


@attrs.frozen
class Row:
    """The state that an error leads to, ours and cert-manager's ("": it is tried again), and cert-manager's reason."""

    ours: str
    state: str
    reason: str = ""


_UNEXPECTED = "unexpected non-ACME API error: {}"
_REFUSED = "Failed to retrieve Order resource: {}"
ROWS: Mapping[ErrorClass, Row] = {
    ErrorClass.NETWORK: Row("", "errored", _UNEXPECTED),
    ErrorClass.UNEXPECTED: Row("", "errored", _UNEXPECTED),
    ErrorClass.MALFORMED: Row("expired", "expired"),
    ErrorClass.PASSING: Row("", "errored", _REFUSED),
    ErrorClass.REFUSED: Row("errored", "errored", _REFUSED),
    ErrorClass.SERVER: Row("", ""),
}


def class_of(error: TransportError | Problem) -> ErrorClass:
    """Return the row of an error."""
    if isinstance(error, TransportError):
        return ErrorClass.NETWORK if isinstance(error, NetworkError) else ErrorClass.UNEXPECTED
    if error.kind == "malformed":
        return ErrorClass.MALFORMED
    if error.status >= 500:
        return ErrorClass.SERVER
    return ErrorClass.PASSING if is_transient(error) or is_account_lost(error) else ErrorClass.REFUSED


def judged(error: TransportError | Problem, rules: Version | None = None) -> tuple[str, str]:
    """Return the state and the reason that an error gives a challenge, "" where it changes nothing.

    rules: those of a version of cert-manager; None: ours, which leave the reason to the caller.
    """
    found = class_of(error)
    row = ROWS[found]
    if rules is None:
        return row.ours, ""
    spared = {
        ErrorClass.NETWORK: not rules.network_errors_final,
        ErrorClass.UNEXPECTED: not rules.unexpected_errors_final,
    }
    return ("", "") if spared.get(found) else (row.state, row.reason.format(error))
