"""The certificate that the server itself shows on its HTTPS port, under a CA of its own.

Kept apart from what the server issues: who trusts the one need not trust the other.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from ipaddress import ip_address

import attrs

from acme_server.ca_keys import key_pem, private_key
from acme_server.certificate_authority import pem
from acme_server.protocol.driver import Entropy
from acme_server.protocol.identifier import Identifier
from acme_server.signers import create_signer, new_serial, sign_leaf

# Apple's verifiers refuse TLS server certificates of more than 825 days, from any CA.
_LIFETIME = timedelta(days=2 * 365)
_BACKDATE = timedelta(days=1)


@attrs.frozen
class TlsMaterial:
    """What a TLS server needs, and the CA that its clients need, all in PEM."""

    ca_pem: str
    certificate_pem: str
    key_pem: str = attrs.field(repr=False)


def create(entropy: Entropy, now: datetime, names: tuple[str, ...]) -> TlsMaterial:
    """Make a CA and a server certificate for DNS names and IP literals; the CA's key is forgotten."""
    ca = create_signer(entropy, now, f"gravel TLS CA {entropy(3).hex()}", _LIFETIME)
    key = private_key(entropy)
    not_before = now - _BACKDATE
    identifiers = [_identifier(name) for name in names]
    serial = new_serial(entropy)
    leaf = sign_leaf(ca, key.public_key(), identifiers, serial, not_before, not_before + _LIFETIME)
    return TlsMaterial(pem(ca.certificate), pem(leaf), key_pem(key))


def _identifier(name: str) -> Identifier:
    try:
        return Identifier("ip", str(ip_address(name)))
    except ValueError:
        return Identifier("dns", name.lower())
