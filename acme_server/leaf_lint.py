"""What a leaf must be before it is signed: our own rules, after RFC 5280 and the Baseline Requirements."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

import attrs

from acme_server.protocol.identifier import Identifier
from acme_server.protocol.jwk import PublicKey
from acme_server.signers import Signer


@attrs.frozen
class Leaf:
    """What is about to be signed; `signers` are those of the authority, the issuer first."""

    public_key: PublicKey
    identifiers: Sequence[Identifier]
    serial: int
    not_before: datetime
    not_after: datetime
    signers: Sequence[Signer]

    @property
    def issuer(self) -> Signer:
        """Who is to sign."""
        return self.signers[0]


# What is wrong, and whether it is. 64 random bits (CA/Browser Forum 7.1) cannot be seen, but a number this short has none.
RULES: tuple[tuple[str, Callable[[Leaf], bool]], ...] = (
    ("it has no name", lambda leaf: not leaf.identifiers),
    ("a name is there twice", lambda leaf: len(dict.fromkeys(leaf.identifiers)) < len(leaf.identifiers)),
    ("its serial number has less than 64 bits", lambda leaf: leaf.serial < 1 << 64),
    ("its serial number has more than 20 octets", lambda leaf: leaf.serial >= 1 << 159),
    ("it ends before it begins", lambda leaf: leaf.not_after < leaf.not_before),
    ("it is valid before its issuer is", lambda leaf: leaf.not_before.replace(microsecond=0) < leaf.issuer.not_before),
    ("it is valid after its issuer is", lambda leaf: leaf.not_after.replace(microsecond=0) > leaf.issuer.not_after),
    ("its key is the authority's", lambda leaf: any(leaf.public_key == each.public_key for each in leaf.signers)),
)


def lint(leaf: Leaf) -> list[str]:
    """Return what is wrong with a leaf; nothing, when it may be signed."""
    return [complaint for complaint, broken in RULES if broken(leaf)]
