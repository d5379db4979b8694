"""pkilint, which knows RFC 5280 and the Baseline Requirements, reads every kind of certificate that is signed here."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from pkilint import loader
from pkilint.cabf import serverauth
from pkilint.cabf.serverauth.serverauth_constants import CertificateType
from pkilint.pkix import certificate, extension, name
from pkilint.validation import ValidationFindingSeverity

from acme_server.certificate_authority import issue
from acme_server.profiles import DEFAULT, PROFILES
from acme_server.protocol.identifier import Identifier
from tests.acme_server.test_hierarchies import KEY_TYPES, NAMES, NOT_AFTER, NOT_BEFORE, make

LEAF_KEYS = {
    "P-256": ec.generate_private_key(ec.SECP256R1()),
    "P-384": ec.generate_private_key(ec.SECP384R1()),
    "P-521": ec.generate_private_key(ec.SECP521R1()),
    "RSA-2048": rsa.generate_private_key(65537, 2048),
    "Ed25519": ed25519.Ed25519PrivateKey.generate(),
}
VALIDATOR = certificate.create_pkix_certificate_validator_container(
    certificate.create_decoding_validators(name.ATTRIBUTE_TYPE_MAPPINGS, extension.EXTENSION_MAPPINGS),
    [
        certificate.create_issuer_validator_container([]),
        certificate.create_validity_validator_container(),
        certificate.create_subject_validator_container([]),
        certificate.create_extensions_validator_container([]),
    ],
)
PUBLIC_VALIDATOR = certificate.create_pkix_certificate_validator_container(
    serverauth.create_decoding_validators(), serverauth.create_validators(CertificateType.DV_FINAL_CERTIFICATE)
)
PUBLIC_NAMES = (Identifier("dns", "www.example.org"),)
# What public CAs must do and a CA for tests need not, and why.
DISREGARDED = {
    "cabf.serverauth.subscriber.certificate_policies_extension_absent": "no policy of a public CA is followed here",
    "cabf.serverauth.aia_location_uri_not_http": "the server speaks HTTPS alone",
    "cabf.serverauth.crldp_dpname_prohibited_uri_scheme": "the server speaks HTTPS alone",
    "cabf.internal_domain_name": "it is the server's own name, in those URLs",
    "msft.end_entity.revocation_information_absent": "it counts no lists over HTTPS",
    "cabf.serverauth.prohibited_subject_public_key_algorithm_encoding": "browsers take no Ed25519, tests may",
}


def findings(subject, validator=VALIDATOR, mildest=ValidationFindingSeverity.NOTICE):
    document = loader.load_certificate(subject.public_bytes(Encoding.DER), "certificate")
    described = [each for result in validator.validate(document.root) for each in result.finding_descriptions]
    return [each.finding.code for each in described if each.finding.severity <= mildest]


def public_errors(kind, profile=DEFAULT, not_after=NOT_AFTER):
    leaf = issue(make(), LEAF_KEYS[kind].public_key(), PUBLIC_NAMES, 1 << 126, NOT_BEFORE, not_after, profile)
    return findings(leaf, PUBLIC_VALIDATOR, ValidationFindingSeverity.ERROR)


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
@pytest.mark.parametrize("kind", LEAF_KEYS)
def test_there_is_nothing_to_say_of_a_leaf(kind, profile):
    public_key = LEAF_KEYS[kind].public_key()
    assert findings(issue(make(), public_key, NAMES, 1 << 126, NOT_BEFORE, NOT_AFTER, profile)) == []


@pytest.mark.parametrize("kind", KEY_TYPES)
def test_there_is_nothing_to_say_of_an_authority(kind):
    ca = make(new_key=KEY_TYPES[kind], chain_length=2, alternate_roots=1)
    assert [findings(each) for each in (*ca.chain(0), *ca.chain(1), ca.root)] == [[]] * 5


def test_it_would_find_something():
    assert findings(issue(make(), LEAF_KEYS["P-256"].public_key(), (), 1 << 126, NOT_BEFORE, NOT_AFTER)) != []


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
@pytest.mark.parametrize("kind", LEAF_KEYS)
def test_a_leaf_breaks_no_rule_of_public_authorities_but_those_disregarded(kind, profile):
    assert set(public_errors(kind, profile)) <= DISREGARDED.keys()


def test_no_rule_is_disregarded_that_is_kept():
    assert {code for kind in LEAF_KEYS for code in public_errors(kind)} == DISREGARDED.keys()


def test_a_leaf_that_lives_too_long_would_be_found():
    found = public_errors("P-256", not_after=NOT_BEFORE + timedelta(days=400))
    assert "cabf.serverauth.certificate_validity_period_exceeds_200_days" in found
