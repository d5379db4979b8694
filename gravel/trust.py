"""What makes clients find a server and trust it: the variables that they read, as one table.

Some variables add to what a client trusts already, others take its place; for
those there is a bundle of this machine's own roots and the server's.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import attrs

# Where systems keep the roots that they trust: Debian, Fedora, openSUSE, Alpine and macOS.
SYSTEM_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
# Variables that take the place of what a client trusts: OpenSSL, Python and Go; requests and certbot; curl.
BUNDLE_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@attrs.frozen
class Place:
    """A server as the command of `gravel run` sees it.

    tls_ca, issuing_roots: files; http01_port, tls_alpn_port: what its
    validations dial; management_token: what the management API wants, if
    anything.
    """

    directory: str
    management: str
    management_token: str | None
    dns: str
    http01_port: int
    tls_alpn_port: int
    tls_ca: str
    issuing_roots: str


def environment_of(place: Place, inherited: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for a command: what was inherited, and the way to the server.

    None of it begins with GRAVEL_: those are options of gravel, for a gravel inside the command too.
    """
    found = {
        "ACME_DIRECTORY": place.directory,  # acme.sh reads it
        "LEGO_SERVER": place.directory,
        "ACME_MANAGEMENT": place.management,
        "ACME_MANAGEMENT_TOKEN": place.management_token or "",
        "ACME_DNS": place.dns,
        "ACME_HTTP01_PORT": str(place.http01_port),
        "ACME_TLS_ALPN_PORT": str(place.tls_alpn_port),
        "ACME_TLS_CA": place.tls_ca,
        "ACME_ISSUING_ROOTS": place.issuing_roots,
        "LEGO_CA_CERTIFICATES": place.tls_ca,
        "NODE_EXTRA_CA_CERTS": _joined(place.tls_ca, inherited.get("NODE_EXTRA_CA_CERTS"), "node.pem"),
    }
    found |= {name: _bundle(name, place.tls_ca, inherited) for name in BUNDLE_VARIABLES}
    return {**inherited, **{name: value for name, value in found.items() if value}}


def _bundle(variable: str, tls_ca: str, inherited: Mapping[str, str]) -> str:
    """Return the path of a file with the server's CA and whatever was trusted without it."""
    known = (inherited.get(variable), *SYSTEM_BUNDLES)
    trusted = next((path for path in known if path and Path(path).is_file()), None)
    return _joined(tls_ca, trusted, f"{variable.lower()}.pem")


def _joined(tls_ca: str, trusted: str | None, name: str) -> str:
    """Write two files into one beside the first, which is removed when the server stops."""
    if not trusted or not Path(trusted).is_file():
        return tls_ca
    joined = Path(tls_ca).with_name(name)
    joined.write_bytes(Path(tls_ca).read_bytes() + b"\n" + Path(trusted).read_bytes())
    return str(joined)
