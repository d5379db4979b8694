"""What a running gravel knows of certificates: its roots, its clock, and which of them it has revoked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
from cryptography import x509

from acme_server.protocol.times import parse_rfc3339
from acme_server.protocol.vantage import Fetch, HttpAnswer, Inquiry, fetch
from gravel.verify.paths import has_issued
from issuer_bridge.cert_manager.local_signing import extension_of

_TIMEOUT = timedelta(seconds=5)
_LIMIT = 1 << 24


@attrs.frozen
class House:
    """A gravel that answers; tls_ca: what to trust when speaking to it; token: what its management API wants, if anything."""

    management: str
    now: datetime
    roots: tuple[x509.Certificate, ...]
    tls_ca: str = attrs.field(repr=False)
    token: str | None = attrs.field(default=None, repr=False)


def find_house(management: str, token: str | None) -> Inquiry[House | None]:
    """Return the gravel whose management API is at a URL, None when there is none."""
    shown = yield from fetch(Fetch(f"{management}/tls-ca", verify=False, timeout=_TIMEOUT))
    if shown.error is not None or shown.status != 200:
        return None
    tls_ca = shown.body.decode("latin-1")
    clock = yield from _ask(management, "/clock", tls_ca, token)
    if clock.error is not None or clock.status != 200:
        return None
    roots: list[x509.Certificate] = []
    while (root := (yield from _ask(management, f"/roots/{len(roots)}", tls_ca, token))).status == 200:
        roots.append(x509.load_pem_x509_certificate(root.body))
    return House(management, parse_rfc3339(json.loads(clock.body)["now"]), tuple(roots), tls_ca, token)


def _ask(management: str, path: str, tls_ca: str, token: str | None) -> Inquiry[HttpAnswer]:
    headers = (("Authorization", f"Bearer {token}"),) if token else ()
    return fetch(Fetch(management + path, headers=headers, trust=tls_ca, timeout=_TIMEOUT))


def revocation_of(chain: tuple[x509.Certificate, ...], house: House | None) -> Inquiry[tuple[str | None, str]]:
    """Return `good` or what revoked the first of a chain, None where nobody tells; and why a list could not be read.

    A gravel knows what it issued; of others, the lists that the certificate names are read (RFC 5280 section 5).
    """
    leaf, trust = chain[0], house.tls_ca if house else None
    if house is not None:
        path = f"/cert-status-by-serial/{leaf.serial_number:x}"
        answer = yield from _ask(house.management, path, house.tls_ca, house.token)
        if answer.status == 200:
            told: Mapping[str, Any] = json.loads(answer.body)
            if told["Status"] == "Valid":
                return "good", ""
            return f"{house.management} says: {told['Status']} at {told['RevokedAt']}, reason {told['Reason']}", ""
    complaint = ""
    for url in _lists(leaf):
        answer = yield from fetch(Fetch(url, trust=trust, timeout=_TIMEOUT, limit=_LIMIT))
        try:
            return _listed(answer, chain), ""
        except ValueError as error:
            complaint = f"{url}: {error}"
    return None, complaint


def _lists(leaf: x509.Certificate) -> list[str]:
    points = extension_of(leaf, x509.CRLDistributionPoints) or ()
    names = [name for point in points for name in point.full_name or ()]
    urls = [str(name.value) for name in names if isinstance(name, x509.UniformResourceIdentifier)]
    return [url for url in urls if url.startswith(("http://", "https://"))]


def _listed(answer: HttpAnswer, chain: tuple[x509.Certificate, ...]) -> str:
    """Read a list that one of the chain has signed; ValueError when it is none."""
    if answer.error is not None or answer.status != 200:
        raise ValueError(answer.error or f"HTTP {answer.status}")
    crl = x509.load_der_x509_crl(answer.body)
    signers = [each for each in chain if each.subject == chain[0].issuer and has_issued(each, chain[0])]
    if not any(crl.is_signature_valid(signer.public_key()) for signer in signers):  # type: ignore[arg-type]
        raise ValueError("its list is not signed by the issuer in the chain")
    entry = crl.get_revoked_certificate_by_serial_number(chain[0].serial_number)
    if entry is None:
        return "good"
    return f"the list of {crl.issuer.rfc4514_string()} says: revoked at {entry.revocation_date_utc.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
