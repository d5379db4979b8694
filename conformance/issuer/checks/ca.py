"""status.ca: what a client may trust, where the issuer knows it."""

from __future__ import annotations

from collections.abc import Iterator

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from conformance.issuer.check import API, check
from conformance.issuer.scene import Scene, is_ca
from conformance.issuer.walk import Walk
from conformance.verdict import Level, NotOffered, NotReachable, expect

CA = f"{API}: status.ca"


def _with_ca(walk: Walk) -> Iterator[tuple[Scene, list[x509.Certificate]]]:
    """Yield what was issued with a ca; NotOffered where nothing was, as with ACME."""
    offered = False
    for scene in walk.scenes(issued=True):
        if scene.last.status.get("ca"):
            offered = True
            yield scene, scene.certificates("ca")
    if not offered:
        raise NotOffered("no request has a ca")


@check("ca", Level.MUST, CA)
def a_ca_is_a_ca(walk: Walk) -> None:
    """status.ca holds certificates of CAs, never a leaf."""
    for _, found in _with_ca(walk):
        leaves = [one.subject.rfc4514_string() or "a leaf" for one in found if not is_ca(one)]
        expect(not leaves, "certificates of CAs alone", ", ".join(leaves))


@check("ca", Level.SHOULD, CA)
def a_ca_ends_the_chain(walk: Walk) -> None:
    """One of status.ca signed the last certificate of the chain, or is that one."""
    for scene, found in _with_ca(walk):
        if not all(map(is_ca, found)):
            raise NotReachable("status.ca holds a leaf")
        last = scene.chain[-1]
        expect(any(one == last or _signed(last, one) for one in found), "a CA that the chain leads to", "none")


def _signed(lower: x509.Certificate, upper: x509.Certificate) -> bool:
    try:
        lower.verify_directly_issued_by(upper)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True
