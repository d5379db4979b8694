"""The http-01 solver: its contract, and each answer that a self-check can get."""

import re
from datetime import UTC, datetime, timedelta

import attrs
import pytest

from acme_server.protocol.vantage import DnsAnswer, DnsRecord, Fetch, HttpAnswer, Pause, Resolve
from scheduler.simulator.loop import VirtualDriver
from solvers.dns.zone import Zone
from solvers.http01.responder import Responder
from solvers.http01.solver import MAX_REDIRECTS, USER_AGENT, Http01Solver
from solvers.solver import HTTP01, NotReady, Presentation, Ready
from solvers.timing import TIMINGS
from tests.solvers.solver_contract import Http01Contract, Place
from tests.solvers.vantages import DataVantage, perform

FAST = TIMINGS["fast"]
DNS = "192.0.2.53:53"
START = datetime(2026, 1, 1, tzinfo=UTC)
PRESENTATION = Presentation(HTTP01, "example.test", "token", "token.thumbprint")
URL = "http://example.test/.well-known/acme-challenge/token"
GOOD = HttpAnswer(200, body=b"token.thumbprint")
REFUSED = HttpAnswer(error="connection refused")


def addresses(*values):
    return DnsAnswer(records=tuple(DnsRecord("example.test.", "AAAA" if ":" in v else "A", v) for v in values))


IPV4 = addresses("192.0.2.1")


def clock():
    return START


class TestContract(Http01Contract):
    @pytest.fixture
    def place(self):
        zone, responder = Zone(), Responder()
        return Place(Http01Solver(responder, 5002, FAST, clock, (DNS,)), DataVantage(zone, responder))

    async def test_a_name_without_an_address_cannot_be_seen(self, place):
        await place.present(self.one)
        place.vantage.zone.set_addresses("www.example.test", [])
        url = "http://www.example.test/.well-known/acme-challenge/token-one"
        assert await place.check(self.one) == failed("dial tcp: lookup www.example.test: no such host", url)


def check(*answers, timing=FAST, presentation=PRESENTATION, dns=(DNS,)):
    return perform(Http01Solver(Responder(), 5002, timing, clock, dns).check(presentation), answers)


def failed(error, url=URL, last=None):
    """The reason of a request without an answer; `last` is the URL at which it ended."""
    return NotReady(f"failed to perform self check GET request '{url}': Get \"{last or url}\": {error}")


def redirect(location, status=302):
    return HttpAnswer(status, (("location", location),), b"moved")


def fetched(asked):
    return [(question.url, question.address) for question in asked if isinstance(question, Fetch)]


def test_a_pass_is_a_lookup_and_a_get_at_the_port_that_is_dialled():
    readiness, asked = check(IPV4, GOOD)
    assert Ready() == readiness
    assert asked == [
        Resolve("example.test", "A", DNS, timedelta(seconds=3)),
        Fetch(
            URL,
            headers=(("User-Agent", USER_AGENT),),
            address="192.0.2.1:5002",
            verify=False,
            timeout=timedelta(seconds=10),
            limit=1 << 20,
        ),
    ]


def test_it_says_who_it_is_in_upstream_s_form():
    assert re.fullmatch(r"cert-manager-challenges/v[\d.]+ \(\w+/\w+\) gravel", USER_AGENT)


def test_without_a_resolver_the_system_s_is_asked():
    _, asked = check(IPV4, GOOD, dns=())
    assert asked[0] == Resolve("example.test", "A", None, timedelta(seconds=3))


def test_the_next_resolver_is_asked_when_one_does_not_answer():
    """pkg/issuer/acme/http/http.go, testReachability: the resolver goes on through the list."""
    readiness, asked = check(DnsAnswer(error="timeout"), IPV4, GOOD, dns=(DNS, "192.0.2.54:53"))
    assert Ready() == readiness
    assert [question.server for question in asked[:2]] == [DNS, "192.0.2.54:53"]


def test_when_no_resolver_answers_the_last_is_named():
    readiness, _ = check(
        *[DnsAnswer(error="timeout")] * 2, *[DnsAnswer(error="connection refused")] * 2, dns=(DNS, "a:5")
    )
    assert readiness == failed(
        "dial tcp: lookup example.test on a:5: connect: connection refused; dial tcp: lookup example.test on a:5: i/o timeout"
    )


def test_cert_manager_wants_five_passes_two_seconds_apart():
    readiness, asked = check(*[IPV4, GOOD] * 5, timing=TIMINGS["cert-manager"])
    assert Ready() == readiness
    kinds = [type(question) for question in asked]
    assert kinds == [Resolve, Fetch, *[Pause, Resolve, Fetch] * 4]
    pauses = [question.duration for question in asked if isinstance(question, Pause)]
    assert pauses == [timedelta(seconds=2)] * 4


@pytest.mark.parametrize("passes", range(5))
def test_the_first_failure_ends_the_check(passes):
    readiness, asked = check(*[IPV4, GOOD] * passes, IPV4, HttpAnswer(503), timing=TIMINGS["cert-manager"])
    assert readiness == NotReady("wrong status code '503', expected '200'")
    assert len(fetched(asked)) == passes + 1


@pytest.mark.parametrize("status", [201, 204, 206, 301, 304, 400, 404, 500])
def test_any_status_but_200_is_wrong(status):
    readiness, _ = check(IPV4, HttpAnswer(status, body=GOOD.body))
    assert readiness == NotReady(f"wrong status code '{status}', expected '200'")


@pytest.mark.parametrize(
    "body",
    [b"", b"token", b"token.thumbprint\n", b" token.thumbprint", b"Token.thumbprint", b"\xef\xbb\xbftoken.thumbprint"],
)
def test_the_body_is_compared_octet_by_octet_and_never_repeated(body):
    readiness, _ = check(IPV4, HttpAnswer(200, body=body))
    expected = 'did not get expected response "token.thumbprint" when querying endpoint'
    assert readiness == NotReady(expected)


@pytest.mark.parametrize(
    ("expected", "answers"),
    [
        ("dial tcp 192.0.2.1:5002: connect: connection refused", [IPV4, REFUSED, DnsAnswer()]),
        ("192.0.2.1:5002: connection reset", [IPV4, HttpAnswer(error="connection reset"), DnsAnswer()]),
        ("192.0.2.1:5002: malformed response", [IPV4, HttpAnswer(error="malformed response"), DnsAnswer()]),
        ("dial tcp: lookup example.test: no such host", [DnsAnswer(), DnsAnswer()]),
        (f"dial tcp: lookup example.test on {DNS}: no such host", [DnsAnswer("NXDOMAIN"), DnsAnswer("NXDOMAIN")]),
        (
            f"dial tcp: lookup example.test on {DNS}: i/o timeout",
            [DnsAnswer(error="timeout"), DnsAnswer(error="timeout")],
        ),
        (
            f"dial tcp: lookup example.test on {DNS}: server misbehaving (SERVFAIL)",
            [DnsAnswer("SERVFAIL"), DnsAnswer()],
        ),
        (
            "dial tcp 192.0.2.1:5002: connect: connection refused; dial tcp [2001:db8::1]:5002: i/o timeout",
            [IPV4, REFUSED, addresses("2001:db8::1"), HttpAnswer(error="timeout")],
        ),
        (
            "dial tcp 192.0.2.1:5002: connect: connection refused; dial tcp 192.0.2.2:5002: i/o timeout",
            [addresses("192.0.2.2", "192.0.2.1"), HttpAnswer(error="timeout"), REFUSED, DnsAnswer()],
        ),
    ],
)
def test_a_request_without_an_answer_says_why(expected, answers):
    readiness, _ = check(*answers)
    assert readiness == failed(expected)


def test_the_next_address_is_tried_when_one_does_not_answer():
    readiness, asked = check(addresses("192.0.2.1", "192.0.2.2"), REFUSED, GOOD)
    assert Ready() == readiness
    assert [question.address for question in asked[1:]] == ["192.0.2.1:5002", "192.0.2.2:5002"]
    # The clock stands still here: what the first did not use is the second's.
    assert [question.timeout for question in asked[1:]] == [timedelta(seconds=5), timedelta(seconds=10)]


def test_ipv6_is_tried_after_ipv4():
    readiness, asked = check(IPV4, REFUSED, addresses("2001:db8::1"), GOOD)
    assert Ready() == readiness
    assert asked[2:] == [Resolve("example.test", "AAAA", DNS, timedelta(seconds=3)), asked[3]]
    assert asked[3].address == "[2001:db8::1]:5002"


def test_a_failing_lookup_of_one_family_does_not_hide_the_other():
    readiness, _ = check(DnsAnswer("SERVFAIL"), addresses("2001:db8::1"), GOOD)
    assert Ready() == readiness


@pytest.mark.parametrize(
    ("name", "url", "dialled"),
    [
        ("192.0.2.7", "http://192.0.2.7/.well-known/acme-challenge/token", "192.0.2.7:5002"),
        ("2001:db8::7", "http://[2001:db8::7]/.well-known/acme-challenge/token", "[2001:db8::7]:5002"),
    ],
)
def test_an_address_is_not_looked_up(name, url, dialled):
    readiness, asked = check(GOOD, presentation=Presentation(HTTP01, name, "token", "token.thumbprint"))
    assert Ready() == readiness
    assert fetched(asked) == [(url, dialled)]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed(status):
    readiness, asked = check(IPV4, redirect("/elsewhere", status), IPV4, GOOD)
    assert Ready() == readiness
    assert fetched(asked)[1] == ("http://example.test/elsewhere", "192.0.2.1:5002")


@pytest.mark.parametrize(
    ("location", "url", "dialled"),
    [
        ("https://example.test/x", "https://example.test/x", "192.0.2.1:443"),
        ("https://example.test:8443/x#top", "https://example.test:8443/x", "192.0.2.1:8443"),
        ("http://example.test:8080/x?y=z", "http://example.test:8080/x?y=z", "192.0.2.1:8080"),
        ("http://example.test:80/x", "http://example.test:80/x", "192.0.2.1:5002"),
        ("//EXAMPLE.test/x", "http://EXAMPLE.test/x", "192.0.2.1:5002"),
        ("x", "http://example.test/.well-known/acme-challenge/x", "192.0.2.1:5002"),
    ],
)
def test_a_redirect_goes_to_any_scheme_s_host_and_port(location, url, dialled):
    readiness, asked = check(IPV4, redirect(location), IPV4, GOOD)
    assert Ready() == readiness
    assert fetched(asked)[1] == (url, dialled)
    assert asked[-1].verify is False


def test_each_host_on_the_way_is_looked_up_anew():
    _, asked = check(IPV4, redirect("http://other.test/"), addresses("192.0.2.9"), GOOD)
    assert asked[2] == Resolve("other.test", "A", DNS, timedelta(seconds=3))
    assert fetched(asked)[1] == ("http://other.test/", "192.0.2.9:5002")


def test_a_redirect_to_an_address_is_not_looked_up():
    _, asked = check(IPV4, redirect("http://[2001:db8::9]:81/"), GOOD)
    assert fetched(asked)[1] == ("http://[2001:db8::9]:81/", "[2001:db8::9]:81")


def test_ten_redirects_are_followed():
    readiness, asked = check(*[IPV4, redirect("/again")] * MAX_REDIRECTS, IPV4, GOOD)
    assert Ready() == readiness
    assert len(fetched(asked)) == MAX_REDIRECTS + 1


def test_more_redirects_are_not():
    readiness, _ = check(*[IPV4, redirect("/again")] * (MAX_REDIRECTS + 1))
    assert readiness == failed("stopped after 10 redirects", last="http://example.test/again")


@pytest.mark.parametrize(
    "location", ["ftp://example.test/", "file:///etc/passwd", "gopher://example.test/", "https://"]
)
def test_a_redirect_elsewhere_than_to_a_web_server_is_an_error(location):
    readiness, _ = check(IPV4, redirect(location))
    scheme = location.partition(":")[0]
    assert readiness == failed(f"redirected to an unsupported URL of scheme '{scheme}'")


@pytest.mark.parametrize("location", ["http://[::1/", "http://example.test:port/", "http://example.test:99999/"])
def test_a_redirect_to_nonsense_is_an_error(location):
    readiness, _ = check(IPV4, redirect(location))
    assert readiness == failed("redirected to what is not a URL")


def test_a_redirect_that_leads_nowhere_says_where():
    readiness, _ = check(IPV4, redirect("http://other.test/"), DnsAnswer("NXDOMAIN"), DnsAnswer("NXDOMAIN"))
    expected = f"dial tcp: lookup other.test on {DNS}: no such host"
    assert readiness == failed(expected, last="http://other.test/")


def test_the_key_is_shown_at_the_name_that_was_asked_for():
    responder = Responder()
    solver = Http01Solver(responder, 5002, FAST, clock)
    perform(solver.present(PRESENTATION), [])
    assert responder.handle("GET", "example.test", "/.well-known/acme-challenge/token") == (200, b"token.thumbprint")
    perform(solver.clean_up(PRESENTATION), [])
    assert responder.handle("GET", "example.test", "/.well-known/acme-challenge/token") == (404, b"")


@attrs.frozen
class Slow:
    """A host in virtual time that takes its time for each answer; run() tells how the check ended, and after how long."""

    http: timedelta
    answer: HttpAnswer = GOOD
    dns: timedelta = timedelta(0)

    def run(self):
        def network(question):
            if isinstance(question, Resolve):
                late = self.dns > question.timeout
                return min(self.dns, question.timeout), DnsAnswer(error="timeout") if late else IPV4
            late = self.http > question.timeout
            return min(self.http, question.timeout), HttpAnswer(error="timeout") if late else self.answer

        driver, found = VirtualDriver(START, network), []
        driver.spawn(Http01Solver(Responder(), 5002, FAST, driver.now, (DNS,)).check(PRESENTATION), found.append)
        driver.run()
        return found[0], (driver.now() - START).total_seconds()


EXCEEDED = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"


@pytest.mark.parametrize(
    ("host", "expected", "seconds"),
    [
        (Slow(timedelta(seconds=9)), Ready(), 9),
        (Slow(timedelta(seconds=10)), Ready(), 10),
        (Slow(timedelta(seconds=11)), failed(EXCEEDED), 10),
        (Slow(timedelta(seconds=4), redirect("/again")), failed(EXCEEDED, last="http://example.test/again"), 10),
        (Slow(timedelta(seconds=8), dns=timedelta(seconds=3)), failed(EXCEEDED), 10),
        (
            Slow(timedelta(seconds=1), dns=timedelta(seconds=4)),
            failed(f"dial tcp: lookup example.test on {DNS}: i/o timeout"),
            6,
        ),
    ],
    ids=["in time", "just in time", "late", "redirects", "lookup and answer", "lookup"],
)
def test_a_pass_has_ten_seconds_in_all(host, expected, seconds):
    """pkg/issuer/acme/http/http.go: http.Client.Timeout covers redirects and the body, too."""
    assert host.run() == (expected, seconds)


@pytest.mark.parametrize("passes", [1, 2, 5])
def test_success_is_exactly_so_many_passes(passes):
    """pkg/issuer/acme/http/http_test.go, TestCheck: should pass, should error."""
    timing = attrs.evolve(FAST, http01_passes=passes)
    readiness, asked = check(*[IPV4, GOOD] * passes, timing=timing)
    assert (readiness, len(fetched(asked))) == (Ready(), passes)
    readiness, asked = check(IPV4, HttpAnswer(500), timing=timing)
    assert (isinstance(readiness, NotReady), len(fetched(asked))) == (True, 1)


@pytest.mark.parametrize("answers", [[], [redirect("http://internal.test/"), IPV4]], ids=["direct", "redirected"])
def test_what_was_received_is_not_repeated(answers):
    """http_test.go, TestReachabilityDoesNotReflect{,Redirected}ResponseBody."""
    readiness, _ = check(IPV4, *answers, HttpAnswer(200, body=b"SENTINEL-BODY"))
    assert "sentinel" not in readiness.reason.lower()
