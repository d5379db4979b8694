"""Identifiers of a newOrder (RFC 8555 section 7.1.3)."""

import pytest

from acme_server.protocol.identifier import Identifier, parse_identifier
from acme_server.protocol.problem import Problem


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("example.test", "example.test"),
        ("Example.TEST", "example.test"),
        ("*.example.test", "*.example.test"),
        ("xn--mnchen-3ya.test", "xn--mnchen-3ya.test"),
        ("a-b.c1.test", "a-b.c1.test"),
        (f"{'a' * 63}.test", f"{'a' * 63}.test"),
        ("1.example.test", "1.example.test"),
    ],
)
def test_a_dns_name_is_taken_in_lower_case(value, expected):
    assert parse_identifier({"type": "dns", "value": value}) == Identifier("dns", expected)


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ("", "is empty"),
        ("*.", "is empty"),
        ("localhost", "has only one label"),
        ("example.test.", "ends with a dot"),
        ("a..test", "is not a DNS name"),
        ("-a.test", "is not a DNS name"),
        ("a_b.test", "is not a DNS name"),
        ("a\x00.test", "is not a DNS name"),
        ("münchen.test", "is not in A-label form (encode it as xn--...)"),
        ("xn--a-ä.test", "is not in A-label form (encode it as xn--...)"),
        ("xn--zzzzzz99999.test", "has a label that is not valid IDNA"),
        ("xn--a.test", "has a label that is not valid IDNA"),  # U+0080, a control character
        ("xn--abc-.test", "is not a DNS name"),
        ("ab--cd.test", "has a label that is not valid IDNA"),
        ("*.*.test", "may have a wildcard only as its whole first label"),
        ("a*.test", "may have a wildcard only as its whole first label"),
        ("*", "may have a wildcard only as its whole first label"),
        ("*.com", "has only one label"),
        ("127.0.0.1", "looks like an IP address"),
        ("127.1", "looks like an IP address"),
        ("0x7f.1", "looks like an IP address"),
        ("0x7f.0x1", "looks like an IP address"),
        (f"{'a' * 64}.test", "has a label longer than 63 octets"),
        (".".join(["a" * 49] * 6), "is longer than 253 octets"),
    ],
)
def test_a_name_that_cannot_be_in_a_certificate_is_refused_with_the_reason(value, complaint):
    with pytest.raises(Problem) as caught:
        parse_identifier({"type": "dns", "value": value})
    assert ("malformed", f"{value[:253]!r} {complaint}") == (caught.value.kind, caught.value.detail)
    assert caught.value.extra == {"identifier": {"type": "dns", "value": value[:253]}}


@pytest.mark.parametrize("kind", ["IP", "email", "DNS", ""])
def test_other_types_are_unsupported_identifiers(kind):
    with pytest.raises(Problem) as caught:
        parse_identifier({"type": kind, "value": "x"})
    assert caught.value.kind == "unsupportedIdentifier"


@pytest.mark.parametrize(
    "item", [None, "x", 7, [], {}, {"type": "dns"}, {"type": 1, "value": "a.test"}, {"type": "dns", "value": None}]
)
def test_what_is_not_an_identifier_is_malformed(item):
    with pytest.raises(Problem) as caught:
        parse_identifier(item)
    assert caught.value.kind == "malformed"


def test_a_name_of_twenty_thousand_characters_is_refused_at_once():
    with pytest.raises(Problem) as caught:
        parse_identifier({"type": "dns", "value": "a." * 10_000 + "test"})
    assert len(caught.value.detail) < 300


def test_an_authorization_shows_a_wildcard_without_its_star():
    assert Identifier("dns", "*.example.test").base == Identifier("dns", "example.test")
