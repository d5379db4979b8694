"""In Pebble's place: what starts Debian's pebble starts ours, and the same requests have like answers."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.request
from contextlib import ExitStack, closing

import pytest

from bench.servers import pebble
from conformance.options import Options
from conformance.runner import run
from conformance.session import Session
from conformance.table import CHECKS
from conformance.verdict import Outcome
from gravel.free_port import free_port
from gravel.shims import install

pytestmark = pytest.mark.client("pebble", "pebble-challtestsrv")

# Of every reply: which of them there are. Date and lengths are HTTP's own.
HEADERS = ("Location", "Replay-Nonce", "Link", "Allow", "Content-Type")


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """A session with ours, and one with theirs; both are found on PATH under the same names."""
    path = os.environ["PATH"]
    folder = tmp_path_factory.mktemp("shims")
    install(folder)
    with ExitStack() as stack:
        sessions = []
        for name, first in (("ours", f"{folder}:"), ("theirs", "")):
            os.environ["PATH"] = first + path
            try:
                more = {"domainBlocklist": ["blocked-domain.example"]}
                running = stack.enter_context(pebble(tmp_path_factory.mktemp(name), **more))
            finally:
                os.environ["PATH"] = path
            options = Options(
                directory=running.directory,
                ca_cert=running.ca,
                chall_mgmt=running.management,
                http01_port=running.http01_port,
                tls_alpn_port=running.tls_alpn_port,
            )
            sessions.append(stack.enter_context(closing(Session(options))))
        yield sessions


def new_order(session, *names, **more):
    identifiers = [{"type": "dns", "value": name} for name in names]
    return session.account.post(session.url("newOrder"), {"identifiers": identifiers, **more})


def beside(session, suffix):
    """A URL that is not there, next to that of an account."""
    return session.account.kid.rpartition("/my-account")[0] + suffix


def closed(session):
    client = session.new_account()
    client.post(client.kid, {"status": "deactivated"})
    return client


def placed(session):
    """An order, its authorization and a challenge, as URLs."""
    order = new_order(session, "www.example.test")
    (url,) = order.json()["authorizations"]
    challenges = session.account.read(url).json()["challenges"]
    return order.header("Location"), url, next(item for item in challenges if item["type"] == "http-01")["url"], order


# What is asked, in words, and how.
SCRIPT = {
    "the directory": lambda s: s.account.get(s.options.directory),
    "a nonce": lambda s: s.account.head(s.url("newNonce")),
    "a nonce by GET": lambda s: s.account.get(s.url("newNonce")),
    "a path that is not there": lambda s: s.account.get(beside(s, "/no-such-path")),
    "a POST to newNonce's neighbour": lambda s: s.account.read(beside(s, "/no-such-path")),
    "an order that is not there": lambda s: s.account.read(beside(s, "/my-order/none")),
    "an authorization that is not there": lambda s: s.account.read(beside(s, "/authZ/none")),
    "a certificate that is not there": lambda s: s.account.read(beside(s, "/certZ/none")),
    "our own path of an order": lambda s: s.account.read(beside(s, "/order/none")),
    "a GET of an account": lambda s: s.account.get(s.account.kid),
    "a GET of newOrder": lambda s: s.account.get(s.url("newOrder")),
    "an account": lambda s: s.account.read(s.account.kid),
    "its orders": lambda s: s.account.read(beside(s, "/list-orderz/") + s.account.kid.rpartition("/")[2]),
    "an account without agreement": lambda s: s.stranger().post(s.url("newAccount"), {}),
    "an account that there must be": lambda s: s.stranger().post(s.url("newAccount"), {"onlyReturnExisting": True}),
    "a closed account": lambda s: closed(s).post(s.url("newOrder"), s.identifiers()),
    "an order": lambda s: new_order(s, "www.example.test"),
    "no name": new_order,
    "an empty name": lambda s: new_order(s, ""),
    "a name with a star within": lambda s: new_order(s, "www.*.example.test"),
    "a name that ends in a dot": lambda s: new_order(s, "www.example.test."),
    "a blocked name": lambda s: new_order(s, "blocked-domain.example"),
    "a name below a blocked one": lambda s: new_order(s, "www.blocked-domain.example"),
    "an unknown type of name": lambda s: s.account.post(
        s.url("newOrder"), {"identifiers": [{"type": "phone", "value": "1"}]}
    ),
    "the order again": lambda s: s.account.read(placed(s)[0]),
    "an authorization": lambda s: s.account.read(placed(s)[1]),
    "a challenge": lambda s: s.account.read(placed(s)[2]),
    "an authorization given up": lambda s: s.account.post(placed(s)[1], {"status": "deactivated"}),
    "a stranger's order": lambda s: s.new_account().read(placed(s)[0]),
    "a stranger's authorization": lambda s: s.new_account().read(placed(s)[1]),
    "an order finalized too early": lambda s: s.account.post(placed(s)[3].json()["finalize"], {"csr": "AAAA"}),
    "a used nonce": lambda s: s.account.post(s.url("newOrder"), s.identifiers(), nonce="AAAA"),
    "another URL in the JWS": lambda s: s.account.post(
        s.url("newOrder"), s.identifiers(), header={"url": s.url("newAccount")}
    ),
    "another algorithm": lambda s: s.account.post(s.url("newOrder"), s.identifiers(), header={"alg": "HS256"}),
    "an account that nobody has": lambda s: s.account.post(
        s.url("newOrder"), s.identifiers(), header={"kid": beside(s, "/my-account/none")}
    ),
    "another Content-Type": lambda s: s.account.send(s.url("newOrder"), b"{}", "application/json"),
    "no JSON": lambda s: s.account.send(s.url("newOrder"), b"{"),
    "nothing to revoke": lambda s: s.account.post(s.url("revokeCert"), {"certificate": "AAAA"}),
}
_NO_PATH = {"content type": ""}
_ORDER = {"members": ["authorizations", "expires", "finalize", "identifiers", "profile", "status"]}
# Where ours is another on purpose, or as a later Pebble than Debian's 2.4.0 (docs/personalities.md).
OTHERWISE = {
    "the directory": {
        "members": ["keyChange", "meta", "newAccount", "newNonce", "newOrder", "renewalInfo", "revokeCert"]
    },
    "a path that is not there": {**_NO_PATH, "headers": ["Link"]},
    "a POST to newNonce's neighbour": {**_NO_PATH, "headers": ["Replay-Nonce", "Link"]},
    "our own path of an order": {**_NO_PATH, "headers": ["Replay-Nonce", "Link"]},
    "an account without agreement": {"type": "userActionRequired"},
    "an order": _ORDER,
    "the order again": _ORDER,
    "another algorithm": {"type": "badSignatureAlgorithm"},
    "nothing to revoke": {"status": 404},
}


def seen(reply, session):
    """What is compared of a reply: its parts, without what varies."""
    problem = reply.problem or {}
    members = [] if reply.problem or not reply.body.startswith(b"{") else sorted(json.loads(reply.body))
    return {
        "status": reply.status,
        "type": problem.get("type", "").rpartition(":")[2],
        "headers": [name for name in HEADERS if reply.header(name)],
        "content type": reply.header("Content-Type").partition(";")[0],
        "place": reply.header("Location").removeprefix(session.options.directory.removesuffix("/dir")).split("/")[1:2],
        "members": members,
    }


@pytest.mark.parametrize("name", SCRIPT)
def test_what_is_asked_of_both_has_like_answers(both, name):
    ours, theirs = (seen(SCRIPT[name](session), session) for session in both)
    assert {**theirs, **OTHERWISE.get(name, {})} == ours


def test_the_conformance_suite_finds_what_clients_of_pebble_rely_on_and_nothing_else(both):
    session, _ = both
    # Who is slow (10.3) is waited for as by gravel.
    checks = [check for check in CHECKS if check.section != "10.3"]
    assert [one.check.name for one in run(checks, session) if one.outcome is Outcome.FAIL] == [
        "supported_algorithms_are_listed",
        "another_url_makes_it_unauthorized",
        "a_nonce_that_is_not_base64url_is_malformed",
        "errors_are_problem_documents",
        "a_deactivated_account_is_told_401",
        "a_bad_csr_is_named_so",
    ]


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
def test_without_a_host_the_responders_are_on_loopback_in_both_families(tmp_path, host):
    install(tmp_path)
    management, dns, http01 = free_port(), free_port(), free_port()
    words = ["-management", f":{management}", "-dnsserver", f":{dns}", "-http01", f":{http01}"]
    # Quotes that no shell took away: so certbot's suite says "nothing".
    words += ["-https01", '""', "-tlsalpn01", "", "-doh", ""]
    process = subprocess.Popen([tmp_path / "pebble-challtestsrv", *words], stdout=subprocess.PIPE, text=True)
    try:
        while "management" not in process.stdout.readline():
            pass
        body = json.dumps({"token": "t", "content": "t.key"}).encode()
        urllib.request.urlopen(f"http://{host}:{management}/add-http01", data=body).close()
        with urllib.request.urlopen(f"http://{host}:{http01}/.well-known/acme-challenge/t") as answer:
            assert answer.read() == b"t.key"
        # What is not shown is no content, and no error, as challtestsrv has it.
        with urllib.request.urlopen(f"http://{host}:{http01}/.well-known/acme-challenge/none") as answer:
            assert (answer.status, answer.read()) == (200, b"")
    finally:
        process.terminate()
        process.communicate()
