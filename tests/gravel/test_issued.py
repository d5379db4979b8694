"""Certificates as rows."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from acme_server import certificate_authority
from acme_server.protocol.identifier import Identifier
from gravel.entropy import SeededEntropy
from gravel.issued import Issued, issued

NOW = datetime(2026, 1, 1, tzinfo=UTC)
KEY = ec.derive_private_key(7, ec.SECP256R1())


def request_of(name: str, status: dict) -> dict:
    return {"metadata": {"namespace": "default", "name": name}, "status": status}


def test_a_request_with_a_certificate_is_a_row_and_one_without_is_none():
    authority = certificate_authority.create(SeededEntropy(7), NOW)
    names = (Identifier("dns", "*.a.test"), Identifier("dns", "a.test"))
    leaf = certificate_authority.issue(authority, KEY.public_key(), names, 0xABC, NOW, NOW + timedelta(days=1))
    chain = base64.b64encode(certificate_authority.chain_pem(authority, leaf).encode()).decode()
    issuer = authority.intermediate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
    rows = issued([request_of("waiting", {}), request_of("www", {"certificate": chain}), {"metadata": {}}])
    assert rows == [Issued("default/www", ("*.a.test", "a.test"), "abc", issuer, "2026-01-02T00:00:00Z")]
    assert {"event": "issued", "request": "default/www"}.items() <= rows[0].to_json().items()


def test_an_issuer_without_a_common_name_is_told_by_its_whole_name():
    subject = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Elsewhere")])
    builder = x509.CertificateBuilder(subject, subject, KEY.public_key(), 1, NOW, NOW + timedelta(days=1))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("a.test")]), critical=False)
    pem = builder.sign(KEY, hashes.SHA256()).public_bytes(Encoding.PEM)
    (row,) = issued([request_of("www", {"certificate": base64.b64encode(pem).decode()})])
    assert row.issuer == "O=Elsewhere"
