"""pkilint, which knows RFC 5280 and is no code of ours, reads every kind of certificate that is signed here."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from pkilint import loader
from pkilint.pkix import certificate, extension, name
from pkilint.validation import ValidationFindingSeverity

from acme_server.certificate_authority import issue
from acme_server.profiles import PROFILES
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


def findings(subject):
    document = loader.load_certificate(subject.public_bytes(Encoding.DER), "certificate")
    described = [each for result in VALIDATOR.validate(document.root) for each in result.finding_descriptions]
    return [each.finding.code for each in described if each.finding.severity != ValidationFindingSeverity.INFO]


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
