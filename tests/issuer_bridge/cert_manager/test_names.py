"""Names of Orders and Challenges: cert-manager's own golden vectors, and those of a recorded run."""

import json

import pytest

from issuer_bridge.cert_manager.names import challenge_name, compute_name, fnv1_32, go_json, order_name

ISSUER_REF = {"name": "test-issuer", "kind": "Issuer", "group": "cert-manager.io"}
CHALLENGE_SPEC = {
    "issuerRef": {"group": "cert-manager.io", "kind": "Issuer", "name": "testissuer"},
    "solver": {"http01": {"ingress": {}}, "selector": {"dnsNames": ["test.com"]}},
    "key": "secret",
    "token": "token",
    "type": "HTTP-01",
    "wildcard": False,
    "dnsName": "test.com",
    "authorizationURL": "http://authzurl",
    "url": "http://chalurl",
}


def test_upstream_vector_of_a_certificate_spec():
    spec = {"commonName": "unit.test.jetstack.io", "secretName": "", "issuerRef": {"name": ""}}
    assert compute_name("unit.test.jetstack.io", spec) == "unit.test.jetstack.io-1683025094"


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"commonName": "example.com", "dnsNames": ["example.com", "foo.com"]}, "test-cr-1733622556"),
        ({"commonName": "10.0.0.1", "ipAddresses": ["10.0.0.1"]}, "test-cr-3104426127"),
    ],
)
def test_upstream_vectors_of_orders(spec, expected):
    assert expected == order_name("test-cr", {"request": "bm90IGhhc2hlZA==", "issuerRef": ISSUER_REF, **spec})


def test_upstream_vector_of_a_challenge_whatever_the_order_of_its_fields_and_its_key():
    assert challenge_name("testorder", CHALLENGE_SPEC) == "testorder-2580184217"


@pytest.mark.parametrize(
    ("request_name", "dns_name", "expected"),
    [
        ("s00-df6r6", "s00.example.test", "s00-df6r6-892585743"),
        ("s01-8tnxc", "s01.example.test", "s01-8tnxc-1778883714"),
        ("s02-nckc4", "s02.example.test", "s02-nckc4-2421411057"),
        ("s03-zzkbx", "s03.example.test", "s03-zzkbx-31211580"),
        ("s08-fjhrf", "s08.example.test", "s08-fjhrf-3055462615"),
    ],
)
def test_names_that_a_real_cert_manager_gave(request_name, dns_name, expected):
    spec = {"issuerRef": {"kind": "ClusterIssuer", "name": "pebble"}, "dnsNames": [dns_name]}
    assert expected == order_name(request_name, spec)


def test_the_csr_does_not_count_but_everything_else_does():
    spec = {"request": "a", "issuerRef": ISSUER_REF, "dnsNames": ["example.com"]}
    assert order_name("cr", spec) == order_name("cr", {**spec, "request": "b"})
    assert order_name("cr", spec) != order_name("cr", {**spec, "profile": "short"})


def test_empty_fields_are_left_out_as_go_leaves_them_out():
    spec = {"issuerRef": ISSUER_REF, "dnsNames": ["example.com"]}
    empty = {"commonName": "", "ipAddresses": [], "duration": None}
    assert order_name("cr", spec) == order_name("cr", {**spec, **empty})


def test_an_empty_solver_is_kept_because_it_is_a_pointer_in_go():
    other = {**CHALLENGE_SPEC, "solver": {"http01": {}}}
    assert challenge_name("o", other) != challenge_name("o", {**CHALLENGE_SPEC, "solver": {}})


@pytest.mark.parametrize(
    ("prefix", "kept"),
    [
        ("a" * 51, "a" * 51),
        ("a" * 52, "a" * 52),
        ("a" * 60, "a" * 52),
        ("a" * 50 + "-.b", "a" * 50),
        ("a" * 49 + "-.-", "a" * 49),
        ("a" * 40 + "." * 12, "a" * 40),
        ("a-", "a-"),
    ],
)
def test_a_prefix_is_cut_to_52_and_back_to_the_last_letter_or_digit(prefix, kept):
    assert compute_name(prefix, {}) == f"{kept}-{fnv1_32(b'{}')}"


def test_a_request_name_that_is_cut_counts_in_the_hash():
    spec = {"issuerRef": ISSUER_REF, "dnsNames": ["example.com"]}
    one, two = (order_name("a" * 60 + end, spec) for end in "xy")
    assert one != two
    assert one.rsplit("-", 1)[0] == two.rsplit("-", 1)[0] == "a" * 52


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a": "<b>&c"}, rb'{"a":"\u003cb\u003e\u0026c"}'),
        ("\u2028\u2029", rb'"\u2028\u2029"'),
        ("ü", '"ü"'.encode()),
        ([None, True, 1], b"[null,true,1]"),
        ('"\\\n', rb'"\"\\\n"'),
    ],
)
def test_json_is_written_as_go_writes_it(value, expected):
    assert expected == go_json(value)
    assert value == json.loads(go_json(value))


@pytest.mark.parametrize(("data", "expected"), [(b"", 0x811C9DC5), (b"a", 0x050C5D7E), (b"foobar", 0x31F0B262)])
def test_fnv_1_not_1a(data, expected):
    """Vectors of the FNV reference distribution."""
    assert expected == fnv1_32(data)


def test_fields_that_the_tables_lack_count_in_alphabetical_order():
    """A pod template is long; whoever writes its fields in another order gets the same name."""
    solver = {"http01": {"ingress": {"podTemplate": {"spec": {"b": 1, "a": {"z": 1, "y": 2}}}}}}
    other = {"http01": {"ingress": {"podTemplate": {"spec": {"a": {"y": 2, "z": 1}, "b": 1}}}}}
    assert challenge_name("o", {**CHALLENGE_SPEC, "solver": solver}) == challenge_name(
        "o", {**CHALLENGE_SPEC, "solver": other}
    )
