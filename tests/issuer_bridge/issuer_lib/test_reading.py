"""What an author sees of a request and an issuer, and which Secrets are an issuer's."""

import base64
from datetime import timedelta

import attrs
import pytest

from issuer_bridge.issuer_lib.outcomes import IssuerFault, Permanent
from issuer_bridge.issuer_lib.reading import issuer_of, request_of, secret_names, secret_places
from tests.issuer_bridge.issuer_lib.lib_resources import HEALTHY, T1, TEST_CLUSTER_ISSUER, issuer, request


def secret(version="1", **data):
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    return {"metadata": {"resourceVersion": version}, "data": encoded}


@pytest.mark.parametrize(
    ("spec", "names"),
    [
        ({"authSecretName": "a"}, ["a"]),
        ({"secretName": "a"}, ["a"]),
        ({"tokenSecretRef": {"name": "a", "key": "token"}}, ["a"]),
        ({"auth": {"secretRef": {"name": "a"}, "caSecretName": "b"}}, ["a", "b"]),
        ({"keys": [{"keySecretRef": {"name": "a"}}, {"keySecretRef": {"name": "b"}}]}, ["a", "b"]),
        ({"secretName": "", "authSecretRef": {}, "name": "x", "secret": "y", "secretNames": ["z"]}, []),
        (None, []),
    ],
)
def test_which_secrets_a_spec_names(spec, names):
    assert list(secret_names(spec)) == names


def test_secrets_are_of_the_issuers_namespace_or_of_that_of_cluster_wide_ones():
    spec = {"aSecretName": "a", "bSecretName": "a"}
    assert secret_places(issuer(spec=spec), "kube-system") == (("ns1", "a"),)
    assert secret_places(issuer(kind=TEST_CLUSTER_ISSUER, spec=spec), "kube-system") == (("kube-system", "a"),)


def test_a_value_of_a_secret_is_its_bytes_and_what_is_not_there_is_the_issuers_fault():
    value = issuer_of(issuer(HEALTHY), {"a": secret(token="open sesame")})
    assert value.secret("a", "token") == b"open sesame"
    with pytest.raises(IssuerFault, match='Secret "b" not found'):
        value.secret("b", "token")
    with pytest.raises(IssuerFault, match='Secret "a" has no key "password"'):
        value.secret("a", "password")


def test_what_is_secret_is_not_printed():
    assert "open sesame" not in repr(issuer_of(issuer(), {"a": secret(token="open sesame")}))


@pytest.mark.seed("B22")
def test_the_key_of_an_issuer_changes_with_its_uid_its_spec_and_its_secrets():
    def key(version="1", generation=70, name="issuer-1", labels=None):
        resource = issuer(HEALTHY, generation=generation, name=name)
        resource["metadata"]["labels"] = labels or {}
        return issuer_of(resource, {"a": secret(version)}).key

    assert key() == key(labels={"a": "b"})
    assert len({key(), key(version="2"), key(generation=71), key(name="issuer-2")}) == 4


def test_a_request_is_read_with_cert_managers_defaults():
    value = request_of(request())
    assert (value.csr, value.duration, value.is_ca) == (b"a CSR", timedelta(days=90), False)
    assert value.usages == ("digital signature", "key encipherment")
    assert (value.namespace, value.name, value.created) == ("ns1", "cr1", T1)


def test_a_request_is_read_as_it_asks():
    resource = request()
    resource["spec"] |= {"duration": "1h30m", "isCA": True, "usages": ["cert sign"], "username": "ada"}
    value = request_of(resource)
    assert (value.duration, value.is_ca, value.usages, value.username) == (
        timedelta(minutes=90),
        True,
        ("cert sign",),
        "ada",
    )


def test_a_request_that_cannot_be_read_is_at_fault_itself():
    resource = request()
    resource["spec"]["duration"] = "soon"
    with pytest.raises(Permanent) as caught:
        request_of(resource)
    assert caught.value.invalid_request


def test_nobody_changes_what_an_author_is_given():
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        request_of(request()).name = "other"
