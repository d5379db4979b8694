"""The annotations of an Ingress, one by one: the rows of upstream's tests of `certificate-shim/helper.go`."""

import pytest

from issuer_bridge.shims.annotations import PREFIX, translate

STREETS = ["1725 Slough Avenue, Suite 200", "1800 Slough Avenue, Suite 200"]


def read(**annotations):
    """Translate annotations whose names have underscores for hyphens."""
    return translate({}, {PREFIX + name.replace("_", "-"): value for name, value in annotations.items()})


@pytest.mark.seed("B39")
@pytest.mark.parametrize(
    ("annotations", "spec"),
    [
        ({}, {}),
        ({"common_name": "www.example.com"}, {"commonName": "www.example.com"}),
        ({"alt_names": "a.test,b.test"}, {"dnsNames": ["a.test", "b.test"]}),
        ({"alt_names": ""}, {}),
        ({"ip_sans": "10.0.0.1, ::1"}, {"ipAddresses": ["10.0.0.1", "::1"]}),
        ({"email_sans": "a@b.test, c@d.test"}, {"emailAddresses": ["a@b.test", "c@d.test"]}),
        ({"duration": "168h"}, {"duration": "168h0m0s"}),
        ({"renew_before": "24h"}, {"renewBefore": "24h0m0s"}),
        ({"renew_before_percentage": "50"}, {"renewBeforePercentage": 50}),
        ({"usages": "server auth,signing"}, {"usages": ["server auth", "signing"]}),
        ({"revision_history_limit": "7"}, {"revisionHistoryLimit": 7}),
        ({"private_key_algorithm": "Ed25519"}, {"privateKey": {"algorithm": "Ed25519"}}),
        ({"private_key_encoding": "PKCS8"}, {"privateKey": {"encoding": "PKCS8"}}),
        ({"private_key_size": "4096"}, {"privateKey": {"size": 4096}}),
        (
            {"private_key_algorithm": "ECDSA", "private_key_size": "384", "private_key_rotation_policy": "Always"},
            {"privateKey": {"algorithm": "ECDSA", "size": 384, "rotationPolicy": "Always"}},
        ),
        ({"secret_template": '{"labels": {"a": "b"}}'}, {"secretTemplate": {"labels": {"a": "b"}}}),
        ({"secret_template": "{}"}, {}),
        ({"subject_organizations": "A,B"}, {"subject": {"organizations": ["A", "B"]}}),
        ({"subject_organizationalunits": "A"}, {"subject": {"organizationalUnits": ["A"]}}),
        ({"subject_countries": "NL"}, {"subject": {"countries": ["NL"]}}),
        ({"subject_provinces": "P"}, {"subject": {"provinces": ["P"]}}),
        ({"subject_localities": "L"}, {"subject": {"localities": ["L"]}}),
        ({"subject_postalcodes": "1"}, {"subject": {"postalCodes": ["1"]}}),
        (
            {"subject_streetaddresses": ",".join(f'"{street}"' for street in STREETS)},
            {"subject": {"streetAddresses": STREETS}},
        ),
        ({"subject_serialnumber": "123456"}, {"subject": {"serialNumber": "123456"}}),
    ],
)
def test_an_annotation_becomes_a_field_of_the_spec(annotations, spec):
    assert spec == read(**annotations)


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("common-name", "a" * 65, "common name may not be more than 64 bytes"),
        ("ip-sans", "1.2.3", '"1.2.3" is not a valid IP address'),
        ("email-sans", "nobody", '"nobody" is not a valid email address'),
        ("email-sans", "A <a@b.test>", '"A <a@b.test>" must only contain the email address itself'),
        ("duration", "soon", 'time: invalid duration "soon"'),
        ("duration", "59m", "duration must be greater than or equal to 1h0m0s"),
        ("renew-before", "4m", "renewBefore must be greater than or equal to 5m0s"),
        ("renew-before-percentage", "half", 'strconv.ParseInt: parsing "half": invalid syntax'),
        ("usages", "server auth,,signing", 'invalid key usage name ""'),
        ("usages", "playing ping pong", 'invalid key usage name "playing ping pong"'),
        ("revision-history-limit", "many", 'strconv.ParseInt: parsing "many": invalid syntax'),
        ("revision-history-limit", "0", 'revision history limit must be a positive number "0"'),
        ("private-key-algorithm", "DSA", 'invalid private key algorithm "DSA"'),
        ("private-key-encoding", "DER", 'invalid private key encoding "DER"'),
        ("private-key-rotation-policy", "Often", 'invalid private key rotation policy "Often"'),
        ("private-key-size", "big", 'strconv.Atoi: parsing "big": invalid syntax'),
        ("private-key-size", "1024", 'invalid private key size for RSA algorithm "1024"'),
        ("subject-countries", "", 'no values found after parsing ""'),
        ("subject-countries", "a\nb", 'refusing to use "a\\nb" as input as it parses as multiple lines of CSV'),
        ("secret-template", '{"x": {}}', 'error parsing secret template JSON: json: unknown field "x"'),
        (
            "secret-template",
            '{"annotations": {"cert-manager.io/a": "b"}}',
            'secretTemplate must not have cert-manager.io/ annotations: "cert-manager.io/a"',
        ),
    ],
)
def test_a_value_that_cannot_be_read_is_named_with_its_annotation(name, value, text):
    with pytest.raises(ValueError, match="invalid ingress annotation") as caught:
        translate({}, {PREFIX + name: value})
    assert str(caught.value) == f'invalid ingress annotation "{PREFIX}{name}": {text}'


def test_a_size_is_checked_against_the_algorithm():
    with pytest.raises(ValueError, match='invalid private key size for ECDSA algorithm "2048"'):
        read(private_key_algorithm="ECDSA", private_key_size="2048")
