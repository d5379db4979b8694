"""CSRs of Certificates, and whether a request is what a spec asks for: each field, made and missed."""

import base64

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given
from hypothesis import strategies as st

from issuer_bridge.cert_manager.certificates.matching import names_in_request, request_violations
from issuer_bridge.cert_manager.certificates.private_keys import (
    key_violations,
    new_key,
    public_key_of,
    read_key,
    write_key,
)
from issuer_bridge.cert_manager.certificates.signing_requests import EXTENDED_USAGES, KEY_USAGES, signing_request
from tests.issuer_bridge.bridge_rig import entropy_of
from tests.issuer_bridge.cert_manager.certificates.certificate_rig import certificate, rsa_key

KEY = ec.derive_private_key(5, ec.SECP256R1())
SUBJECT = {
    "organizations": ["o", "p"],
    "countries": ["NL"],
    "organizationalUnits": ["u"],
    "localities": ["l"],
    "provinces": ["v"],
    "streetAddresses": ["s"],
    "postalCodes": ["c"],
    "serialNumber": "n",
}


def spec_of(**fields):
    return certificate(**fields)["spec"]


def csr_of(spec, key=KEY):
    return x509.load_pem_x509_csr(base64.b64decode(signing_request(spec, key)))


def request_of(spec):
    asked = {name: spec[name] for name in ("issuerRef", "isCA", "usages", "duration") if name in spec}
    return {**asked, "request": signing_request(spec, KEY)}


# A field as it was when the request was made, as it is now, and how it is called.
FIELDS = {
    "dnsNames": (["a.test"], ["b.test"], "spec.dnsNames"),
    "ipAddresses": (["192.0.2.1"], ["192.0.2.2"], "spec.ipAddresses"),
    "uris": (["spiffe://a/b"], ["spiffe://a/c"], "spec.uris"),
    "emailAddresses": (["a@b.test"], ["c@b.test"], "spec.emailAddresses"),
    "otherNames": (
        [{"oid": "1.3.6.1.4.1.311.20.2.3", "utf8Value": "u@b.test"}],
        [{"oid": "1.3.6.1.4.1.311.20.2.3", "utf8Value": "v@b.test"}],
        "spec.otherNames",
    ),
    "commonName": ("a.test", "b.test", "spec.commonName"),
    "literalSubject": ("CN=a.test,O=x", "CN=a.test,O=y", "spec.literalSubject"),
    "isCA": (False, True, "spec.isCA"),
    "usages": (["server auth"], ["client auth"], "spec.usages"),
    "duration": ("1h", "2h", "spec.duration"),
    "issuerRef": ({"name": "gravel"}, {"name": "gravel", "kind": "ClusterIssuer"}, "spec.issuerRef"),
}
SAME = {
    "dnsNames": (["a.test", "b.test"], ["b.test", "a.test"]),
    "ipAddresses": (["2001:db8::1"], ["2001:0db8::0001"]),
    "usages": (None, ["key encipherment", "digital signature"]),
    "duration": ("60m", "1h0m0s"),
    "issuerRef": ({"name": "gravel"}, {"name": "gravel", "kind": "Issuer", "group": "cert-manager.io"}),
}


@pytest.mark.parametrize(("field", "before", "after", "told"), [(name, *row) for name, row in FIELDS.items()], ids=str)
def test_a_field_that_changed_is_named(field, before, after, told):
    request = request_of(spec_of(**{field: before}))
    assert request_violations(request, spec_of(**{field: before})) == []
    assert request_violations(request, spec_of(**{field: after})) == [told]


@pytest.mark.parametrize("field", SUBJECT)
def test_a_part_of_the_subject_that_changed_is_named(field):
    request = request_of(spec_of(subject=SUBJECT))
    other = "x" if field == "serialNumber" else ["XX"]
    told = {"postalCodes": "postCodes"}.get(field, field)
    assert request_violations(request, spec_of(subject=SUBJECT)) == []
    assert request_violations(request, spec_of(subject={**SUBJECT, field: other})) == [f"spec.subject.{told}"]


@pytest.mark.parametrize(("field", "before", "after"), [(name, *row) for name, row in SAME.items()], ids=str)
def test_the_same_in_other_words_is_the_same(field, before, after):
    made = spec_of(**({field: before} if before is not None else {}))
    assert request_violations(request_of(made), spec_of(**{field: after})) == []


def test_the_subject_has_gos_order_and_several_values_are_one_rdn():
    subject = csr_of(spec_of(subject=SUBJECT, commonName="a.test")).subject
    order = ("C", "O", "OU", "L", "ST", "STREET", "2.5.4.17", "CN", "2.5.4.5")
    assert [next(iter(rdn)).rfc4514_attribute_name for rdn in subject.rdns] == list(order)
    assert len(subject.rdns[1]) == 2


def test_names_are_critical_only_without_a_subject():
    extension = x509.SubjectAlternativeName
    assert csr_of(spec_of()).extensions.get_extension_for_class(extension).critical
    named = spec_of(commonName="a.test", dnsNames=["a.test"])
    assert not csr_of(named).extensions.get_extension_for_class(extension).critical


@pytest.mark.parametrize("usage", [*KEY_USAGES, *EXTENDED_USAGES])
def test_each_usage_of_the_api_is_encoded(usage):
    needed = ["key agreement"] if usage in ("encipher only", "decipher only") else []
    extensions = csr_of(spec_of(usages=[usage, *needed])).extensions
    if usage in KEY_USAGES:
        assert getattr(extensions.get_extension_for_class(x509.KeyUsage).value, KEY_USAGES[usage])
    else:
        assert EXTENDED_USAGES[usage] in extensions.get_extension_for_class(x509.ExtendedKeyUsage).value


def test_usages_are_left_out_when_told():
    extensions = csr_of(spec_of(usages=["server auth"], encodeUsagesInRequest=False)).extensions
    assert [extension.oid for extension in extensions] == [x509.SubjectAlternativeName.oid]


def test_a_ca_may_sign_certificates():
    usage = csr_of(spec_of(isCA=True)).extensions.get_extension_for_class(x509.KeyUsage).value
    assert (usage.key_cert_sign, usage.digital_signature) == (True, True)
    extended = csr_of(spec_of(usages=["server auth"])).extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    assert list(extended.value) == [ExtendedKeyUsageOID.SERVER_AUTH]


def test_name_constraints_come_into_the_request():
    constraints = {"critical": True, "permitted": {"dnsDomains": ["a.test"], "ipRanges": ["10.0.0.0/8"]}}
    extension = csr_of(spec_of(nameConstraints=constraints)).extensions.get_extension_for_class(x509.NameConstraints)
    assert extension.critical
    assert [str(name.value) for name in extension.value.permitted_subtrees] == ["a.test", "10.0.0.0/8"]


def test_a_literal_subject_is_taken_as_it_is():
    spec = spec_of(literalSubject="CN=a.test,OU=u,DC=corp,DC=test")
    assert csr_of(spec).subject.rfc4514_string() == spec["literalSubject"]
    assert csr_of(spec).subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == "a.test"


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"dnsNames": []}, "at least one of commonName"),
        ({"literalSubject": "nonsense"}, "spec.literalSubject: 'nonsense' is not an RFC 4514 name"),
        ({"ipAddresses": ["300.1.1.1"]}, "'300.1.1.1' does not appear to be"),
    ],
    ids=str,
)
def test_a_spec_that_makes_no_request_is_told_why(fields, told):
    with pytest.raises(ValueError, match=told):
        signing_request(spec_of(**fields), KEY)


@pytest.mark.parametrize(
    ("key", "spec", "name"),
    [
        (KEY, {}, "sha256"),
        (ec.derive_private_key(5, ec.SECP384R1()), {"privateKey": {"algorithm": "ECDSA", "size": 384}}, "sha384"),
        (ec.derive_private_key(5, ec.SECP521R1()), {"privateKey": {"algorithm": "ECDSA", "size": 521}}, "sha512"),
        (rsa_key(2048), {"privateKey": {}}, "sha256"),
        (rsa_key(3072), {"privateKey": {"size": 3072}}, "sha384"),
        (rsa_key(2048), {"privateKey": {}, "signatureAlgorithm": "SHA512WithRSA"}, "sha512"),
    ],
)
def test_the_hash_goes_with_the_key_unless_it_is_named(key, spec, name):
    assert csr_of(spec_of(**spec), key).signature_hash_algorithm.name == name


@given(st.text(min_size=1, max_size=300))
def test_an_other_name_is_found_again_whatever_its_length(text):
    other = [{"oid": "1.3.6.1.4.1.311.20.2.3", "utf8Value": text}]
    assert request_violations(request_of(spec_of(otherNames=other)), spec_of(otherNames=other)) == []


@pytest.mark.parametrize(
    "wanted",
    [{"algorithm": "ECDSA", "size": size} for size in (256, 384, 521)] + [{"algorithm": "Ed25519"}, {"size": 2048}],
    ids=str,
)
@pytest.mark.parametrize("encoding", ["PKCS1", "PKCS8"])
def test_a_key_is_read_as_it_was_written_and_matches_its_spec(wanted, encoding):
    spec = {"privateKey": wanted}
    key = new_key(spec, entropy_of(1), rsa_key)
    again = read_key(write_key(key, encoding).encode())
    assert public_key_of(again) == public_key_of(key)
    assert key_violations(again, spec) == []
    assert key_violations(again, {"privateKey": {"algorithm": "RSA", "size": 3072}}) != []
    assert names_in_request(signing_request(spec_of(**spec), again)).key == public_key_of(key)


@pytest.mark.parametrize("algorithm", ["ECDSA", "Ed25519"])
def test_the_same_entropy_makes_the_same_key(algorithm):
    spec = {"privateKey": {"algorithm": algorithm}}
    keys = [write_key(new_key(spec, entropy_of(seed), None)) for seed in (1, 1, 2)]
    assert keys[0] == keys[1] != keys[2]
    assert isinstance(read_key(keys[0].encode()), ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey)


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ({"algorithm": "ECDSA", "size": 257}, "take 256, 384 or 521"),
        ({"size": 1024}, "2048 to 8192 bits, not 1024"),
        ({"size": 16384}, "not 16384"),
    ],
)
def test_a_size_that_there_is_not_is_told(wanted, told):
    with pytest.raises(ValueError, match=told):
        new_key({"privateKey": wanted}, entropy_of(1), rsa_key)
