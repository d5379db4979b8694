"""What an author's `check` and `sign` are given: a request and an issuer, as values that no one changes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeAlias

import attrs

from issuer_bridge.issuer_lib.outcomes import Bundle, IssuerFault


@attrs.frozen
class Request:
    """A request to sign, approved: a CertificateRequest, or a CertificateSigningRequest of Kubernetes (`kind`).

    namespace: "" for the latter; csr: PEM; duration: as asked for, 90 days where nothing was; usages: cert-manager's
    words; username: who made it, as the API server saw it; created: its creationTimestamp.
    """

    kind: str
    namespace: str
    name: str
    uid: str
    csr: bytes = attrs.field(repr=False)
    duration: timedelta
    is_ca: bool
    usages: tuple[str, ...]
    annotations: Mapping[str, str]
    created: datetime
    username: str = ""


@attrs.frozen
class Secret:
    """A Secret that an issuer names: its resourceVersion, and its decoded data."""

    version: str
    data: Mapping[str, bytes] = attrs.field(repr=False)


@attrs.frozen
class Issuer:
    """An issuer of the author's kind; namespace: "" where it is cluster-wide; ready: what its Ready condition says.

    secrets: those that its spec names, by name, as they are now.
    """

    kind: str
    namespace: str
    name: str
    uid: str
    generation: int
    spec: Mapping[str, Any]
    annotations: Mapping[str, str]
    ready: bool
    secrets: Mapping[str, Secret] = attrs.field(repr=False)

    @property
    def key(self) -> tuple[str, int, tuple[str, ...]]:
        """Whatever was made for an issuer (a session, a client) holds as long as this stays the same."""
        return self.uid, self.generation, tuple(self.secrets[name].version for name in sorted(self.secrets))

    def secret(self, name: str, key: str) -> bytes:
        """Return one value of a Secret that the spec names; IssuerFault when it is not there."""
        found = self.secrets.get(name)
        if found is None:
            raise IssuerFault(f'Secret "{name}" not found')
        if key not in found.data:
            raise IssuerFault(f'Secret "{name}" has no key "{key}"')
        return found.data[key]


Check: TypeAlias = Callable[[Issuer], Awaitable[None]]
Sign: TypeAlias = Callable[[Request, Issuer], Awaitable[Bundle]]
