"""What an error means for a challenge and for an order: one table, with columns for cert-manager and for us.

cert-manager's are handleError of pkg/controller/acmechallenges/sync.go, and the
4xx branches of pkg/controller/acmeorders/sync.go. Ours differ where waiting
helps: a rate limit, a lost account and an answer that makes no sense end nothing.
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
    """The state that an error gives a challenge, ours and cert-manager's ("": it is tried again), and cert-manager's reason.

    ends_order: whether it ends an order, ours and cert-manager's.
    """

    ours: str
    state: str
    reason: str = ""
    ends_order: tuple[bool, bool] = (False, False)


_UNEXPECTED = "unexpected non-ACME API error: {}"
_REFUSED = "Failed to retrieve Order resource: {}"
ROWS: Mapping[ErrorClass, Row] = {
    ErrorClass.NETWORK: Row("", "errored", _UNEXPECTED),
    ErrorClass.UNEXPECTED: Row("", "errored", _UNEXPECTED),
    ErrorClass.MALFORMED: Row("expired", "expired", ends_order=(True, True)),
    ErrorClass.PASSING: Row("", "errored", _REFUSED, (False, True)),
    ErrorClass.REFUSED: Row("errored", "errored", _REFUSED, (True, True)),
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


def ends_order(error: TransportError | Problem, rules: Version | None = None) -> bool:
    """Whether an order is `errored` after this, rather than tried again; rules: as above."""
    return ROWS[class_of(error)].ends_order[rules is not None]
