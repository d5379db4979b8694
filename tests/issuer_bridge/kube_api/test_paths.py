import pytest

from issuer_bridge.kind_names import find_kind, nearest_kind
from issuer_bridge.kube_api.discovery import describe_path
from issuer_bridge.kube_api.loopback_guard import complaint
from issuer_bridge.kube_api.paths import Target, parse_target, segments
from issuer_bridge.kube_api.reviews import REVIEWS
from issuer_bridge.resources import CERTIFICATE_REQUEST, CLUSTER_ISSUER, EVENT, GLOO_REQUEST, KINDS, ORDER, SECRET

REQUESTS = "/apis/cert-manager.io/v1/namespaces/default/certificaterequests"


@pytest.mark.parametrize(
    ("path", "target"),
    [
        (REQUESTS, Target(CERTIFICATE_REQUEST, "default")),
        (f"{REQUESTS}/www", Target(CERTIFICATE_REQUEST, "default", "www")),
        (f"{REQUESTS}/www/status", Target(CERTIFICATE_REQUEST, "default", "www", "status")),
        (f"{REQUESTS}/a%2Fb", Target(CERTIFICATE_REQUEST, "default", "a/b")),
        ("/apis/cert-manager.io/v1/certificaterequests", Target(CERTIFICATE_REQUEST, None)),
        ("/apis/cert-manager.io/v1/clusterissuers", Target(CLUSTER_ISSUER, "")),
        ("/apis/cert-manager.io/v1/clusterissuers/x/status", Target(CLUSTER_ISSUER, "", "x", "status")),
        ("/api/v1/namespaces/default/secrets/s", Target(SECRET, "default", "s")),
        ("/api/v1/events", Target(EVENT, None)),
    ],
)
def test_a_path_names_a_collection_an_object_or_its_status(path, target):
    assert parse_target(path) == target


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/apis/cert-manager.io/v1",
        "/apis/cert-manager.io/v2/certificaterequests",
        "/apis/nope.io/v1/foos",
        "/apis/cert-manager.io/v1/foos",
        "/apis/cert-manager.io/v1/certificaterequests/www",
        "/apis/cert-manager.io/v1/namespaces/default/clusterissuers",
        f"{REQUESTS}/www/scale",
        f"{REQUESTS}/www/status/more",
        "/api/v1/namespaces/default/secrets/s/status",
        "/apis/v1/secrets",
        "/v1/secrets",
    ],
)
def test_every_other_path_names_nothing(path):
    assert parse_target(path) is None


def test_every_kind_is_discovered():
    groups = describe_path(segments("/apis"))["groups"]
    lists = [describe_path(["api", "v1"])]
    lists += [describe_path(["apis", *group["preferredVersion"]["groupVersion"].split("/")]) for group in groups]
    found = [
        (resource["kind"], resource["name"], resource["namespaced"])
        for document in lists
        for resource in document["resources"]
        if "/" not in resource["name"]
    ]
    assert sorted(found) == sorted((kind.kind, kind.plural, kind.namespaced) for kind in (*KINDS, *REVIEWS))


def test_the_core_has_one_version():
    assert describe_path(["api"])["versions"] == ["v1"]


@pytest.mark.parametrize("path", ["/apis/nope.io", "/apis/nope.io/v1", "/api/v2", "/other"])
def test_what_does_not_exist_is_not_discovered(path):
    assert describe_path(segments(path)) is None


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("cr", CERTIFICATE_REQUEST),
        ("crs", CERTIFICATE_REQUEST),
        ("certificaterequest", CERTIFICATE_REQUEST),
        ("CertificateRequests", CERTIFICATE_REQUEST),
        ("certificaterequests.cert-manager.io", CERTIFICATE_REQUEST),
        ("certificaterequests.v1.cert-manager.io", CERTIFICATE_REQUEST),
        ("certificaterequests.certificates.mesh.gloo.solo.io", GLOO_REQUEST),
        ("order.acme.cert-manager.io", ORDER),
        ("ev", EVENT),
        ("nope", None),
        ("orders.cert-manager.io", None),
    ],
)
def test_a_kind_has_kubectls_names(word, kind):
    assert find_kind(word) == kind


@pytest.mark.parametrize(
    ("word", "kind"), [("ordrs", ORDER), ("CertificatRequest", CERTIFICATE_REQUEST), ("zzz", None)]
)
def test_a_misspelled_kind_has_a_nearest_one(word, kind):
    assert nearest_kind(word) == kind


@pytest.mark.parametrize(
    ("host", "origin", "served"),
    [
        ("127.0.0.1:16443", None, True),
        ("localhost:16443", None, True),
        ("[::1]:16443", None, True),
        ("192.168.1.5:16443", None, True),
        ("", None, True),
        ("127.0.0.1:16443", "http://127.0.0.1:16443", True),
        ("127.0.0.1:16443", "http://127.0.0.1:3000", False),
        ("127.0.0.1:16443", "https://evil.test", False),
        ("127.0.0.1:16443", "null", False),
        ("evil.test:16443", None, False),
        ("evil.test:16443", "http://evil.test:16443", False),
        ("127.0.0.1.evil.test", None, False),
        ("[bad", None, False),
    ],
)
def test_web_pages_and_rebound_names_are_refused(host, origin, served):
    assert (complaint(host, origin) is None) == served
