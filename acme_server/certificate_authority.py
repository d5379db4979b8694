"""The certificate authority: roots, intermediates below them, and the leaves they sign.

Keys come from entropy, and ECDSA (RFC 6979) and Ed25519 are deterministic, so the
same entropy and the same moment give the same certificates, byte for byte.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import cached_property

import attrs
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from acme_server.ca_keys import private_key
from acme_server.links import Links
from acme_server.profiles import DEFAULT, Profile
from acme_server.protocol.driver import Entropy
from acme_server.protocol.identifier import Identifier
from acme_server.protocol.jwk import PrivateKey, PublicKey
from acme_server.protocol.times import rfc3339
from acme_server.signers import Signer, create_signer, cross_sign, sign_leaf, signer_of

ROOT_LIFETIME = timedelta(days=20 * 365)
INTERMEDIATE_LIFETIME = timedelta(days=10 * 365)


@attrs.frozen
class Design:
    """What a hierarchy is to be.

    chain_length: intermediates in a chain; alternate_roots: how many more roots
    sign the topmost intermediate; root: the first root, where there is one
    already; names: each is followed by a few random digits, so that two are
    never mistaken for one.
    """

    new_key: Callable[[Entropy], PrivateKey] = private_key
    chain_length: int = attrs.field(default=1, validator=attrs.validators.ge(0))
    alternate_roots: int = attrs.field(default=0, validator=attrs.validators.ge(0))
    root: Signer | None = attrs.field(default=None, repr=False)
    root_name: str = "gravel root"
    intermediate_name: str = "gravel intermediate"

    def __attrs_post_init__(self) -> None:
        if self.alternate_roots and not self.chain_length:
            raise ValueError("alternate roots need an intermediate that they can sign: a chain length of 1 or more")
        limit = None if self.root is None else self.root.path_length
        if limit is not None and self.chain_length > limit:
            raise ValueError(f"the root allows a chain length of {limit} at most (its pathLenConstraint)")

    def check(self, now: datetime) -> None:
        """ValueError: the root that there is already is not valid now."""
        if self.root is None:
            return
        start, end = self.root.certificate.not_valid_before_utc, self.root.certificate.not_valid_after_utc
        if not start <= now <= end:
            raise ValueError(f"the root is valid from {rfc3339(start)} to {rfc3339(end)}, and now it is {rfc3339(now)}")


@attrs.frozen
class CertificateAuthority:
    """Roots and the intermediates below them.

    intermediates: the one that signs leaves first; crossed: the last of them
    again, as signed by the second root and those after it; retired: what signed
    leaves before a rotation; revoked: the issuer's certificate is, which a fault does.
    """

    roots: tuple[Signer, ...]
    intermediates: tuple[Signer, ...]
    crossed: tuple[x509.Certificate, ...] = ()
    retired: tuple[Signer, ...] = ()
    revoked: bool = False

    @property
    def issuer(self) -> Signer:
        """The signer of leaves: without an intermediate, the root."""
        return (*self.intermediates, self.roots[0])[0]

    @property
    def complaint(self) -> str | None:
        """Say why nothing may be signed; None: all is well."""
        if self.revoked:
            return "the CA's certificate is revoked"
        return None if self.issuer.is_pair else "the CA's key is not the key of its certificate"

    @property
    def signers(self) -> tuple[Signer, ...]:
        """All that have signed anything."""
        return (*self.roots, *self.intermediates, *self.retired)

    @property
    def root(self) -> x509.Certificate:
        """What relying parties trust; never part of a chain (RFC 8555 section 7.4.2)."""
        return self.roots[0].certificate

    @property
    def intermediate(self) -> x509.Certificate:
        """The issuer of every leaf."""
        return self.issuer.certificate

    @property
    def root_pem(self) -> str:
        """The root in PEM."""
        return pem(self.root)

    @property
    def roots_pem(self) -> str:
        """All roots in PEM."""
        return "".join(pem(signer.certificate) for signer in self.roots)

    @property
    def intermediate_pem(self) -> str:
        """The issuer of every leaf, in PEM."""
        return pem(self.intermediate)

    @cached_property
    def chains_pem(self) -> tuple[str, ...]:
        """What is between a leaf and each root, in PEM: all chains without the leaf (RFC 8555 section 7.4.2)."""
        return tuple("".join(map(pem, self.chain(number))) for number in range(len(self.roots)))

    def chain(self, number: int = 0) -> tuple[x509.Certificate, ...]:
        """Return what is between a leaf and a root, from the leaf upwards."""
        certificates = tuple(signer.certificate for signer in self.intermediates)
        return (*certificates[:-1], self.crossed[number - 1]) if number else certificates


def create(
    entropy: Entropy, now: datetime, design: Design | None = None, links: Links | None = None
) -> CertificateAuthority:
    """Make a hierarchy; links: where it serves its certificates and revocation lists, None for nowhere.

    ValueError: the root that there is already is not valid now.
    """
    design = design or Design()
    design.check(now)
    suffix = entropy(3).hex()

    def signer(name: str, lifetime: timedelta, issuer: Signer | None, below: int | None) -> Signer:
        return create_signer(entropy, now, name, lifetime, issuer, below, design.new_key, links)

    root = design.root and signer_of(design.root.certificate, design.root.key, links)
    roots = [root or signer(f"{design.root_name} {suffix}", ROOT_LIFETIME, None, None)]
    intermediates: list[Signer] = []
    for below in reversed(range(design.chain_length)):
        name = f"{design.intermediate_name} {entropy(3).hex() if intermediates else suffix}"
        intermediates.insert(0, signer(name, INTERMEDIATE_LIFETIME, (*intermediates, *roots)[0], below))
    roots += [
        signer(f"{design.root_name} {entropy(3).hex()}", ROOT_LIFETIME, None, None)
        for _ in range(design.alternate_roots)
    ]
    ca = CertificateAuthority(tuple(roots), tuple(intermediates))
    return _crossed(ca, entropy, now)


def rotate(
    ca: CertificateAuthority,
    entropy: Entropy,
    now: datetime,
    links: Links | None = None,
    new_key: Callable[[Entropy], PrivateKey] = private_key,
) -> CertificateAuthority:
    """Have another intermediate sign from now on, with a key and a name of its own; without one, all stays."""
    if not ca.intermediates:
        return ca
    retired, *above = ca.intermediates
    parent = (*above, ca.roots[0])[0]
    subject = named_after(retired.certificate, entropy)
    signer = create_signer(entropy, now, subject, INTERMEDIATE_LIFETIME, parent, 0, new_key, links)
    rotated = attrs.evolve(ca, intermediates=(signer, *above), retired=(*ca.retired, retired))
    return rotated if above else _crossed(rotated, entropy, now)


def named_after(certificate: x509.Certificate, entropy: Entropy) -> str:
    """Return a common name like that of a signer, with another suffix."""
    name = str(certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value).rpartition(" ")[0]
    return f"{name} {entropy(3).hex()}"


def _crossed(ca: CertificateAuthority, entropy: Entropy, now: datetime) -> CertificateAuthority:
    """Have the alternate roots sign the topmost intermediate: its name and its key again."""
    if not ca.roots[1:]:
        return ca
    top, below = ca.intermediates[-1], len(ca.intermediates) - 1
    crossed = [cross_sign(entropy, now, top, root, INTERMEDIATE_LIFETIME, below) for root in ca.roots[1:]]
    return attrs.evolve(ca, crossed=tuple(crossed))


def issue(
    ca: CertificateAuthority,
    public_key: PublicKey,
    identifiers: Sequence[Identifier],
    serial: int,
    not_before: datetime,
    not_after: datetime,
    profile: Profile = DEFAULT,
    must_staple: bool = False,
) -> x509.Certificate:
    """Sign a leaf with the lowest intermediate; nothing comes from a CSR but the key and `must_staple`."""
    return sign_leaf(ca.issuer, public_key, identifiers, serial, not_before, not_after, profile, must_staple)


def pem(certificate: x509.Certificate) -> str:
    """Return one strict PEM block (RFC 7468)."""
    return certificate.public_bytes(Encoding.PEM).decode("ascii")


def chain_pem(ca: CertificateAuthority, leaf: x509.Certificate) -> str:
    """Return leaf and intermediates as application/pem-certificate-chain (RFC 8555 section 9.1)."""
    return pem(leaf) + ca.chains_pem[0]


def split_pem(chain: str) -> tuple[str, str]:
    """Return a chain's leaf and its issuers."""
    leaf, end, issuers = chain.partition("-----END CERTIFICATE-----\n")
    return leaf + end, issuers
