"""What three real clients do on a server's bad days; docs/clients.md has the findings in a table."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime

import attrs
import josepy
import pytest
import requests
from acme import client as acme_client
from acme import crypto_util, messages
from acme.challenges import HTTP01
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

pytestmark = pytest.mark.client("openssl")

LIMITED = {
    "id": "limited",
    "match": {"endpoint": "newOrder", "nth": 2},
    "action": {"kind": "rateLimited", "detail": "too many new orders", "retry_after": 2},
}
NONCES = {"id": "nonces", "match": {"every": 3}, "action": "badNonce"}
TWICE = {"id": "twice", "match": {"endpoint": "newOrder"}, "action": "badNonce", "when": {"count": 2}}
LOST = {
    "id": "lost",
    "match": {"endpoint": "finalize", "nth": 1},
    "action": "lose",
    "when": {"stage": "after"},
}
NAME, OTHER = "one.example.com", "two.example.com"
PROGRAMS = [
    pytest.param("certbot", marks=pytest.mark.client("certbot")),
    pytest.param("lego", marks=pytest.mark.client("lego")),
]
# The library compares it with local times.
PATIENCE = datetime.max  # noqa: DTZ901
# The library comes with certbot.
library_test = pytest.mark.client("certbot")


@attrs.frozen
class Program:
    """A client that asks for one name a run; said: what it prints of the 429, and of the lost reply."""

    run: Callable
    chain: str
    said: tuple[str, str]


@pytest.fixture
def program(request, server, certbot, lego, tmp_path):
    """The program of that name."""
    port, folder = server.http01_port, str(tmp_path)
    http = ("--http", "--http.port", f"127.0.0.1:{port}")
    return {
        "certbot": Program(
            lambda name: certbot(port, name),
            folder + "/certbot/live/{}/fullchain.pem",
            ("An unexpected error occurred:\ntoo many new orders\n", "ConnectionError: ('Connection aborted.', "),
        ),
        "lego": Program(
            lambda name: lego(*http, names=[name]),
            folder + "/lego/certificates/{}.crt",
            ("error: 429 :: POST :: ", "connection reset by peer"),
        ),
    }[request.param]


@pytest.fixture
def history(ask):
    """The journal's entries of one kind."""
    return lambda kind: [entry for entry in map(json.loads, ask("/journal").splitlines()) if entry["kind"] == kind]


@pytest.fixture
def arm(ask, history):
    """Arm a rule; what is returned tells how many exchanges it has seen, and that the journal has all that it hit."""

    def start(rule):
        ask("/faults", rule)

        def seen():
            [armed] = json.loads(ask("/faults"))["faults"]
            assert [entry["data"]["rule"] for entry in history("FaultInjected")] == [rule["id"]] * armed["hits"]
            return armed["seen"]

        return seen

    return start


@pytest.fixture
def issued(history):
    """The serial numbers of all certificates that the server issued for a name."""

    def serials(name):
        entries = (entry["data"] for entry in history("CertificateIssued"))
        return [int(entry["serial"], 16) for entry in entries if entry["identifiers"] == [name]]

    return serials


def serial_of(pem: str) -> int:
    return x509.load_pem_x509_certificate(pem.encode()).serial_number


@pytest.fixture
def got(program, assert_issued, tmp_path):
    """The serial number of the certificate that a program has for a name, once openssl has verified it."""

    def read(name):
        chain = tmp_path / program.chain.format(name)
        assert_issued(chain, [name])
        return serial_of(chain.read_text())

    return read


@pytest.mark.parametrize("program", PROGRAMS, indirect=True)
def test_a_429_ends_the_run_at_once_and_the_next_run_gets_the_certificate(program, arm, issued, got):
    seen = arm(LIMITED)
    assert program.run(NAME).code == 0
    refused = program.run(OTHER)
    assert refused.code == 1, refused.output
    assert program.said[0] in refused.output
    assert (seen(), issued(OTHER)) == (2, [])
    assert program.run(OTHER).code == 0
    assert (seen(), issued(OTHER)) == (3, [got(OTHER)])


@pytest.mark.parametrize("program", PROGRAMS, indirect=True)
def test_a_request_whose_nonce_is_bad_is_sent_again_and_nothing_else_is(program, arm, issued, got, history):
    seen = arm(NONCES)
    done = program.run(NAME)
    assert done.code == 0, done.output
    assert issued(NAME) == [got(NAME)]
    refused = [entry["data"]["problem"] for entry in history("RequestRefused")]
    assert refused == ["urn:ietf:params:acme:error:badNonce"] * (seen() // 3)
    assert len(refused) >= 2
    assert [len(history(kind)) for kind in ("AccountCreated", "OrderCreated", "OrderFinalized")] == [1, 1, 1]


@pytest.mark.parametrize(
    ("program", "code", "tries"),
    [pytest.param(*each.values, *end, marks=each.marks) for each, end in zip(PROGRAMS, [(1, 2), (0, 3)], strict=True)],
    indirect=["program"],
)
def test_two_bad_nonces_in_a_row_are_too_many_for_certbot_and_not_for_lego(program, code, tries, arm, issued):
    seen = arm(TWICE)
    done = program.run(NAME)
    assert (done.code, seen()) == (code, tries), done.output
    assert len(issued(NAME)) == 1 - code


@pytest.mark.parametrize("program", PROGRAMS, indirect=True)
def test_a_lost_reply_to_finalize_loses_the_certificate_and_the_next_run_orders_another(
    program, arm, issued, got, history, tmp_path
):
    seen = arm(LOST)
    done = program.run(NAME)
    assert done.code == 1, done.output
    assert program.said[1] in done.output
    # Its key was never written down, so that nobody can use it.
    assert list((tmp_path / program.chain.format(NAME)).parent.glob("*")) == []
    [lost] = issued(NAME)
    assert seen() == 1
    assert program.run(NAME).code == 0
    assert issued(NAME) == [lost, got(NAME)]
    assert (seen(), len(history("OrderCreated")), len(history("AccountCreated"))) == (2, 2, 1)


class Library:
    """A program on the PyPI package acme: one account, http-01 from a folder that is served."""

    def __init__(self, directory, webroot):
        key = josepy.JWKEC(key=ec.generate_private_key(ec.SECP256R1()))
        self.network = acme_client.ClientNetwork(key, alg=josepy.ES256)
        self.acme = acme_client.ClientV2(acme_client.ClientV2.get_directory(directory, self.network), self.network)
        self.key, self.webroot = key, webroot

    def register(self):
        self.acme.new_account(messages.NewRegistration.from_data(terms_of_service_agreed=True))

    def order(self, name):
        """Place an order, and answer its challenge."""
        private = ec.generate_private_key(ec.SECP256R1())
        pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        order = self.acme.new_order(crypto_util.make_csr(pem, [name]))
        [authorization] = order.authorizations
        challenge = next(each for each in authorization.body.challenges if isinstance(each.chall, HTTP01))
        response, validation = challenge.response_and_validation(self.key)
        (self.webroot / challenge.chall.path.lstrip("/")).write_text(validation)
        self.acme.answer_challenge(challenge, response)
        return order

    def finish(self, order):
        """Wait for the authorizations, finalize, download."""
        return self.acme.poll_and_finalize(order, PATIENCE)


@pytest.fixture
def library(server, serve_folder, tmp_path, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(server.tls_ca))
    (tmp_path / HTTP01.URI_ROOT_PATH).mkdir(parents=True)
    serve_folder(tmp_path, server.http01_port)
    library = Library(server.directory, tmp_path)
    yield library
    library.network.session.close()


@library_test
def test_the_library_raises_a_429_without_its_retry_after_and_gets_the_certificate_when_asked_again(
    library, arm, issued
):
    library.register()
    seen = arm(LIMITED)
    library.order(NAME)
    with pytest.raises(messages.Error) as refused:
        library.order(OTHER)
    assert (refused.value.code, refused.value.detail) == ("rateLimited", "too many new orders")
    assert not hasattr(refused.value, "retry_after")
    assert (seen(), issued(OTHER)) == (2, [])
    found = library.finish(library.order(OTHER))
    assert (seen(), issued(OTHER)) == (3, [serial_of(found.fullchain_pem)])


@library_test
def test_the_library_sends_a_request_whose_nonce_is_bad_again(library, arm, issued, history):
    seen = arm(NONCES)
    library.register()
    order = library.finish(library.order(NAME))
    assert issued(NAME) == [serial_of(order.fullchain_pem)]
    assert len(history("RequestRefused")) == seen() // 3 >= 2


@library_test
def test_two_bad_nonces_in_a_row_are_too_many_for_the_library(library, arm):
    library.register()
    seen = arm(TWICE)
    with pytest.raises(messages.Error) as refused:
        library.order(NAME)
    assert refused.value.code == "badNonce"
    assert seen() == 2


@library_test
def test_the_library_raises_when_the_reply_to_finalize_is_lost_and_gets_that_certificate_when_it_polls_the_order(
    library, arm, issued
):
    library.register()
    seen = arm(LOST)
    order = library.order(NAME)
    with pytest.raises(requests.ConnectionError):
        library.finish(order)
    [lost] = issued(NAME)
    found = library.acme.poll_finalization(order, PATIENCE)
    assert serial_of(found.fullchain_pem) == lost
    assert (seen(), issued(NAME)) == (1, [lost])
