"""What a run is told: which API, which issuer, and how long to wait."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from types import MappingProxyType
from typing import Self

import attrs


@attrs.frozen
class Target:
    """A Kubernetes API.

    server: its base URL; tls: what its certificate is checked against, and our own certificate, if there is one;
    private: header fields that no report shows.
    """

    server: str
    tls: ssl.SSLContext = attrs.field(factory=ssl.create_default_context, repr=False)
    private: Mapping[str, str] = attrs.field(default=MappingProxyType({}), repr=False)


@attrs.frozen
class IssuerRef:
    """Whose issuer: `Kind.group/name`."""

    kind: str
    group: str
    name: str

    @classmethod
    def read(cls, text: str) -> Self:
        """Read `Kind.group/name`, `Kind/name` (of cert-manager.io) or `name` (an Issuer of cert-manager.io)."""
        typed, _, name = text.rpartition("/")
        kind, _, group = (typed or "Issuer").partition(".")
        if not (kind and name) or "/" in typed:
            raise ValueError(f"{text!r} is no KIND.GROUP/NAME, such as Issuer.cert-manager.io/letsencrypt")
        return cls(kind, group or "cert-manager.io", name)

    def __str__(self) -> str:
        """Write it as it is read."""
        return f"{self.kind}.{self.group}/{self.name}"


@attrs.frozen(kw_only=True)
class Options:
    """One run's options.

    unready: name of an issuer of the same kind that is not ready; domain: what the requested names are below;
    address: the IP address that is requested; patience: seconds until a request has its end; quiet: seconds for which
    is looked whether what rests is left alone.
    """

    target: Target
    issuer: IssuerRef
    namespace: str = "default"
    unready: str | None = None
    domain: str = "conformance.test"
    address: str = "127.0.0.1"
    patience: float = 60.0
    quiet: float = 3.0
