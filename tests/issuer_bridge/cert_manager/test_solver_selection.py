"""Solver selection: upstream's 22 cases by name (`pkg/util/solverpicker/solverpicker_test.go`), and the rules between them."""

import pytest

from issuer_bridge.cert_manager.solver_selection import Pick, Specificity, pick, specificity

HTTP = {"type": "http-01", "token": "http-01-token", "url": "http://h"}
DNS = {"type": "dns-01", "token": "dns-01-token", "url": "http://d"}
LABEL = {"label": "exists"}
LABELS = {"label": "exists", "another": "label"}


def http(name, selector=None):
    return {"http01": {"ingress": {"name": name}}} | ({} if selector is None else {"selector": selector})


def dns(name, selector=None):
    return {"dns01": {"cloudflare": {"email": name}}} | ({} if selector is None else {"selector": selector})


DEFAULT = http("default")
DEFAULT_DNS = dns("default")
EMPTY = http("empty selector", {})
STRANGER = http("stranger", {"matchLabels": {"label": "does-not-exist", "does-not": "match"}})
BY_NAME = http("name", {"dnsNames": ["example.com"]})
BY_NAME_AND_LABEL = http("name and label", {"matchLabels": LABEL, "dnsNames": ["example.com"]})
BY_LABEL = http("label", {"matchLabels": LABEL})
BY_LABELS = http("labels", {"matchLabels": LABELS})
BY_WILDCARD = dns("wildcard", {"dnsNames": ["*.example.com"]})
BY_COM = http("com", {"dnsZones": ["com"]})
BY_COM_DNS = dns("com", {"dnsZones": ["com"]})
BY_ZONE = dns("zone", {"dnsZones": ["example.com"]})
BY_ZONE_HTTP = http("zone", {"dnsZones": ["example.com"]})
BY_ZONE_AND_LABEL = http("zone and label", {"dnsZones": ["example.com"], "matchLabels": LABEL})
BY_LONG_ZONE = dns("long zone", {"dnsZones": ["prod.example.com"]})
BY_WWW = http("www", {"dnsNames": ["www.example.com"]})
BY_WWW_AND_ZONE = http("www and zone", {"dnsNames": ["www.example.com"], "dnsZones": ["example.com"]})

# name of upstream's case: (identifier, challenge, labels of the order, solvers, the one that is chosen)
UPSTREAM = {
    "should use configured default solver when no others are present": ("example.com", HTTP, {}, [DEFAULT], DEFAULT),
    "should use configured default solver when no others are present but selector is non-nil": (
        "example.com",
        HTTP,
        {},
        [EMPTY],
        EMPTY,
    ),
    "should use configured default solver when others do not match": (
        "example.com",
        HTTP,
        {},
        [DEFAULT, STRANGER],
        DEFAULT,
    ),
    "should use DNS01 solver over HTTP01 if challenge is of type DNS01": (
        "example.com",
        DNS,
        {},
        [DEFAULT, DEFAULT_DNS],
        DEFAULT_DNS,
    ),
    "should return nil if none match": ("example.com", HTTP, {}, [STRANGER], None),
    "uses correct solver when selector explicitly names dnsName": (
        "example.com",
        HTTP,
        {},
        [DEFAULT, BY_NAME],
        BY_NAME,
    ),
    "uses default solver if dnsName does not match": ("notexample.com", HTTP, {}, [DEFAULT, BY_NAME], DEFAULT),
    "if two solvers specify the same dnsName, the one with the most labels should be chosen": (
        "example.com",
        HTTP,
        LABEL,
        [BY_NAME, BY_NAME_AND_LABEL],
        BY_NAME_AND_LABEL,
    ),
    "if one solver matches with dnsNames, and the other solver matches with labels, the dnsName solver should be chosen": (
        "example.com",
        HTTP,
        LABEL,
        [BY_NAME, BY_LABEL],
        BY_NAME,
    ),
    "if one solver matches with dnsNames, and the other solver matches with labels, the dnsName solver should be chosen"
    " (solvers listed in reverse order)": ("example.com", HTTP, LABEL, [BY_LABEL, BY_NAME], BY_NAME),
    "if one solver matches with dnsNames, and the other solver matches with 2 labels, the dnsName solver should be chosen": (
        "example.com",
        HTTP,
        LABELS,
        [BY_NAME, BY_LABELS],
        BY_NAME,
    ),
    "should choose the solver with the most labels matching if multiple match": (
        "example.com",
        HTTP,
        LABELS,
        [BY_LABEL, BY_LABELS],
        BY_LABELS,
    ),
    "should match wildcard dnsName solver if authorization has Wildcard=true": (
        "*.example.com",
        DNS,
        {},
        [DEFAULT_DNS, BY_WILDCARD],
        BY_WILDCARD,
    ),
    "dnsName selectors should take precedence over dnsZone selectors": (
        "example.com",
        HTTP,
        {},
        [BY_NAME, BY_COM],
        BY_NAME,
    ),
    "dnsName selectors should take precedence over dnsZone selectors (reversed order)": (
        "example.com",
        HTTP,
        {},
        [BY_COM_DNS, BY_NAME],
        BY_NAME,
    ),
    "should allow matching with dnsZones": ("*.www.example.com", DNS, {}, [DEFAULT_DNS, BY_ZONE], BY_ZONE),
    "most specific dnsZone should be selected if multiple match": (
        "*.www.prod.example.com",
        DNS,
        {},
        [BY_ZONE, BY_LONG_ZONE],
        BY_LONG_ZONE,
    ),
    "most specific dnsZone should be selected if multiple match (reversed)": (
        "*.www.prod.example.com",
        DNS,
        {},
        [BY_LONG_ZONE, BY_ZONE],
        BY_LONG_ZONE,
    ),
    "if two solvers specify the same dnsZone, the one with the most labels should be chosen": (
        "www.example.com",
        HTTP,
        LABEL,
        [BY_ZONE_HTTP, BY_ZONE_AND_LABEL],
        BY_ZONE_AND_LABEL,
    ),
    "if both solvers match dnsNames, and one also matches dnsZones, choose the one that matches dnsZones": (
        "www.example.com",
        HTTP,
        {},
        [BY_WWW, BY_WWW_AND_ZONE],
        BY_WWW_AND_ZONE,
    ),
    "if both solvers match dnsNames, and one also matches dnsZones, choose the one that matches dnsZones (reversed)": (
        "www.example.com",
        HTTP,
        {},
        [BY_WWW_AND_ZONE, BY_WWW],
        BY_WWW_AND_ZONE,
    ),
    "uses correct solver when selector explicitly names dnsName (reversed)": (
        "example.com",
        HTTP,
        {},
        [BY_NAME, DEFAULT],
        BY_NAME,
    ),
}


def test_no_upstream_case_is_missing():
    assert len(UPSTREAM) == 22


@pytest.mark.parametrize(("name", "offer", "labels", "solvers", "expected"), UPSTREAM.values(), ids=UPSTREAM)
def test_upstream_case(name, offer, labels, solvers, expected):
    picked = pick(name, [offer], solvers, labels)
    assert picked == (None if expected is None else Pick(expected, offer))


@pytest.mark.parametrize(
    ("selector", "name", "expected"),
    [
        ({"dnsZones": ["example.com"]}, "example.com", Specificity(zone_labels=2)),
        ({"dnsZones": ["example.com", "com"]}, "a.example.com", Specificity(zone_labels=2)),
        ({"dnsZones": ["example.com"]}, "badexample.com", None),
        ({"dnsZones": ["example.com"]}, "example.com.evil.test", None),
        ({"dnsNames": ["*.example.com"]}, "a.example.com", None),
        ({"dnsNames": ["example.com"]}, "*.example.com", None),
        ({"dnsNames": ["example.com"], "dnsZones": ["test"]}, "example.com", None),
        ({"matchLabels": {"a": "1"}}, "example.com", None),
        ({}, "example.com", Specificity()),
    ],
)
def test_every_part_of_a_selector_must_fit(selector, name, expected):
    assert expected == specificity(selector, name, {})


def test_equal_solvers_are_taken_in_the_issuers_order():
    first, second = http("first"), http("second")
    assert pick("example.com", [HTTP], [first, second], {}) == Pick(first, HTTP)
    assert pick("example.com", [HTTP], [DEFAULT, EMPTY], {}) == Pick(DEFAULT, HTTP)


def test_the_first_offer_that_the_solver_can_answer_is_taken():
    alpn = {"type": "tls-alpn-01", "token": "t", "url": "http://t"}
    assert pick("example.com", [alpn, DNS, HTTP], [DEFAULT], {}) == Pick(DEFAULT, HTTP)
    assert pick("example.com", [alpn], [DEFAULT, DEFAULT_DNS], {}) is None


def test_an_empty_http01_is_a_solver():
    """`http01: {}` is how our manifests name the built-in responder."""
    solver = {"http01": {}}
    assert pick("example.com", [HTTP], [solver], {}) == Pick(solver, HTTP)
