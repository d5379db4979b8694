"""Problem documents: what a client did wrong, in the words of RFC 8555 section 6.7.

A `Problem` is always the client's fault (or the network's, as the validation
authority saw it) and becomes a document only at the web edge. Our own mistakes
are `IllegalTransition`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

PREFIX = "urn:ietf:params:acme:error:"

# Registered types (RFC 8555 section 6.7, RFC 9773 section 7.4) and the HTTP status each usually has.
STATUS_OF: Mapping[str, int] = {
    "accountDoesNotExist": 400,
    "alreadyReplaced": 409,
    "alreadyRevoked": 400,
    "badCSR": 400,
    "badNonce": 400,
    "badPublicKey": 400,
    "badRevocationReason": 400,
    "badSignatureAlgorithm": 400,
    "caa": 403,
    "compound": 403,
    "connection": 400,
    "dns": 400,
    "externalAccountRequired": 403,
    "incorrectResponse": 403,
    "invalidContact": 400,
    "invalidProfile": 400,
    "malformed": 400,
    "orderNotReady": 403,
    "rateLimited": 429,
    "rejectedIdentifier": 403,
    "serverInternal": 500,
    "tls": 400,
    "unauthorized": 403,
    "unsupportedContact": 400,
    "unsupportedIdentifier": 400,
    "userActionRequired": 403,
}


@attrs.frozen
class Problem(Exception):  # noqa: N818 - the RFC's word
    """An error document of RFC 8555 section 6.7 (and RFC 9457).

    kind: the type without its URN prefix; status: HTTP status; extra: further
    members (`algorithms`, `identifier`, ...); headers: HTTP headers to send along;
    case: what was wrong, where servers differ in what they call it (acme_server.personality).
    """

    kind: str
    detail: str
    status: int = 0
    subproblems: tuple[Problem, ...] = ()
    extra: Mapping[str, Any] = attrs.field(factory=dict)
    headers: tuple[tuple[str, str], ...] = ()
    case: str = attrs.field(default="", eq=False)

    def __attrs_post_init__(self) -> None:
        if self.status == 0:
            object.__setattr__(self, "status", STATUS_OF[self.kind])

    @property
    def type(self) -> str:
        """The full URI; a type that is not of the RFC's namespace is its own."""
        return self.kind if ":" in self.kind else PREFIX + self.kind

    def to_json(self, *, top: bool = True) -> dict[str, Any]:
        """Return the document; `status` only at the top level."""
        document: dict[str, Any] = {"type": self.type, "detail": self.detail}
        if top:
            document["status"] = self.status
        document.update(self.extra)
        if self.subproblems:
            document["subproblems"] = [problem.to_json(top=False) for problem in self.subproblems]
        return document

    @classmethod
    def from_json(cls, document: Mapping[str, Any], status: int = 0) -> Problem:
        """Read a server's document; unknown types keep their full text as kind."""
        kind = str(document.get("type", "about:blank")).removeprefix(PREFIX)
        subproblems = document.get("subproblems")
        known = {"type", "detail", "status", "subproblems"}
        return cls(
            kind=kind,
            detail=str(document.get("detail", "")),
            status=_status(document.get("status"), status or STATUS_OF.get(kind, 500)),
            subproblems=tuple(
                cls.from_json(item)
                for item in (subproblems if isinstance(subproblems, list) else ())
                if isinstance(item, Mapping)
            ),
            extra={key: value for key, value in document.items() if key not in known},
        )

    def __str__(self) -> str:
        return f"{self.status} {self.type}: {self.detail}"


def _status(value: Any, default: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else default


def malformed(detail: str, case: str = "") -> Problem:
    """The request is not what the RFC asks for."""
    return Problem("malformed", detail, case=case)


def unauthorized(detail: str, status: int = 403, case: str = "") -> Problem:
    """The client lacks authority for what it asks."""
    return Problem("unauthorized", detail, status, case=case)


class IllegalTransition(Exception):  # noqa: N818 - says what happened
    """Our own mistake: an event that the machine's table does not allow."""
