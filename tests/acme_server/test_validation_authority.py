"""Validations against a scripted network: what it says, and the verdict."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import attrs
import pytest

from acme_server.lookups import MAX_ALIASES
from acme_server.personality import PEBBLE
from acme_server.protocol.identifier import Identifier
from acme_server.protocol.key_authorization import KeyAuthorization
from acme_server.protocol.vantage import REFUSED, RESET, TIMEOUT, DnsAnswer, DnsRecord, Fetch, HttpAnswer, Resolve
from acme_server.settings import Settings
from acme_server.validation_authority import Attempt, validate

START = datetime(2026, 11, 22, 12, tzinfo=UTC)
KEY = KeyAuthorization("LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0", "9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI")
SETTINGS = Settings(http01_port=5002, dns="127.0.0.1:8053", validation_timeout=timedelta(seconds=7))
NAME = "www.gravel.example"
URL = f"http://{NAME}/.well-known/acme-challenge/{KEY.token}"
TXT_NAME = f"_acme-challenge.{NAME}"
NXDOMAIN, SERVFAIL, REFUSAL, EMPTY = DnsAnswer("NXDOMAIN"), DnsAnswer("SERVFAIL"), DnsAnswer("REFUSED"), DnsAnswer()
GOOD = HttpAnswer(200, body=KEY.http_body.encode())


@attrs.define
class Script:
    """A network that says what it was told to, and remembers what it was asked.

    dns: (type, name) or type -> answer; http: (address, url), url or address ->
    answer, or a function of the question. What is not in it does not exist.
    """

    dns: Mapping = attrs.field(factory=dict)
    http: Mapping = attrs.field(factory=dict)
    asked: list = attrs.field(factory=list)

    def __call__(self, question):
        self.asked.append(question)
        if isinstance(question, Resolve):
            keys = [(question.rtype, question.name), question.rtype]
            return next((self.dns[key] for key in keys if key in self.dns), NXDOMAIN)
        keys = [(question.address, question.url), question.url, question.address]
        answer = next((self.http[key] for key in keys if key in self.http), HttpAnswer(error=REFUSED))
        return answer(question) if callable(answer) else answer

    @property
    def fetched(self):
        return [(item.address, item.url) for item in self.asked if isinstance(item, Fetch)]


def records(rtype, *values, name=NAME):
    return DnsAnswer(records=tuple(DnsRecord(f"{name}.", rtype, value) for value in values))


def a_record(value="192.0.2.1", name=NAME):
    return {("A", name): records("A", value, name=name)}


def run(script, kind="http-01", name=NAME, settings=SETTINGS):
    inquiry = validate(Attempt(kind, Identifier("dns", name), KEY, settings, lambda: START))
    try:
        question = next(inquiry)
        while True:
            question = inquiry.send(script(question))
    except StopIteration as stop:
        return stop.value


def http(answer, **more):
    return Script(a_record(), {"192.0.2.1:5002": answer, **more})


def redirect(location, status=302):
    return HttpAnswer(status, () if location is None else (("Location", location),))


def test_http01_asks_for_the_token_where_the_rfc_says():
    script = http(GOOD)
    assert run(script).valid
    question = script.asked[-1]
    assert question == Fetch(
        URL,
        headers=(("User-Agent", "gravel"), ("Accept", "*/*")),
        address="192.0.2.1:5002",
        verify=False,
        timeout=timedelta(seconds=7),
        limit=65536,
    )


def test_http01_names_the_port_where_the_personality_does():
    url = URL.replace(NAME, f"{NAME}:5002")
    script = Script(a_record(), {url: GOOD})
    assert run(script, settings=attrs.evolve(SETTINGS, personality=PEBBLE)).valid
    assert [("192.0.2.1:5002", url)] == script.fetched


@pytest.mark.parametrize("kind", ["http-01", "dns-01"])
def test_every_dns_question_goes_to_the_configured_resolver_in_time(kind):
    script = http(GOOD)
    run(script, kind)
    questions = [item for item in script.asked if isinstance(item, Resolve)]
    assert questions
    assert all((item.server, item.timeout) == ("127.0.0.1:8053", timedelta(seconds=7)) for item in questions)


ACCEPTED = {
    "exact": KEY.http_body.encode(),
    "line break after it": KEY.http_body.encode() + b"\r\n",
    "white space after it": KEY.http_body.encode() + b" \t\n\n",
}


@pytest.mark.parametrize("body", ACCEPTED.values(), ids=ACCEPTED)
def test_http01_accepts_the_key_authorization_with_white_space_after_it(body):
    verdict = run(http(HttpAnswer(200, body=body)))
    assert (verdict.valid, verdict.problem) == (True, None)


REFUSED_HTTP = {
    "not found": (HttpAnswer(404), "unauthorized", f"192.0.2.1: Invalid response from {URL}: 404"),
    "no content": (HttpAnswer(204, body=GOOD.body), "unauthorized", ": 204"),
    "server error": (HttpAnswer(500, body=GOOD.body), "unauthorized", ": 500"),
    "not modified": (HttpAnswer(304), "unauthorized", ": 304"),
    "nothing": (HttpAnswer(200), "unauthorized", '(got "")'),
    "something else": (
        HttpAnswer(200, body=b"<html>"),
        "unauthorized",
        'Expected "LoqXcYV8q5ONbJQxbmR7..." (got "<html>")',
    ),
    "a byte order mark": (
        HttpAnswer(200, body=b"\xef\xbb\xbf" + GOOD.body),
        "unauthorized",
        "something before or after",
    ),
    "white space before": (HttpAnswer(200, body=b" " + GOOD.body), "unauthorized", "something before or after"),
    "a suffix": (HttpAnswer(200, body=GOOD.body + b"x"), "unauthorized", "something before or after"),
    "another case": (HttpAnswer(200, body=GOOD.body.lower()), "unauthorized", "did not match this challenge"),
    "another account": (
        HttpAnswer(200, body=f"{KEY.token}.other".encode()),
        "unauthorized",
        "thumbprint is not this account",
    ),
    "a refused connection": (HttpAnswer(error=REFUSED), "connection", f"192.0.2.1: Fetching {URL}: connection refused"),
    "a reset": (HttpAnswer(error=RESET), "connection", "connection reset"),
    "silence": (HttpAnswer(error=TIMEOUT), "connection", "timeout"),
    "nonsense": (HttpAnswer(error="malformed response"), "connection", "malformed response"),
}


@pytest.mark.parametrize("fault", REFUSED_HTTP)
def test_http01_fails_with_what_was_seen(fault):
    answer, kind, words = REFUSED_HTTP[fault]
    verdict = run(http(answer))
    assert (verdict.valid, verdict.problem.kind) == (False, kind)
    assert words in verdict.problem.detail


@pytest.mark.parametrize(
    "body", [b"\x1b[31m\r\n\x00" * 9, b"\xff" * 65536, b"secret " * 9000, "\u202eü".encode() * 99], ids=ascii
)
def test_a_strangers_body_is_quoted_escaped_and_short(body):
    detail = run(http(HttpAnswer(200, body=body))).problem.detail
    assert detail.isascii()
    assert detail.isprintable()
    assert len(detail) < 400
    assert "secret " * 7 not in detail


DNS_FAILURES = {
    "no such name": (NXDOMAIN, "NXDOMAIN looking up {} for {} - check that a DNS record exists for this name"),
    "broken servers": (SERVFAIL, "SERVFAIL looking up {} for {} - the domain's nameservers may be malfunctioning"),
    "refusal": (REFUSAL, "REFUSED looking up {} for {} - the resolver does not answer for this name"),
    "an rcode without a name": (DnsAnswer("23"), "23 looking up {} for {}"),
    "silence": (DnsAnswer(error=TIMEOUT), "query timed out looking up {} for {}"),
    "no resolver": (DnsAnswer(error=REFUSED), "connection refused at 127.0.0.1:8053 looking up {} for {}"),
}


@pytest.mark.parametrize("fault", DNS_FAILURES)
def test_http01_tells_dns_failures_apart(fault):
    answer, words = DNS_FAILURES[fault]
    verdict = run(Script({"A": answer, "AAAA": answer}))
    assert verdict.problem.kind == "dns"
    assert "; ".join(f"DNS problem: {words.format(rtype, NAME)}" for rtype in ("AAAA", "A")) == verdict.problem.detail


def test_a_name_without_an_address_is_a_dns_problem():
    verdict = run(Script({"A": EMPTY, "AAAA": EMPTY}))
    assert (verdict.problem.kind, verdict.problem.detail) == (
        "dns",
        f"DNS problem: No valid A or AAAA records found for {NAME}",
    )


V6, V4 = "[2001:db8::1]:5002", "192.0.2.1:5002"
BOTH = {"AAAA": records("AAAA", "2001:db8::1", "2001:db8::2"), "A": records("A", "192.0.2.1", "192.0.2.2")}


@pytest.mark.parametrize(
    ("answers", "visited", "kind"),
    [
        ({V6: GOOD, V4: GOOD}, [V6], None),
        ({V6: HttpAnswer(error=REFUSED), V4: GOOD}, [V6, V4], None),
        ({V6: HttpAnswer(error=TIMEOUT), V4: GOOD}, [V6, V4], None),
        ({V6: HttpAnswer(404), V4: GOOD}, [V6], "unauthorized"),
        ({V6: HttpAnswer(error=TIMEOUT), V4: HttpAnswer(error=REFUSED)}, [V6, V4], "connection"),
    ],
)
def test_ipv6_comes_first_and_ipv4_only_when_nobody_speaks_there(answers, visited, kind):
    script = Script(BOTH, answers)
    verdict = run(script)
    assert visited == [address for address, _ in script.fetched]
    assert kind == (verdict.problem and verdict.problem.kind)


def test_when_both_families_fail_both_are_named():
    script = Script(BOTH, {V6: HttpAnswer(error=TIMEOUT), V4: HttpAnswer(error=REFUSED)})
    expected = f"2001:db8::1: Fetching {URL}: timeout; 192.0.2.1: Fetching {URL}: connection refused"
    assert expected == run(script).problem.detail


@pytest.mark.parametrize("failure", [NXDOMAIN, SERVFAIL, EMPTY, DnsAnswer(error=TIMEOUT)])
@pytest.mark.parametrize(("failing", "address"), [("AAAA", V4), ("A", V6)])
def test_one_family_is_enough(failure, failing, address):
    script = Script({**BOTH, failing: failure}, {address: GOOD})
    assert run(script).valid


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("http://other.example/x", ("198.51.100.1:5002", "http://other.example/x")),
        ("http://other.example:8080/x?y=1#z", ("198.51.100.1:8080", "http://other.example:8080/x?y=1")),
        ("https://other.example/x", ("198.51.100.1:443", "https://other.example/x")),
        ("https://other.example:8443/x", ("198.51.100.1:8443", "https://other.example:8443/x")),
        ("//other.example/x", ("198.51.100.1:5002", "http://other.example/x")),
        ("/elsewhere", (V4, f"http://{NAME}/elsewhere")),
        ("sibling", (V4, f"http://{NAME}/.well-known/acme-challenge/sibling")),
        ("http://203.0.113.7/x", ("203.0.113.7:5002", "http://203.0.113.7/x")),
        ("http://[2001:db8::7]:81/x", ("[2001:db8::7]:81", "http://[2001:db8::7]:81/x")),
        ("http://OTHER.example./x", ("198.51.100.1:5002", "http://OTHER.example./x")),
    ],
)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_http01_follows_redirects(location, status, expected):
    script = Script(
        {**a_record(), **a_record("198.51.100.1", "other.example")}, {URL: redirect(location, status), expected: GOOD}
    )
    assert run(script).valid
    assert script.fetched == [(V4, URL), expected]


REFUSED_REDIRECTS = {
    "no Location": (None, "Redirect without a Location header"),
    "an empty Location": ("", "Redirect without a Location header"),
    "itself": (URL, "Redirect loop detected"),
    "a file": ("file:///etc/passwd", "is neither http nor https"),
    "gopher": ("gopher://other.example/", "is neither http nor https"),
    "3 kB": ("/" + "a" * 3000, "longer than 2000 characters"),
    "a user": ("http://me:secret@other.example/", "carries user information"),
    "no host": ("http://:80/x", "has no usable host and port"),
    "a host that is none": ("http://a..b/", "has no usable host and port"),
    "a zone id": ("http://[fe80::1%25eth0]/", "has no usable host and port"),
    "half an address": ("http://[::1/", "is not a URL"),
    "port 0": ("http://other.example:0/", "has no usable host and port"),
    "port 65536": ("http://other.example:65536/", "is not a URL"),
    "a line break": ("http://other.example/\r\nX:y", "is not made of visible ASCII characters"),
    "an escape": ("http://other.example/\x1b[31m", "is not made of visible ASCII characters"),
    "no ASCII": ("http://ü.example/", "is not made of visible ASCII characters"),
}


@pytest.mark.parametrize("fault", REFUSED_REDIRECTS)
def test_http01_does_not_go_everywhere(fault):
    location, words = REFUSED_REDIRECTS[fault]
    script = http(redirect(location))
    problem = run(script).problem
    assert problem.kind == "connection"
    assert words in problem.detail
    assert problem.detail.isascii()
    assert problem.detail.isprintable()
    assert script.fetched == [(V4, URL)]


def onward(question):
    """Redirect for ever, to a new URL each time."""
    return redirect(question.url + "x")


def counted(hops):
    """Redirect so many times, then answer."""
    return lambda question: GOOD if question.url == URL + "x" * hops else onward(question)


def test_http01_follows_ten_redirects_and_no_more():
    assert run(http(counted(10))).valid
    script = http(counted(11))
    problem = run(script).problem
    assert (problem.kind, len(script.fetched)) == ("connection", 11)
    assert "Too many redirects" in problem.detail


def test_a_redirect_target_is_resolved_anew():
    script = http(redirect("http://nowhere.example/"))
    assert run(script).problem.kind == "dns"


def test_only_a_failed_handshake_is_a_tls_problem():
    dns = {**a_record(), **a_record("198.51.100.1", "other.example")}
    target = {"198.51.100.1:443": HttpAnswer(error="TLS: wrong version number")}
    verdict = run(Script(dns, {URL: redirect("https://other.example/"), **target}))
    assert (verdict.problem.kind, "wrong version number" in verdict.problem.detail) == ("tls", True)


@pytest.mark.parametrize("name", [NAME, f"*.{NAME}"])
def test_dns01_looks_under_the_base_name(name):
    script = Script({("TXT", TXT_NAME): records("TXT", KEY.dns_value, name=TXT_NAME)})
    assert run(script, "dns-01", name).valid
    assert [(item.name, item.rtype) for item in script.asked] == [(TXT_NAME, "TXT")]


def txt(*values):
    return Script({"TXT": records("TXT", *values, name=TXT_NAME)})


def test_another_record_is_told_in_pebbles_words():
    verdict = run(txt("other"), "dns-01", settings=attrs.evolve(SETTINGS, personality=PEBBLE))
    assert verdict.problem.detail == "Correct value not found for DNS challenge"


def test_dns01_takes_any_of_several_records():
    assert run(txt("other", KEY.dns_value, "another"), "dns-01").valid


REFUSED_TXT = {
    "none": (txt(), f"No TXT record found at {TXT_NAME}"),
    "one": (txt("other"), f'Incorrect TXT record "other" found at {TXT_NAME}'),
    "three": (txt("a", "b", "c"), f'Incorrect TXT record "a" (and 2 more) found at {TXT_NAME}'),
    "the whole key authorization": (txt(KEY.http_body), "Incorrect TXT record"),
    "another case": (txt(KEY.dns_value.swapcase()), "Incorrect TXT record"),
    "a space": (txt(KEY.dns_value + " "), "Incorrect TXT record"),
    "64 kB": (txt("x" * 65000), f'Incorrect TXT record "{"x" * 100}..." found'),
    "an escape sequence": (txt('\x1b[31m"\r\n'), r'Incorrect TXT record "\x1b[31m"\r\n" found'),
    "of another name": (
        Script({"TXT": records("TXT", KEY.dns_value, name="_acme-challenge.evil.example")}),
        "No TXT record found",
    ),
}


@pytest.mark.parametrize("fault", REFUSED_TXT)
def test_dns01_fails_with_what_was_found(fault):
    script, words = REFUSED_TXT[fault]
    verdict = run(script, "dns-01")
    assert (verdict.valid, verdict.problem.kind) == (False, "unauthorized")
    assert words in verdict.problem.detail


@pytest.mark.parametrize("fault", DNS_FAILURES)
def test_dns01_tells_dns_failures_apart(fault):
    answer, words = DNS_FAILURES[fault]
    problem = run(Script({"TXT": answer}), "dns-01").problem
    assert (problem.kind, problem.detail) == ("dns", f"DNS problem: {words.format('TXT', TXT_NAME)}")


def alias(name, target, *more):
    return DnsAnswer(records=(DnsRecord(f"{name}.", "CNAME", f"{target}."), *more))


def test_an_alias_that_the_resolver_followed_is_followed():
    value = DnsRecord("Target.Example.", "TXT", KEY.dns_value)
    script = Script({"TXT": alias(TXT_NAME, "target.example", value)})
    assert (run(script, "dns-01").valid, len(script.asked)) == (True, 1)


def test_an_alias_that_the_resolver_left_to_us_is_asked_for():
    found = records("TXT", KEY.dns_value, name="target.example")
    script = Script({"TXT": alias(TXT_NAME, "target.example"), ("TXT", "target.example"): found})
    assert run(script, "dns-01").valid
    assert [item.name for item in script.asked] == [TXT_NAME, "target.example"]


@pytest.mark.parametrize("loop", [TXT_NAME, "a.example"])
def test_aliases_without_end_are_a_dns_problem(loop):
    script = Script({"TXT": alias(TXT_NAME, loop), ("TXT", "a.example"): alias("a.example", TXT_NAME)})
    problem = run(script, "dns-01").problem
    assert (problem.kind, len(script.asked)) == ("dns", MAX_ALIASES)
    assert f"more than {MAX_ALIASES} CNAMEs in a row" in problem.detail


def test_the_record_holds_each_question_and_what_came_back():
    dns = {**a_record(), ("AAAA", NAME): records("AAAA", "2001:db8::1")}
    script = Script(dns, {V6: HttpAnswer(error=TIMEOUT), V4: HttpAnswer(404, body=b"no")})
    server = "127.0.0.1:8053"
    asked = {"at": "2026-11-22T12:00:00.000000Z", "milliseconds": 0}
    assert list(run(script).record) == [
        {"question": f"AAAA {NAME}", "server": server, **asked, "rcode": "NOERROR", "values": ["2001:db8::1"]},
        {"question": f"A {NAME}", "server": server, **asked, "rcode": "NOERROR", "values": ["192.0.2.1"]},
        {"question": f"GET {URL}", "address": V6, **asked, "error": "timeout"},
        {"question": f"GET {URL}", "address": V4, **asked, "status": 404, "octets": 2},
    ]


def test_the_record_says_where_a_redirect_led():
    script = Script(a_record(), {URL: redirect("/else\x1bwhere"), (V4, f"http://{NAME}/b"): GOOD})
    assert run(script).record[-1]["location"] == r"/else\x1bwhere"


def test_the_record_of_a_success_is_kept_too():
    assert [entry.get("status") for entry in run(http(GOOD)).record] == [None, None, 200]


def test_the_record_of_a_flood_is_short_and_json():
    record = run(txt(*("\ud800\x00" * 5000 for _ in range(1000))), "dns-01").record
    assert len(json.dumps(record)) < 20_000
