"""The table of keys: exact token, host and path."""

import pytest

from solvers.http01.responder import Responder, bare_host

PATH = "/.well-known/acme-challenge/token"


@pytest.fixture
def responder():
    responder = Responder()
    responder.add("www.example.test", "token", "token.thumbprint")
    return responder


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("host", ["www.example.test", "WWW.example.TEST", "www.example.test:5002"])
def test_the_key_is_shown_for_its_host_and_path(responder, method, host):
    assert responder.handle(method, host, PATH) == (200, b"token.thumbprint")


@pytest.mark.parametrize(
    ("host", "path"),
    [
        ("example.test", PATH),
        ("www.example.test.", PATH),
        ("x.www.example.test", PATH),
        ("", PATH),
        ("www.example.test", "/"),
        ("www.example.test", ""),
        ("www.example.test", "/healthz"),
        ("www.example.test", "/.well-known/acme-challenge/"),
        ("www.example.test", "/.well-known/acme-challenge/other"),
        ("www.example.test", "/.well-known/acme-challenge/Token"),
        ("www.example.test", PATH + "/"),
        ("www.example.test", PATH + "x"),
        ("www.example.test", "/" + PATH),
        ("www.example.test", "/.well-known/acme-challenge/%74oken"),
        ("www.example.test", "/.well-known/./acme-challenge/token"),
        ("www.example.test", "/token"),
    ],
)
def test_everything_else_is_not_found(responder, host, path):
    assert responder.handle("GET", host, path) == (404, b"")


@pytest.mark.parametrize("method", ["POST", "PUT", "OPTIONS", "get"])
def test_other_methods_are_not_allowed(responder, method):
    assert responder.handle(method, "www.example.test", PATH) == (405, b"")


def test_a_removed_key_is_not_found_and_may_be_removed_again(responder):
    responder.remove("WWW.example.test", "token")
    responder.remove("www.example.test", "token")
    assert responder.handle("GET", "www.example.test", PATH) == (404, b"")


def test_adding_is_idempotent_and_the_last_key_counts(responder):
    responder.add("www.example.test", "token", "token.thumbprint")
    responder.add("www.example.test", "token", "token.another")
    assert responder.handle("GET", "www.example.test", PATH) == (200, b"token.another")
    responder.remove("www.example.test", "token")
    assert responder.handle("GET", "www.example.test", PATH) == (404, b"")


def test_names_and_tokens_do_not_share_their_keys(responder):
    responder.add("api.example.test", "token", "token.other")
    responder.add("www.example.test", "second", "second.thumbprint")
    responder.remove("api.example.test", "token")
    responder.remove("www.example.test", "second")
    assert responder.handle("GET", "www.example.test", PATH) == (200, b"token.thumbprint")


@pytest.mark.parametrize(
    ("expected", "host"),
    [
        ("example.test", "Example.TEST"),
        ("example.test", "example.test:80"),
        ("192.0.2.1", "192.0.2.1:5002"),
        ("2001:db8::1", "[2001:DB8::1]:5002"),
        ("2001:db8::1", "[2001:db8::1]"),
        ("2001:db8::1", "2001:db8::1"),
        ("", ""),
        ("", "["),
        ("", ":80"),
    ],
)
def test_a_host_is_compared_without_port_and_brackets(expected, host):
    assert expected == bare_host(host)


def test_an_ipv6_address_can_be_shown_for():
    responder = Responder()
    responder.add("2001:db8::1", "token", "token.thumbprint")
    assert responder.handle("GET", "[2001:DB8::1]:5002", PATH) == (200, b"token.thumbprint")
