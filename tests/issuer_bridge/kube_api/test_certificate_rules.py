"""What the webhook refuses of a Certificate: each rule, by the field that it names."""

import pytest

from issuer_bridge.kube_api.validation import check_new
from issuer_bridge.resources import CERTIFICATE, ApiError


def certificate(**spec):
    given = {"secretName": "www-tls", "dnsNames": ["www.test"], "issuerRef": {"name": "gravel"}, **spec}
    return {"metadata": {"name": "www", "namespace": "default"}, "spec": given}


def refused(**spec):
    """field -> message, of what is refused."""
    with pytest.raises(ApiError) as caught:
        check_new(CERTIFICATE, certificate(**spec))
    assert (caught.value.code, caught.value.reason) == (422, "Invalid")
    return {cause["field"]: cause["message"] for cause in caught.value.details["causes"]}


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"dnsNames": None, "commonName": "a" * 64},
        {"dnsNames": None, "ipAddresses": ["192.0.2.1", "2001:db8::1"]},
        {"dnsNames": None, "literalSubject": "CN=a.test,O=x"},
        {"issuerRef": {"name": "x", "kind": "AcmeIssuer", "group": "gravel.test"}},
        {"privateKey": {"size": 8192}},
        {"privateKey": {"algorithm": "ECDSA", "size": 521}, "signatureAlgorithm": "ECDSAWithSHA512"},
        {"privateKey": {"algorithm": "Ed25519"}, "signatureAlgorithm": "PureEd25519"},
        {"duration": "1h", "renewBefore": "5m"},
        {"renewBefore": "2159h"},
        {"renewBeforePercentage": 99},
        {"renewal": {"policy": "Disabled"}},
        {"secretTemplate": {"annotations": {"cert-manager.io/allow-direct-injection": "true", "x": "y"}}},
        {"keystores": {"pkcs12": {"create": True, "password": "x"}, "jks": {"create": True, "passwordSecretRef": {"name": "p"}}}},
    ],
    ids=str,
)  # fmt: skip
def test_a_certificate_that_is_as_it_should_be_is_taken(spec):
    check_new(CERTIFICATE, certificate(**spec))


@pytest.mark.parametrize(
    ("spec", "field", "told"),
    [
        ({"secretName": ""}, "spec.secretName", "must be specified"),
        ({"issuerRef": {"name": ""}}, "spec.issuerRef.name", "must be specified"),
        ({"issuerRef": {"name": "x", "kind": "Foo"}}, "spec.issuerRef.kind", "did you forget to set"),
        ({"dnsNames": []}, "spec", "at least one of commonName"),
        ({"commonName": "a" * 65}, "spec.commonName", "may not be more than 64 bytes"),
        ({"ipAddresses": ["300.0.0.1"]}, "spec.ipAddresses[0]", '"300.0.0.1": invalid IP address'),
        ({"literalSubject": "nonsense"}, "spec.literalSubject", "is not an RFC 4514 name"),
        ({"literalSubject": "CN=a", "commonName": "a"}, "spec.commonName", "beside literalSubject"),
        ({"privateKey": {"size": 1024}}, "spec.privateKey.size", "must be between 2048 and 8192"),
        ({"privateKey": {"algorithm": "ECDSA", "size": 257}}, "spec.privateKey.size", '"256", "384", "521"'),
        ({"signatureAlgorithm": "ECDSAWithSHA256"}, "spec.signatureAlgorithm", "for a key of the algorithm RSA"),
        ({"duration": "59m"}, "spec.duration", "must be greater than 1h0m0s"),
        ({"duration": "60d"}, "spec.duration", "must be a duration such as 2160h"),
        ({"renewBefore": "4m"}, "spec.renewBefore", "at least 5m0s"),
        ({"duration": "2h", "renewBefore": "2h"}, "spec.renewBefore", "less than the duration 2h0m0s"),
        ({"renewBefore": "1h", "renewBeforePercentage": 5}, "spec.renewBefore", "mutually exclusive"),
        ({"renewBeforePercentage": 100}, "spec.renewBeforePercentage", "less than duration"),
        ({"revisionHistoryLimit": 0}, "spec.revisionHistoryLimit", "must not be less than 1"),
        ({"renewal": {"policy": "Disabled", "windows": [{}]}}, "spec.renewal.windows", "cannot be set"),
        (
            {"secretTemplate": {"annotations": {"cert-manager.io/common-name": "x"}}},
            "spec.secretTemplate.annotations",
            "are not allowed",
        ),
        (
            {"additionalOutputFormats": [{"type": "DER"}, {"type": "DER"}]},
            "spec.additionalOutputFormats[type]",
            'Duplicate value: "DER"',
        ),
        ({"keystores": {"jks": {"create": True}}}, "spec.keystores.jks", "exactly one of"),
        (
            {"keystores": {"pkcs12": {"create": True, "password": "x", "passwordSecretRef": {"name": "p"}}}},
            "spec.keystores.pkcs12",
            "exactly one of",
        ),
        ({"keystores": {"jks": {"create": True, "password": ""}}}, "spec.keystores.jks.password", "cannot be empty"),
    ],
    ids=str,
)
def test_what_is_wrong_is_named_by_its_field(spec, field, told):
    found = refused(**spec)
    assert list(found) == [field]
    assert told in found[field]
