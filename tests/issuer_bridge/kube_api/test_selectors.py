import pytest

from issuer_bridge.kube_api.selectors import selector
from issuer_bridge.resources import CERTIFICATE_REQUEST, EVENT, SECRET, ApiError

RESOURCE = {
    "metadata": {"name": "www", "namespace": "default", "labels": {"a": "b", "empty": ""}},
    "spec": {"issuerRef": {"name": "gravel"}},
}
ABOUT = {"metadata": {"name": "www.1"}, "involvedObject": {"kind": "Order", "name": "www"}, "type": "Normal"}


@pytest.mark.parametrize(
    ("labels", "wanted"),
    [
        ("", True),
        ("a=b", True),
        ("a==b", True),
        (" a = b ", True),
        ("a=c", False),
        ("a!=c", True),
        ("a!=b", False),
        ("absent!=b", True),
        ("absent=b", False),
        ("empty=", True),
        ("a", True),
        ("absent", False),
        ("!absent", True),
        ("!a", False),
        ("a=b,empty", True),
        ("a=b,absent", False),
        ("a in (b,c)", True),
        ("a in ( c , b ),empty", True),
        ("a in (c)", False),
        ("absent in (b)", False),
        ("a notin (b)", False),
        ("a notin (c),a!=c", True),
        ("absent notin (b)", True),
    ],
)
def test_labels_are_selected_by_equality_membership_and_existence(labels, wanted):
    assert selector(CERTIFICATE_REQUEST, labels, "")(RESOURCE) == wanted


@pytest.mark.parametrize(
    ("kind", "resource", "fields", "wanted"),
    [
        (CERTIFICATE_REQUEST, RESOURCE, "metadata.name=www", True),
        (CERTIFICATE_REQUEST, RESOURCE, "metadata.name!=www", False),
        (CERTIFICATE_REQUEST, RESOURCE, "metadata.name=www,metadata.namespace=other", False),
        (CERTIFICATE_REQUEST, RESOURCE, "spec.issuerRef.name=gravel", True),
        (CERTIFICATE_REQUEST, RESOURCE, "spec.issuerRef.kind=", True),
        (EVENT, ABOUT, "involvedObject.name=www,involvedObject.kind=Order", True),
        (EVENT, ABOUT, "involvedObject.kind=Challenge", False),
        (EVENT, ABOUT, "type=Normal", True),
    ],
)
def test_fields_are_selected_by_equality(kind, resource, fields, wanted):
    assert selector(kind, "", fields)(resource) == wanted


@pytest.mark.parametrize(
    ("kind", "labels", "fields", "text"),
    [
        (CERTIFICATE_REQUEST, "a within (b)", "", 'unable to parse requirement in "a within (b)"'),
        (CERTIFICATE_REQUEST, "a in (b", "", "unable to parse requirement"),
        (CERTIFICATE_REQUEST, "a in b", "", "unable to parse requirement"),
        (CERTIFICATE_REQUEST, "a=b=c", "", "unable to parse requirement"),
        (CERTIFICATE_REQUEST, "", "spec.request=Z", "field label not supported: spec.request"),
        (SECRET, "", "spec.issuerRef.name=x", "field label not supported: spec.issuerRef.name"),
        (CERTIFICATE_REQUEST, "", "metadata.name", "invalid selector: 'metadata.name'"),
    ],
)
def test_a_selector_that_cannot_be_read_is_a_bad_request(kind, labels, fields, text):
    with pytest.raises(ApiError) as caught:
        selector(kind, labels, fields)
    assert caught.value.code == 400
    assert caught.value.message.startswith(text)
