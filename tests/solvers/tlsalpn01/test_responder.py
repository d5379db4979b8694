"""The table of challenge certificates: by name, for validators only."""

import pytest

from solvers.tlsalpn01.certificate import ChallengeCertificate
from solvers.tlsalpn01.client_hello import ClientHello
from solvers.tlsalpn01.responder import Alert, Greeted, Responder

ONE, TWO = ChallengeCertificate(b"one", ""), ChallengeCertificate(b"two", "")
NAME, PROTOCOLS = "www.gravel.example", ("acme-tls/1",)
HELLO = ClientHello(NAME, PROTOCOLS)


@pytest.fixture
def responder():
    responder = Responder()
    responder.add(NAME, "key", ONE)
    return responder


@pytest.mark.parametrize("name", [NAME, NAME.upper()])
@pytest.mark.parametrize("protocols", [PROTOCOLS, ("h2", "acme-tls/1")])
def test_a_validator_that_asks_for_the_name_is_shown_the_certificate(responder, name, protocols):
    assert responder.handle(ClientHello(name, protocols)) == ONE


@pytest.mark.parametrize("name", ["", "gravel.example", "x.www.gravel.example", f"{NAME}.", "*.gravel.example"])
def test_another_name_is_not_recognized(responder, name):
    assert responder.handle(ClientHello(name, PROTOCOLS)) is Alert.UNRECOGNIZED_NAME


@pytest.mark.parametrize("protocols", [(), ("h2", "http/1.1"), ("acme-tls/1.1",), ("ACME-TLS/1",)])
@pytest.mark.parametrize("name", [NAME, "a.test"])
def test_whoever_is_no_validator_sees_no_certificate(responder, name, protocols):
    assert responder.handle(ClientHello(name, protocols)) is Alert.NO_APPLICATION_PROTOCOL


def test_of_several_certificates_the_last_is_shown_until_it_is_removed(responder):
    responder.add(NAME.upper(), "other", TWO)
    assert responder.handle(HELLO) == TWO
    responder.remove(NAME, "other")
    assert responder.handle(HELLO) == ONE
    responder.remove(NAME, "key")
    assert responder.handle(HELLO) is Alert.UNRECOGNIZED_NAME


def test_what_is_shown_can_be_asked_and_removed_again_and_again(responder):
    assert (responder.shows(NAME.upper(), "key"), responder.shows(NAME, "other")) == (True, False)
    for _ in range(2):
        responder.remove(NAME, "key")
        responder.remove("a.test", "key")
    assert not responder.shows(NAME, "key")


def test_the_history_keeps_the_last_handshakes():
    responder = Responder(history=2)
    responder.add(NAME, "key", ONE)
    for hello in (ClientHello(), ClientHello("a.test", PROTOCOLS), HELLO):
        responder.handle(hello)
    assert list(responder.history) == [
        Greeted("a.test", PROTOCOLS, Alert.UNRECOGNIZED_NAME),
        Greeted(NAME, PROTOCOLS, None),
    ]


def test_tables_show_certificates_for_names_that_the_solver_shows_none_for(responder):
    first, last = {NAME: TWO, "a.test": ONE}, {"a.test": TWO}
    responder.tables += [first, last]
    assert responder.handle(HELLO) == ONE
    responder.remove(NAME, "key")
    assert responder.handle(HELLO) == TWO
    assert responder.handle(ClientHello("A.test", PROTOCOLS)) == TWO
    last.clear()
    assert responder.handle(ClientHello("a.test", PROTOCOLS)) == ONE
    assert responder.handle(ClientHello("a.test", ())) is Alert.NO_APPLICATION_PROTOCOL
