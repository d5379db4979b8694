import base64
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from gravel.certificate_text import certificate_summary, request_summary
from gravel.describing import Related, Rows, concerns, facts, tables
from issuer_bridge.resources import CERTIFICATE, CERTIFICATE_REQUEST, CLUSTER_ISSUER, EVENT, SECRET

NOW = datetime(2026, 11, 22, 1, 2, 3, tzinfo=UTC)
KEY = ec.derive_private_key(7, ec.SECP256R1())
NAMES = x509.SubjectAlternativeName([x509.DNSName("www.test"), x509.DNSName("*.test")])


def metadata(name="www", **more):
    return {"name": name, "namespace": "default", "uid": "u", "creationTimestamp": "2026-11-22T01:01:03Z"} | more


def encoded(*things):
    return base64.b64encode(b"".join(thing.public_bytes(Encoding.PEM) for thing in things)).decode()


def csr(extension=NAMES):
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    return encoded((builder.add_extension(extension, False) if extension else builder).sign(KEY, SHA256()))


def chain(length):
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    builder = x509.CertificateBuilder(name, name, KEY.public_key(), 0xABC, NOW, NOW + timedelta(days=90))
    return encoded(*[builder.add_extension(NAMES, False).sign(KEY, SHA256())] * length)


@pytest.mark.parametrize(
    ("text", "summary"),
    [
        (csr(), "CSR for www.test, *.test"),
        (csr(None), "CSR without DNS names"),
        ("Zm9v", "4 characters that are no CSR"),
        ("*", "1 characters that are no CSR"),
    ],
    ids=range(4),
)
def test_a_signing_request_is_read(text, summary):
    assert request_summary(text) == summary


def test_a_certificate_is_read():
    assert certificate_summary(chain(2)) == {
        "names": "www.test, *.test",
        "serial": "abc",
        "notAfter": "2027-02-20T01:02:03Z",
        "chainLength": "2",
    }
    assert certificate_summary("Zm9v") == "4 characters that are no certificate"


def test_the_facts_are_metadata_spec_and_status():
    annotations = {"note": "x" * 200, "kubectl.kubernetes.io/last-applied-configuration": "{}"}
    owner = {"kind": "Certificate", "name": "www", "uid": "o"}
    resource = {
        "apiVersion": "cert-manager.io/v1",
        "kind": "CertificateRequest",
        "metadata": metadata(labels={"b": "2", "a": "1"}, annotations=annotations, ownerReferences=[owner]),
        "spec": {
            "request": csr(),
            "issuerRef": {"name": "gravel", "kind": "ClusterIssuer"},
            "isCA": False,
            "usages": ["server auth", {"a": "b", "c": []}],
        },
        "status": {"certificate": chain(1), "conditions": [{"type": "Ready"}]},
    }
    assert facts(CERTIFICATE_REQUEST, resource, NOW) == [
        "Name:         www",
        "Namespace:    default",
        "Labels:       a=1",
        "              b=2",
        f"Annotations:  note={'x' * 97}...",
        "API Version:  cert-manager.io/v1",
        "Kind:         CertificateRequest",
        "Created:      2026-11-22T01:01:03Z (60s ago)",
        "Owner:        Certificate/www",
        "Spec:",
        "  Request: CSR for www.test, *.test",
        "  Issuer Ref:",
        "    Name: gravel",
        "    Kind: ClusterIssuer",
        "  Is CA: false",
        "  Usages:",
        "    - server auth",
        "    - A: b",
        "      C: <none>",
        "Status:",
        "  Certificate:",
        "    Names: www.test, *.test",
        "    Serial: abc",
        "    Not After: 2027-02-20T01:02:03Z",
        "    Chain Length: 1",
    ]


def test_what_is_absent_is_none_and_a_cluster_wide_kind_has_no_namespace():
    resource = {"metadata": metadata(), "spec": {"acme": {"solvers": [{"http01": {}}]}}}
    assert facts(CLUSTER_ISSUER, resource, NOW) == [
        "Name:         www",
        "Labels:       <none>",
        "Annotations:  <none>",
        "API Version:  cert-manager.io/v1",
        "Kind:         ClusterIssuer",
        "Created:      2026-11-22T01:01:03Z (60s ago)",
        "Spec:",
        "  Acme:",
        "    Solvers:",
        "      - Http01: <none>",
    ]


def test_a_secret_keeps_its_values_to_itself():
    lines = facts(SECRET, {"metadata": metadata(), "type": "Opaque", "data": {"key": "c2VjcmV0"}}, NOW)
    assert lines[-3:] == ["Data:", "  Key: 6 bytes", "Type:         Opaque"]


def test_an_event_says_what_it_is_about():
    event = {
        "metadata": metadata(),
        "involvedObject": {"kind": "Order", "name": "o"},
        "reason": "Created",
        "message": "it is",
        "count": 2,
    }
    assert facts(EVENT, event, NOW)[-6:] == [
        "Involved Object:",
        "  Kind: Order",
        "  Name: o",
        "Reason:       Created",
        "Message:      it is",
        "Count:        2",
    ]


def event(name="www", kind="CertificateRequest", uid="u", version="1", **more):
    about = {"kind": kind, "name": name} | ({"uid": uid} if uid else {})
    return {"metadata": metadata(resourceVersion=version), "involvedObject": about} | more


def test_a_request_has_tables_of_conditions_orders_challenges_and_events():
    resource = {
        "metadata": metadata(),
        "status": {
            "conditions": [
                {"type": "Ready", "status": "False", "lastTransitionTime": "2026-11-22T01:02:00Z", "reason": "Pending"}
            ]
        },
    }
    order = {"metadata": metadata("www-1"), "status": {"state": "pending", "reason": "slow"}}
    challenge = {
        "metadata": metadata("www-1-2"),
        "spec": {"dnsName": "test", "type": "DNS-01", "wildcard": True},
        "status": {"processing": True, "presented": True, "presentedAt": "2026-11-22T01:02:01Z", "reason": "not seen"},
    }
    queued = {"metadata": metadata("www-1-3"), "spec": {"dnsName": "test", "type": "DNS-01"}}
    seen = event(type="Normal", reason="Created", message="it is", count=3, source={"component": "gravel"})
    related = Related([seen | {"lastTimestamp": "2026-11-22T01:02:02Z"}], [order], [challenge, queued])
    assert tables(CERTIFICATE_REQUEST, resource, related, NOW) == [
        Rows(
            "Conditions",
            ("TYPE", "STATUS", "SINCE", "REASON", "MESSAGE"),
            (("Ready", "False", "3s", "Pending", ""),),
        ),
        Rows(
            "Orders",
            ("NAME", "STATE", "AGE", "CREATED", "REASON"),
            (("www-1", "pending", "60s", "2026-11-22T01:01:03Z", "slow"),),
        ),
        Rows(
            "Challenges",
            ("DOMAIN", "TYPE", "STAGE", "AGE", "PRESENTED", "NAME", "REASON"),
            (
                ("*.test", "DNS-01", "checking", "60s", "2s ago", "www-1-2", "not seen"),
                ("test", "DNS-01", "queued", "60s", "<none>", "www-1-3", ""),
            ),
        ),
        Rows(
            "Events",
            ("LAST SEEN", "TYPE", "REASON", "OBJECT", "FROM", "MESSAGE"),
            (("1s (x3)", "Normal", "Created", "certificaterequest/www", "gravel", "it is"),),
        ),
    ]


def test_a_certificate_has_a_table_of_its_requests():
    request = {"metadata": metadata("www-3", annotations={"cert-manager.io/certificate-revision": "3"})}
    found = tables(CERTIFICATE, {"metadata": metadata()}, Related(requests=[request]), NOW)
    assert found[0] == Rows("Requests", ("NAME", "REVISION", "STATE", "AGE"), (("www-3", "3", "Pending", "60s"),))


def test_an_event_of_a_request_concerns_its_certificate():
    requests = [{"metadata": metadata("www-1")}]
    for name, wanted in (("www-1", True), ("www-2", False)):
        about = event(name, "CertificateRequest")
        assert concerns(about, CERTIFICATE, {"metadata": metadata()}, [], requests) is wanted


def test_empty_tables_are_left_out_but_for_events():
    assert [table.title for table in tables(CLUSTER_ISSUER, {"metadata": metadata()}, Related(), NOW)] == ["Events"]


@pytest.mark.parametrize(
    ("about", "wanted"),
    [
        (event(), True),
        (event(uid=None), True),
        (event(uid="of an earlier one"), False),
        (event("other"), False),
        (event(kind="Issuer"), False),
        (event("www-1", "Order"), True),
        (event("www-2", "Order"), False),
        (event("www-1-234", "Challenge"), True),
        (event("www-12-3", "Challenge"), False),
    ],
    ids=range(9),
)
def test_an_event_concerns_the_request_its_orders_and_their_challenges(about, wanted):
    orders = [{"metadata": metadata("www-1")}]
    assert concerns(about, CERTIFICATE_REQUEST, {"metadata": metadata()}, orders) == wanted
