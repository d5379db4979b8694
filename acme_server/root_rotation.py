"""Another root for an authority whose clients trust the first one: it comes beside, then in front, then stays alone.

The same intermediate leads to both meanwhile; the chain to the first root is the one that clients get unasked, the others
are its alternates (RFC 8555 section 7.4.2). What was issued keeps the chains it was issued with.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import attrs

from acme_server.ca_keys import private_key
from acme_server.certificate_authority import INTERMEDIATE_LIFETIME, ROOT_LIFETIME, CertificateAuthority, named_after
from acme_server.links import Links
from acme_server.protocol.driver import Entropy
from acme_server.protocol.jwk import PrivateKey
from acme_server.signers import create_signer, cross_sign, signer_of


def add_root(
    ca: CertificateAuthority,
    entropy: Entropy,
    now: datetime,
    links: Links | None = None,
    new_key: Callable[[Entropy], PrivateKey] = private_key,
) -> CertificateAuthority:
    """Have one more root sign the topmost intermediate; it comes last. ValueError where there is no intermediate."""
    if not ca.intermediates:
        raise ValueError("another root needs an intermediate that it can sign: a chain length of 1 or more")
    root = create_signer(entropy, now, named_after(ca.root, entropy), ROOT_LIFETIME, None, None, new_key, links)
    below = len(ca.intermediates) - 1
    crossed = cross_sign(entropy, now, ca.intermediates[-1], root, INTERMEDIATE_LIFETIME, below)
    return attrs.evolve(ca, roots=(*ca.roots, root), crossed=(*ca.crossed, crossed))


def prefer_root(ca: CertificateAuthority, number: int, links: Links | None = None) -> CertificateAuthority:
    """Have the chain to an alternate root, from 1 on, change places with the first; ValueError where there is none."""
    _check(ca, number)
    roots, crossed, top = list(ca.roots), list(ca.crossed), ca.intermediates[-1]
    roots[0], roots[number] = roots[number], roots[0]
    top, crossed[number - 1] = signer_of(crossed[number - 1], top.key, links), top.certificate
    return attrs.evolve(ca, roots=tuple(roots), crossed=tuple(crossed), intermediates=(*ca.intermediates[:-1], top))


def drop_root(ca: CertificateAuthority, number: int) -> CertificateAuthority:
    """Take an alternate root, from 1 on, and its chain away; ValueError where there is none."""
    _check(ca, number)
    return attrs.evolve(
        ca,
        roots=(*ca.roots[:number], *ca.roots[number + 1 :]),
        crossed=(*ca.crossed[: number - 1], *ca.crossed[number:]),
    )


def _check(ca: CertificateAuthority, number: int) -> None:
    if not 0 < number < len(ca.roots):
        raise ValueError(
            f"there is no alternate root {number}; they are counted from 1, and there are {len(ca.crossed)}"
        )
