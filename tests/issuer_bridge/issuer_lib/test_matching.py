"""Which issuer a request means: issuer-lib's own tables."""

import pytest

from issuer_bridge.issuer_lib.matching import IssuerKind, Place, issuer_of_request, issuer_of_signer
from tests.issuer_bridge.issuer_lib.lib_resources import (
    GROUP,
    KINDS,
    TEST_CLUSTER_ISSUER,
    TEST_ISSUER,
    request,
    signing_request,
)

HERE, EVERYWHERE = Place(TEST_ISSUER, "ns1", "issuer-1"), Place(TEST_CLUSTER_ISSUER, "", "issuer-1")


@pytest.mark.seed("L03", "E02")
@pytest.mark.parametrize(
    ("kinds", "kind", "expected"),
    [
        ((), "TestIssuer", None),
        (KINDS, "TestIssuer", HERE),
        (KINDS, "TestClusterIssuer", EVERYWHERE),
        ((TEST_CLUSTER_ISSUER,), "", EVERYWHERE),
        (KINDS[::-1], "", HERE),
        ((TEST_ISSUER, TEST_ISSUER), "TestIssuer", HERE),
        (KINDS, "Issuer", None),
    ],
    ids=["no kinds", "issuer", "cluster issuer", "no kind named, one there", "no kind named", "twice", "foreign"],
)
def test_what_an_issuer_reference_means(kinds, kind, expected):
    assert issuer_of_request(request(kind=kind), kinds) == expected


def test_a_reference_without_a_kind_field_is_one_without_a_kind():
    resource = request()
    del resource["spec"]["issuerRef"]["kind"]
    assert issuer_of_request(resource, KINDS) == HERE


@pytest.mark.parametrize(
    ("signer", "expected"),
    [
        ("no-slash", None),
        (f"unknown.{GROUP}/name", None),
        (f"testissuers.{GROUP}/ns1.issuer-1", None),
        (f"testclusterissuers.{GROUP}/name", Place(TEST_CLUSTER_ISSUER, "", "name")),
        (f"testclusterissuers.{GROUP}/a.dotted.name", Place(TEST_CLUSTER_ISSUER, "", "a.dotted.name")),
        (f"testclusterissuers.{GROUP}/", Place(TEST_CLUSTER_ISSUER, "", "")),
        (f"testclusterissuers.{GROUP}/a/b", None),
    ],
)
def test_what_a_signer_name_means(signer, expected):
    assert issuer_of_signer(signing_request(signer=signer), KINDS) == expected


def test_a_kind_of_issuers_has_a_status_of_its_own():
    kind = IssuerKind("example.com", "v1", "ExampleIssuer", "exampleissuers")
    assert (kind.status, kind.custom, kind.namespaced) == (True, True, True)
