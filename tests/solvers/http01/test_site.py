"""What an http-01 listener shows beside the solver's keys: contents and redirects for any host, and its history."""

import attrs
import pytest

from solvers.http01.responder import Responder
from solvers.http01.site import AnyHost, Reply, Site, Visit

PATH = "/.well-known/acme-challenge/"
CONTENT = Reply(200, b"token.content")
NOT_FOUND = Reply(404)


@pytest.fixture
def table():
    return AnyHost({"token": "token.content"}, {"/from": "https://b.test/to"})


@pytest.fixture
def site(table):
    site = Site(Responder(), history=3)
    site.responder.add("www.example.test", "solved", "solved.key")
    site.tables.append(table)
    return site


def get(site, url, **changes):
    return site.handle(attrs.evolve(Visit("GET", "a.test", url), **changes))


@pytest.mark.parametrize("host", ["a.test", "b.test:5002", ""])
def test_a_content_is_shown_for_any_host(site, host):
    assert get(site, PATH + "token", host=host) == CONTENT
    assert get(site, PATH + "token?query", host=host, method="HEAD") == CONTENT


@pytest.mark.parametrize(("host", "expected"), [("www.example.test", Reply(200, b"solved.key")), ("a.test", NOT_FOUND)])
def test_what_the_solver_presents_is_for_its_host_only(site, host, expected):
    assert get(site, PATH + "solved", host=host) == expected


@pytest.mark.parametrize("url", ["/", "/token", PATH, PATH + "Token", PATH + "token/", PATH + "%74oken", "/from/"])
def test_everything_else_is_not_found(site, url):
    assert get(site, url) == NOT_FOUND


@pytest.mark.parametrize("method", ["POST", "get"])
def test_other_methods_do_not_read_a_content(site, method):
    assert get(site, PATH + "token", method=method) == Reply(405)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_path_is_redirected_whatever_its_query(site, method):
    assert get(site, "/from?query", method=method) == Reply(302, location="https://b.test/to")


def test_a_redirect_comes_before_what_is_at_its_path(site, table):
    table.redirects.update({PATH + "token": "/one", PATH + "solved": "/two"})
    assert get(site, PATH + "token").location == "/one"
    assert get(site, PATH + "solved", host="www.example.test").location == "/two"


def test_over_https_nothing_is_redirected(site, table):
    table.redirects[PATH + "token"] = "https://a.test" + PATH + "token"
    assert get(site, PATH + "token", https=True) == CONTENT
    assert get(site, "/from", https=True) == NOT_FOUND


def test_of_several_tables_the_last_is_asked_first(site):
    other = AnyHost({"token": "other"}, {})
    site.tables.append(other)
    assert get(site, PATH + "token") == Reply(200, b"other")
    assert get(site, "/from").status == 302
    other.contents.clear()
    assert get(site, PATH + "token") == CONTENT


def test_the_history_keeps_the_last_requests(site):
    urls = ["/", "/from?a=b", PATH + "token", PATH + "x"]
    for url in urls:
        get(site, url, user_agent="test")
    seen = [Visit("GET", "a.test", url, "test") for url in urls]
    assert list(site.history) == [(seen[1], 302), (seen[2], 200), (seen[3], 404)]
