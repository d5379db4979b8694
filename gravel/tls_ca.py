"""Finds the CA of a running server: asked for over its management API, checked, kept in a file."""

from __future__ import annotations

import hashlib
import os
import ssl
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from gravel.fixture.management_client import ManagementClient

_TIMEOUT = 10.0


def fetch_tls_ca(management: str) -> str:
    """Return the CA that a running server shows, once it has proved that its own certificate comes from there."""
    unverified = ssl.create_default_context()
    unverified.check_hostname, unverified.verify_mode = False, ssl.CERT_NONE
    url = f"{management}/tls-ca"
    shown = _get(url, unverified)
    try:
        trusting = ssl.create_default_context(cadata=shown)
    except (ssl.SSLError, ValueError):
        raise click.ClickException(f"{url} shows no certificate; is that gravel's management API?") from None
    return _get(url, trusting)


def trusting_client(management: str, token: str | None) -> ManagementClient:
    """Return a client of a running server's management API."""
    from gravel.fixture.management_client import ManagementClient

    return ManagementClient(management, ssl.create_default_context(cadata=fetch_tls_ca(management)), token)


def fingerprint(pem: str) -> str:
    """Return the SHA-256 of a certificate, as openssl prints it."""
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).digest().hex(":").upper()


def keep(pem: str) -> Path:
    """Write a CA to a file of its own in the user's cache, and return where that is."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gravel"
    path = cache / f"tls_ca-{hashlib.sha256(pem.encode('ascii')).hexdigest()[:16]}.pem"
    try:
        cache.mkdir(parents=True, exist_ok=True)
        path.write_text(pem, encoding="ascii")
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written: {(error.strerror or str(error)).lower()}") from None
    return path


def _get(url: str, context: ssl.SSLContext) -> str:
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT, context=context) as answer:  # noqa: S310 - https only
            text: str = answer.read(65536).decode("ascii")
            return text
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        said = str(getattr(reason, "strerror", None) or reason).lower()
        hint = "start gravel serve or gravel up, or name the CA's file with --ca"
        raise click.ClickException(f"{url} cannot be read: {said}; {hint}") from None
