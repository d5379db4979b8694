"""What a run is told: which server, how to trust it, how to answer its challenges."""

from __future__ import annotations

import ssl
from pathlib import Path

import attrs


@attrs.frozen(kw_only=True)
class Options:
    """One run's options.

    ca_cert: PEM file to trust, None for the system's; chall_mgmt: base URL of challtestsrv's API, with which
    challenges are answered by dns-01 instead of http-01; eab: key identifier and base64url MAC key; domain: what
    the ordered names are below; rate: requests a second at most; time_limit: seconds for the whole run.
    """

    directory: str
    ca_cert: Path | None = None
    chall_mgmt: str | None = None
    http01_port: int = 5002
    eab: tuple[str, str] | None = attrs.field(default=None, repr=False)
    domain: str = "conformance.test"
    rate: float | None = None
    time_limit: float = 110.0

    def tls(self) -> ssl.SSLContext:
        """Return what the server's certificate is checked against."""
        return ssl.create_default_context(cafile=self.ca_cert)
