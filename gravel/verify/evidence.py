"""What is known of a certificate that was issued: itself, and what was asked for, as objects or options say it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import attrs
from cryptography import x509

from issuer_bridge.cert_manager.certificates.matching import Names, names_in_request, names_of
from issuer_bridge.cert_manager.certificates.policies import data_of
from issuer_bridge.cert_manager.certificates.private_keys import public_key_of, read_key
from issuer_bridge.conditions import READY, condition, is_true
from issuer_bridge.durations import parse_duration
from issuer_bridge.resources import Resource

ISSUER_NAME, ISSUER_KIND, ISSUER_GROUP = (f"cert-manager.io/issuer-{part}" for part in ("name", "kind", "group"))


@attrs.frozen
class Asked:
    """What a certificate should be: names None when nobody said, common_name may be one of them too; lifetime likewise."""

    names: tuple[str, ...] | None = None
    common_name: str = ""
    lifetime: timedelta | None = None
    valid_for: timedelta = timedelta(0)


@attrs.frozen
class Evidence:
    """What the rules look at.

    subject: `certificate/default/www`; broken: why there is no certificate to look at; chain: as it stands, leaf first;
    key: SubjectPublicKeyInfo of the key beside it, bad_key: why that cannot be read; roots: what is trusted;
    not_ready: kind and message of each object that should be Ready; revocation: what a CA said, `good` when it is not
    revoked and None when none was asked; unknown: why a CA could not be asked.
    """

    subject: str
    now: datetime
    asked: Asked = Asked()
    broken: str = ""
    chain: tuple[x509.Certificate, ...] = ()
    key: bytes | None = attrs.field(default=None, repr=False)
    bad_key: str = ""
    roots: tuple[x509.Certificate, ...] = ()
    missing: tuple[str, ...] = ()
    not_ready: tuple[tuple[str, str], ...] = ()
    revocation: str | None = None
    unknown: str = ""

    @property
    def leaf(self) -> x509.Certificate:
        """The certificate in question."""
        return self.chain[0]

    @property
    def names(self) -> Names:
        """The leaf's names."""
        return names_of(self.leaf)


def read_chain(evidence: Evidence, pem: bytes, where: str) -> Evidence:
    """Add the chain, or why it is none."""
    try:
        chain = tuple(x509.load_pem_x509_certificates(pem))
        for each in chain:
            each.extensions  # noqa: B018 - they are parsed when they are first read
    except (ValueError, x509.InvalidVersion, x509.DuplicateExtension) as error:
        said = f"{where} holds no chain of certificates in PEM" if pem.strip() else f"{where} is empty"
        return attrs.evolve(evidence, broken=said if not pem.strip() else f"{said}: {error}")
    return attrs.evolve(evidence, chain=chain)


def read_pair(evidence: Evidence, secret: Resource) -> Evidence:
    """Add chain and key of a Secret, and what it names as its CA to what is trusted."""
    evidence = read_chain(evidence, data_of(secret, "tls.crt"), "tls.crt")
    evidence = read_private_key(evidence, data_of(secret, "tls.key"))
    try:
        authority = x509.load_pem_x509_certificates(data_of(secret, "ca.crt"))
    except ValueError:
        return evidence
    return attrs.evolve(evidence, roots=(*evidence.roots, *authority))


def read_private_key(evidence: Evidence, pem: bytes) -> Evidence:
    """Add the key, or why it is none."""
    try:
        return attrs.evolve(evidence, key=public_key_of(read_key(pem)))
    except ValueError as error:
        return attrs.evolve(evidence, bad_key=str(error))


def read_request(evidence: Evidence, request: Resource) -> Evidence:
    """Add what a CertificateRequest was given, the key and the names of its CSR."""
    try:
        pem = base64.b64decode((request.get("status") or {}).get("certificate") or "")
        names = names_in_request(request["spec"]["request"])
    except (ValueError, binascii.Error) as error:
        return attrs.evolve(evidence, broken=f"it cannot be read: {error}")
    evidence = read_chain(evidence, pem, "status.certificate")
    asked = attrs.evolve(evidence.asked, names=all_of(names), common_name=names.common_name)
    return attrs.evolve(evidence, key=names.key, asked=_lasting(asked, request["spec"]))


def asked_by(spec: Mapping[str, Any], asked: Asked) -> Asked:
    """Return what a Certificate's spec asks for, beside what was asked already."""
    fields = ("dnsNames", "ipAddresses", "uris", "emailAddresses")
    names = tuple(str(name) for field in fields for name in spec.get(field) or ())
    return _lasting(attrs.evolve(asked, names=names, common_name=spec.get("commonName") or ""), spec)


def _lasting(asked: Asked, spec: Mapping[str, Any]) -> Asked:
    duration = spec.get("duration")
    return attrs.evolve(asked, lifetime=parse_duration(duration)) if duration and asked.lifetime is None else asked


def issuer_of_secret(secret: Resource) -> Mapping[str, str] | None:
    """Return the issuerRef that a Secret's annotations name, None when they name none."""
    annotations = secret["metadata"].get("annotations") or {}
    if not annotations.get(ISSUER_NAME):
        return None
    places = (("name", ISSUER_NAME), ("kind", ISSUER_KIND), ("group", ISSUER_GROUP))
    return {field: annotations.get(place, "") for field, place in places}


def readiness(evidence: Evidence, told: str, resource: Resource | None) -> Evidence:
    """Add that an object is missing, or not Ready."""
    if resource is None:
        return attrs.evolve(evidence, missing=(*evidence.missing, told))
    if is_true(resource, READY):
        return evidence
    message = condition(resource, READY).get("message") or "nobody has said whether it is"
    return attrs.evolve(evidence, not_ready=(*evidence.not_ready, (told, message)))


def all_of(names: Names) -> tuple[str, ...]:
    """Return every name of the SAN extension."""
    return (*names.dns_names, *names.ip_addresses, *names.uris, *names.emails)


def same_names(one: Sequence[str], other: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return what is only in the first, and what is only in the second; names are compared in any case."""
    first, second = ({name.lower(): name for name in names} for names in (one, other))
    return [first[key] for key in first if key not in second], [second[key] for key in second if key not in first]
