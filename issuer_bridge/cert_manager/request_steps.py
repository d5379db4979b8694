"""What a CertificateRequest may need next, whatever the type of its issuer."""

from __future__ import annotations

from typing import TypeAlias

import attrs

from issuer_bridge.resources import Resource


@attrs.frozen
class Nothing:
    """Not ours, finished, or waiting for somebody else; `why` is for people who read code and tests."""

    why: str


@attrs.frozen
class Announce:
    """Tell in an event, and leave the request alone."""

    reason: str
    message: str


@attrs.frozen
class Deny:
    """Say that somebody denied it."""


@attrs.frozen
class Pending:
    """Say what is being waited for; retry: nothing will tell when it has come."""

    reason: str
    message: str
    retry: bool = False


@attrs.frozen
class Fail:
    """The end: this request can never succeed."""

    reason: str
    message: str


@attrs.frozen
class CreateOrder:
    """Create the Order of this request."""

    order: Resource


@attrs.frozen
class DeleteOrder:
    """The Order's certificate is not for this request: begin again."""

    order: Resource
    why: str


@attrs.frozen
class TryAgain:
    """Something is in the way that may go away."""

    why: str


@attrs.frozen
class Issue:
    """Hand over the certificate (base64 PEM chain), and the CA's if it is known; warning: reason and message of an event."""

    certificate: str
    ca: str = ""
    warning: tuple[str, str] | None = None


@attrs.frozen
class AskRemote:
    """Have the CA of this issuer sign; type: its field of the issuer's spec."""

    type: str


Step: TypeAlias = Nothing | Announce | Deny | Pending | Fail | CreateOrder | DeleteOrder | TryAgain | Issue | AskRemote
