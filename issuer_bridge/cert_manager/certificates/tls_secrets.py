"""The Secret of a Certificate: key, chain, further formats, and what its labels and annotations tell.

Entries that others put into it stay. Facts from upstream `pkg/controller/certificates/issuing/internal/secret.go`
and `internal/controller/certificates/secrets.go`.
"""

from __future__ import annotations

import base64
import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any

import attrs
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from acme_server.protocol.jwk import PrivateKey
from issuer_bridge.cert_manager.certificates.keystores import ENTRIES, Password, keystore_entries
from issuer_bridge.cert_manager.certificates.matching import Names
from issuer_bridge.cert_manager.certificates.policies import (
    CERTIFICATE_NAME,
    ISSUER_ANNOTATIONS,
    data_of,
    read_leaf,
)
from issuer_bridge.cert_manager.certificates.private_keys import read_key
from issuer_bridge.cert_manager.certificates.signing_requests import SUBJECT
from issuer_bridge.cert_manager.certificates.steps import NEXT_KEY
from issuer_bridge.references import controller_reference
from issuer_bridge.resources import CERTIFICATE, SECRET, Resource

OURS = {"controller.cert-manager.io/fao": "true"}
PREFIX, ALWAYS_TOLD = "cert-manager.io/", ("common-name", "alt-names", "ip-sans", "uri-sans")
_DETAILS = tuple(
    f"{PREFIX}{name}"
    for name in (*ALWAYS_TOLD, "email-sans", "subject-serialnumber", *(f"subject-{field.lower()}" for field in SUBJECT))
)
COMBINED, DER = "tls-combined.pem", "key.der"
# What of a Secret's data is a Certificate's, so that it goes when the spec wants it no more.
MANAGED = ("tls.key", "tls.crt", "ca.crt", COMBINED, DER, *(name for pair in ENTRIES.values() for name in pair))


@attrs.frozen
class Material:
    """What was issued: PEM of key and chain, of the CA if the issuer told it (ACME tells none), and by which issuer."""

    key: bytes = attrs.field(repr=False)
    chain: bytes
    ca: bytes
    certificate_name: str | None
    issuer: Mapping[str, str]
    """The three annotations of the issuer, none when it is not known."""


def issued(certificate: Resource, request: Resource, key: str) -> Material:
    """Return what a request brought, for the key that it was signed with."""
    reference, status = request["spec"]["issuerRef"], request["status"]
    values = (reference.get("name", ""), reference.get("kind", ""), reference.get("group", ""))
    return Material(
        key.encode("ascii"),
        base64.b64decode(status["certificate"]),
        base64.b64decode(status.get("ca") or ""),
        certificate["metadata"]["name"],
        dict(zip(ISSUER_ANNOTATIONS, values, strict=True)),
    )


def kept(secret: Resource) -> Material:
    """Return what a Secret holds already."""
    annotations = secret["metadata"].get("annotations") or {}
    return Material(
        data_of(secret, "tls.key"),
        data_of(secret, "tls.crt"),
        data_of(secret, "ca.crt"),
        annotations.get(CERTIFICATE_NAME),
        {name: annotations[name] for name in ISSUER_ANNOTATIONS if name in annotations},
    )


def tls_secret(
    certificate: Resource,
    existing: Resource | None,
    material: Material,
    password: Password,
    *,
    owned: bool = False,
) -> Resource:
    """Return the Secret as it should be; ValueError says what of the spec cannot be.

    owned: the Certificate owns it, and takes it along.
    A keystore that is there already for the same material is kept, since another would differ by its salt.
    """
    spec, old = certificate["spec"], existing or {}
    metadata, template = old.get("metadata") or {}, spec.get("secretTemplate") or {}
    entries = {"tls.key": material.key, "tls.crt": material.chain, "ca.crt": material.ca, **_formats(spec, material)}
    encoded = {name: base64.b64encode(data).decode("ascii") for name, data in entries.items() if data}
    before = old.get("data") or {}
    unchanged = all(before.get(name) == encoded.get(name) for name in ("tls.key", "tls.crt", "ca.crt"))
    encoded |= _keystores(spec, material, before if unchanged else {}, password)
    told = {**(template.get("annotations") or {}), **annotations_of(read_leaf(material.chain).names), **material.issuer}
    if material.certificate_name:
        told[CERTIFICATE_NAME] = material.certificate_name
    return {
        **old,
        "apiVersion": SECRET.api_version,
        "kind": SECRET.kind,
        "type": old.get("type") or "kubernetes.io/tls",
        "metadata": {
            **metadata,
            "name": spec["secretName"],
            "namespace": certificate["metadata"]["namespace"],
            "labels": {**(metadata.get("labels") or {}), **(template.get("labels") or {}), **OURS},
            "annotations": {**_foreign(metadata.get("annotations") or {}), **told},
            **_owners(certificate, metadata, owned=owned),
        },
        "data": {**{name: value for name, value in before.items() if name not in MANAGED}, **encoded},
    }


def next_key_secret(certificate: Resource, key: str) -> Resource:
    """Return the Secret that keeps the key of the next certificate until it is issued; its name may be generated."""
    metadata, name = certificate["metadata"], (certificate.get("status") or {}).get("nextPrivateKeySecretName")
    return {
        "apiVersion": SECRET.api_version,
        "kind": SECRET.kind,
        "type": "Opaque",
        "metadata": {
            **({"name": name} if name else {"generateName": f"{metadata['name']}-"}),
            "namespace": metadata["namespace"],
            "labels": {**NEXT_KEY, **OURS},
            "ownerReferences": [controller_reference(certificate, CERTIFICATE)],
        },
        "data": {"tls.key": base64.b64encode(key.encode("ascii")).decode("ascii")},
    }


def annotations_of(names: Names) -> dict[str, str]:
    """Return what annotations tell of a certificate; lists are one line of CSV."""
    told = {
        "common-name": names.common_name,
        "alt-names": _csv(names.dns_names),
        "ip-sans": _csv(names.ip_addresses),
        "uri-sans": _csv(names.uris),
        "email-sans": _csv(names.emails),
        **{f"subject-{field.lower()}": _csv(names.of_subject(oid)) for field, oid in SUBJECT.items()},
        "subject-serialnumber": "".join(names.of_subject(NameOID.SERIAL_NUMBER)[:1]),
    }
    return {f"{PREFIX}{name}": value for name, value in told.items() if value or name in ALWAYS_TOLD}


def _foreign(annotations: Mapping[str, str]) -> dict[str, str]:
    """Leave out what an earlier certificate had told."""
    return {name: value for name, value in annotations.items() if name not in _DETAILS}


def _csv(values: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(values)
    return line.getvalue()


def _formats(spec: Mapping[str, Any], material: Material) -> dict[str, bytes]:
    wanted = [item["type"] for item in spec.get("additionalOutputFormats") or ()]
    made = {DER: _der(material.key)} if "DER" in wanted else {}
    return {**made, COMBINED: material.key + b"\n" + material.chain} if "CombinedPEM" in wanted else made


def _der(pem: bytes) -> bytes:
    """Return the octets inside the PEM, whatever their form."""
    key: PrivateKey = read_key(pem)
    form = PrivateFormat.PKCS8 if pem.startswith(b"-----BEGIN PRIVATE KEY") else PrivateFormat.TraditionalOpenSSL
    return key.private_bytes(Encoding.DER, form, NoEncryption())


def _keystores(
    spec: Mapping[str, Any], material: Material, before: Mapping[str, str], password: Password
) -> dict[str, str]:
    """Make the keystores that are not there yet."""
    wanted: dict[str, Any] = {}
    made: dict[str, str] = {}
    for name, keystore in (spec.get("keystores") or {}).items():
        there = (keystore or {}).get("create") and ENTRIES[name][0] in before
        made |= {entry: before[entry] for entry in ENTRIES[name] if there and entry in before}
        wanted |= {} if there else {name: keystore}
    new = keystore_entries(wanted, material.key, material.chain, material.ca, password)
    return made | {name: base64.b64encode(data).decode("ascii") for name, data in new.items()}


def _owners(certificate: Resource, metadata: Mapping[str, Any], *, owned: bool) -> dict[str, Any]:
    """Return the ownerReferences with the Certificate among them, or not."""
    uid = certificate["metadata"]["uid"]
    others = [owner for owner in metadata.get("ownerReferences") or () if owner.get("uid") != uid]
    references = [*others, controller_reference(certificate, CERTIFICATE)] if owned else others
    return {"ownerReferences": references} if references or "ownerReferences" in metadata else {}
