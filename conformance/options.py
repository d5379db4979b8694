"""What a run is told: which server, how to trust it, how to answer its challenges."""

from __future__ import annotations

import ssl
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import attrs


@attrs.frozen(kw_only=True)
class Options:
    """One run's options.

    ca_cert: PEM file to trust, None for the system's; chall_mgmt: base URL of challtestsrv's API; dns: host
    and port where our own DNS answers; http01_port, tls_alpn_port: where our own responders listen on 127.0.0.1;
    destructive: whether checks that do harm are run, None for "on loopback only"; eab: key identifier and base64url
    MAC key; domain: what the ordered names are below; rate: requests a second at most; time_limit: seconds for the whole run.
    """

    directory: str
    ca_cert: Path | None = None
    chall_mgmt: str | None = None
    dns: tuple[str, int] | None = None
    http01_port: int | None = None
    tls_alpn_port: int | None = None
    destructive: bool | None = None
    eab: tuple[str, str] | None = attrs.field(default=None, repr=False)
    domain: str = "conformance.test"
    rate: float | None = None
    time_limit: float = 110.0

    @property
    def may_harm(self) -> bool:
        """Whether destructive checks are run: as told, else where the directory is on loopback."""
        if self.destructive is not None:
            return self.destructive
        host = urlsplit(self.directory).hostname or ""
        try:
            return ip_address(host).is_loopback
        except ValueError:
            return host == "localhost" or host.endswith(".localhost")

    def tls(self) -> ssl.SSLContext:
        """Return what the server's certificate is checked against."""
        return ssl.create_default_context(cafile=self.ca_cert)
