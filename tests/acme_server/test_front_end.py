"""Paths, methods, payloads and the headers that every reply has (RFC 8555 sections 6 and 7.1)."""

from __future__ import annotations

import json
import re

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acme_server import front_end
from acme_server.certificate_authority import Design
from acme_server.exchange import Request
from acme_server.front_end import ROUTES, Payload
from acme_server.profiles import PROFILES
from acme_server.protocol.encoding import b64url
from acme_server.renewal_info import certid_of
from acme_server.request import Signer
from acme_server.settings import Settings
from tests.acme_server.rig import BASE, ERROR, JOSE, Client, key, leaf_of, make_server, registered

INDEX = f'<{BASE}/dir>;rel="index"'
POST_ONLY = [route.pattern for route in ROUTES if not route.get]
READABLE = [route.pattern for route in ROUTES if route.get]


def path_of(pattern):
    return "/".join("x" if part.startswith("{") else part for part in pattern.split("/"))


@pytest.fixture(scope="module")
def issued():
    """A client after a whole issuance, and the URL of each of its resources by pattern."""
    client = registered(Settings(always_valid=True, authority=Design(alternate_roots=1)))
    order = client.issue("www.example.org")
    authorization = order.json["authorizations"][0]
    leaf = leaf_of(client.post(order.json["certificate"]).reply.body)
    urls = {
        "/account/{account}": client.kid,
        "/account/{account}/orders": f"{client.kid}/orders",
        "/account/{account}/orders/{after}": f"{client.kid}/orders/{order.header('Location').rpartition('/')[2]}",
        "/terms/{account}": client.kid.replace("/account/", "/terms/"),
        "/order/{order}": order.header("Location"),
        "/order/{order}/finalize": order.json["finalize"],
        "/authz/{authorization}": authorization,
        "/chall/{authorization}/{index}": client.post(authorization).json["challenges"][0]["url"],
        "/cert/{certificate}": order.json["certificate"],
        "/cert/{certificate}/alternate/{number}": order.json["certificate"] + "/alternate/1",
        "/issuer/{signer}": client.server.world.links.issuer(client.server.world.authority.issuer.id),
        "/crl/{signer}": client.server.world.links.revocation_list(client.server.world.authority.issuer.id),
        "/renewal-info/{certid}": f"{BASE}/renewal-info/{certid_of(leaf)}",
    }
    return client, {**{route.pattern: BASE + route.pattern for route in ROUTES if "{" not in route.pattern}, **urls}


def test_the_directory_names_what_is_there_and_nothing_else():
    client = Client(make_server(Settings(website="https://acme.test", caa_identities=("acme.test",))))
    directory = client.get("/dir")
    assert directory.status == 200
    found = directory.json
    meta = found.pop("meta")
    profiles = {profile.name: profile.description for profile in PROFILES}
    assert meta == {"website": "https://acme.test", "caaIdentities": ["acme.test"], "profiles": profiles}
    resources = {"newNonce", "newAccount", "newAuthz", "newOrder", "keyChange", "revokeCert", "renewalInfo"}
    assert resources == found.keys()
    paths = {route.pattern.removesuffix("/{certid}") for route in ROUTES}
    assert all(url.removeprefix(BASE) in paths for url in found.values())
    bare = Client(make_server(Settings(pre_authorization=False))).get("/dir").json
    assert bare.pop("meta").keys() == {"profiles"}
    assert bare.keys() == resources - {"newAuthz"}


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("POST", 204)])
def test_a_new_nonce_is_not_kept_by_caches(method, status):
    client = registered()
    response = client.post(f"{BASE}/nonce") if method == "POST" else client.get("/nonce", method)
    assert (status, b"", "no-store") == (response.status, response.reply.body, response.header("Cache-Control"))
    assert client.post(client.kid, nonce=response.header("Replay-Nonce")).status == 200


def test_the_directory_can_be_read_in_three_ways():
    client = registered()
    replies = [client.get("/dir"), client.get("/dir", "HEAD"), client.post(f"{BASE}/dir"), client.get("/dir?from=x")]
    assert len({reply.reply.body for reply in replies}) == 1
    assert all(reply.header("Link") is None for reply in replies)


@pytest.mark.parametrize("pattern", POST_ONLY)
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "TRACE", "BREW"])
def test_resources_are_posted_to(pattern, method):
    response = Client(make_server()).get(path_of(pattern), method)
    assert response.outcome == (405, "malformed")
    assert response.header("Allow") == "POST, OPTIONS"


@pytest.mark.parametrize("pattern", READABLE)
@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_what_can_be_read_cannot_be_written(pattern, method):
    response = Client(make_server()).get(re.sub(r"\{\w+\}", "x", pattern), method)
    assert response.outcome == (405, "malformed")
    assert response.header("Allow") == "GET, HEAD, POST, OPTIONS"


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "*",
        "//",
        "/dir/",
        "/DIR",
        "//dir",
        "/directory",
        "/account",
        "/account/",
        "/account//orders",
        "/account/x/order",
        "/order/x/finalise",
        "/order/x/finalize/",
        "/chall/x",
        "/new-account?x=1",
        "/order/x?y",
        "/acme/..%2f",
        "/order/..%2fdir",
        "/order/%00",
        "/order/\x00",
        "/order/" + "x" * 65,
        "https://acme.test/dir",
        "/" + "a/" * 2000,
        "/ünïcode",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_any_other_path_is_not_found(path, method):
    response = Client(make_server()).get(path, method)
    assert response.outcome == (404, "malformed")
    assert (method == "POST") == (response.header("Replay-Nonce") is not None)


@pytest.mark.parametrize(
    "content_type", ["", "application/json", "application/jose", "application/jose+json; charset=utf-8"]
)
def test_a_post_is_jose_json_to_the_letter(content_type):
    client = registered()
    request = client.signed(client.kid, None)
    headers = {"content-type": content_type} if content_type else {}
    response = client.send(Request("POST", request.path, headers, request.body))
    assert response.outcome == (415, "malformed")
    assert client.send(request).status == 200


def test_a_compressed_body_is_refused():
    client = registered()
    request = client.signed(client.kid, None)
    headers = {**JOSE, "content-encoding": "gzip"}
    assert client.send(Request("POST", request.path, headers, request.body)).outcome == (415, "malformed")


@pytest.mark.parametrize(("size", "outcome"), [(65536, (400, "malformed")), (65537, (413, "malformed"))])
def test_a_body_has_a_largest_size(size, outcome):
    client = Client(make_server())
    assert client.send(Request("POST", "/new-order", JOSE, b" " * size)).outcome == outcome


@pytest.mark.parametrize("route", [r for r in ROUTES if r.payload is Payload.NOTHING], ids=lambda route: route.pattern)
@pytest.mark.parametrize("payload", [{}, [], b"null", b"{"])
def test_what_is_only_read_takes_no_payload(issued, route, payload):
    client, urls = issued
    assert client.post(urls[route.pattern], payload).outcome == (400, "malformed")


@pytest.mark.parametrize("route", [r for r in ROUTES if r.payload is Payload.OBJECT], ids=lambda route: route.pattern)
@pytest.mark.parametrize("payload", [None, [], 7, "x", b"null", b"{", b"\xff", b'{"a":NaN}'])
def test_what_acts_takes_an_object(issued, route, payload):
    client, urls = issued
    url = urls[route.pattern]
    request = (
        Client(client.server, key(77)).signed(url, payload)
        if route.signer is Signer.KEY
        else client.signed(url, payload)
    )
    assert client.send(request).outcome == (400, "malformed")


@pytest.mark.parametrize(
    "route", [r for r in ROUTES if "{" in r.pattern and not r.get], ids=lambda route: route.pattern
)
def test_what_belongs_to_another_account_stays_its_own(issued, route):
    client, urls = issued
    other = Client(client.server, key(2))
    other.register()
    payload = {"csr": "AA"} if route.payload is Payload.OBJECT else None
    assert other.post(urls[route.pattern], payload).outcome == (403, "unauthorized")
    absent = other.post(BASE + path_of(route.pattern), payload)
    assert absent.outcome == (404, "malformed")


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.pattern)
def test_every_reply_to_a_post_has_a_nonce_and_an_index_link(issued, route):
    client, urls = issued
    payload = {} if route.payload is Payload.OBJECT else None
    good_or_bad = client.post(urls[route.pattern], payload)
    for response in (good_or_bad, client.send(Request("POST", path_of(route.pattern), {}, b""))):
        assert response.header("Replay-Nonce")
        assert (INDEX in response.headers("Link")) == (route.pattern != "/dir")
        assert response.header("Access-Control-Allow-Origin") == "*"
    assert client.post(client.kid, nonce=response.header("Replay-Nonce")).status == 200


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.pattern)
def test_browsers_may_ask_first(route):
    client = Client(make_server())
    response = client.get(path_of(route.pattern), "OPTIONS")
    assert (response.status, response.reply.body) == (204, b"")
    assert response.header("Allow") == response.header("Access-Control-Allow-Methods") == route.allow
    assert response.header("Access-Control-Allow-Headers") == "Content-Type"
    assert "Replay-Nonce" in response.header("Access-Control-Expose-Headers")
    assert len(client.server.world.nonces) == 0


def test_created_resources_and_finalized_orders_say_where_they_are():
    client = Client(make_server(Settings(always_valid=True)))
    account = client.register()
    order = client.order("www.example.org")
    client.authorize(order)
    finalized = client.finalize(order, ["www.example.org"])
    assert f"{BASE}/account/" in account.header("Location")
    assert f"{BASE}/order/" in order.header("Location")
    assert order.header("Location") == finalized.header("Location")


def test_a_refusal_is_journalled_with_what_it_was_about():
    client = registered()
    order = client.order("www.example.org")
    client.finalize(order, ["www.example.org"])
    entry = list(client.server.world.journal)[-1]
    assert entry.kind == "RequestRefused"
    assert entry.data["problem"] == ERROR + "orderNotReady"
    assert entry.data["endpoint"] == "/order/{order}/finalize"
    url = order.header("Location")
    assert entry.subject == {"account": client.kid.rpartition("/")[2], "order": url.rpartition("/")[2]}


@pytest.mark.parametrize(
    ("payload", "names"),
    [
        ({"identifiers": [{"type": "dns", "value": "A.example.org"}], "profile": "none"}, ["a.example.org"]),
        ({"identifiers": [{"type": "dns", "value": f"{n}.{'x' * 300}"} for n in range(200)]}, 100),
        ({"identifiers": [{"value": 1}, 2, {}]}, None),
        ({"identifiers": "x"}, None),
        (b"[]", None),
    ],
)
def test_an_order_that_is_refused_is_journalled_with_its_names(payload, names):
    client = registered()
    client.post(f"{BASE}/new-order", payload)
    found = list(client.server.world.journal)[-1].data.get("identifiers")
    if names == 100:
        assert (len(found), len(found[0])) == (100, 255)
    else:
        assert found == names


@pytest.mark.parametrize("body", [b"", b"[]", b'{"protected": "e30", "payload": 5}', b'{"protected": 5}', b"\xff"])
def test_an_order_that_cannot_be_read_is_refused_all_the_same(body):
    client = registered()
    assert client.send(Request("POST", "/new-order", JOSE, body)).status == 400


def test_reading_leaves_no_trace(issued):
    client, urls = issued
    before = client.server.world.journal.digest
    for pattern in (
        "/account/{account}",
        "/order/{order}",
        "/authz/{authorization}",
        "/cert/{certificate}",
    ):
        assert client.post(urls[pattern]).status == 200
    client.get("/nowhere")
    assert before == client.server.world.journal.digest


def test_a_chain_is_whole_and_no_link_leads_to_more_of_it(issued):
    """Caddy and Apache's mod_md append what a link "up" leads to, so that their chains would hold it twice."""
    client, urls = issued
    assert [value for name, value in client.post(urls["/cert/{certificate}"]).reply.headers if name == "Link"] == [
        f'<{urls["/cert/{certificate}/alternate/{number}"]}>;rel="alternate"',
        f'<{BASE}/dir>;rel="index"',
    ]


def test_the_journal_holds_no_key_and_no_key_authorization():
    client = registered()
    order = client.order("www.example.org")
    (authorization,) = client.authorizations(order)
    client.post(client.show(authorization, "http-01"), {})
    client.driver.run()
    client.finalize(order, ["www.example.org"])
    history = json.dumps([entry.to_json() for entry in client.server.world.journal])
    secrets = [client.thumbprint, *(challenge["token"] for challenge in authorization["challenges"])]
    assert [secret for secret in secrets if secret in history] == []


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.pattern)
def test_our_own_failure_is_a_problem_without_details(issued, route, monkeypatch, caplog):
    client, urls = issued

    def fail(call):
        raise RuntimeError("secret of /srv/gravel")

    broken = {shape: attrs.evolve(r, endpoint=fail) if r is route else r for shape, r in front_end._BY_SHAPE.items()}
    signer = Client(client.server, key(77)) if route.signer is Signer.KEY else client
    request = signer.signed(urls[route.pattern], {} if route.payload is Payload.OBJECT else None)
    monkeypatch.setattr(front_end, "_BY_SHAPE", broken)
    response = signer.send(request)
    assert response.outcome == (500, "serverInternal")
    assert response.header("Replay-Nonce")
    assert "secret" not in response.reply.body.decode()
    assert "secret of /srv/gravel" in caplog.text


SCRAMBLED = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20))
JSON = st.recursive(
    SCRAMBLED,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
MEMBERS = st.sampled_from(
    [
        "contact",
        "status",
        "identifiers",
        "notBefore",
        "notAfter",
        "csr",
        "certificate",
        "reason",
        "type",
        "value",
        "onlyReturnExisting",
    ]
)
DOCUMENTS = st.dictionaries(
    MEMBERS, JSON | st.lists(st.dictionaries(MEMBERS, JSON, max_size=3), max_size=3), max_size=4
)
HEADERS = st.dictionaries(st.sampled_from(["content-type", "content-encoding"]), st.text(max_size=9))
METHODS = st.sampled_from(["GET", "HEAD", "POST", "PUT", "OPTIONS", "", "\0"])


RELAXED = settings(deadline=None)


@RELAXED
@given(METHODS, st.text(max_size=40), HEADERS, st.binary(max_size=99))
def test_no_bytes_at_all_are_our_failure(issued, method, path, headers, body):
    client, _ = issued
    assert client.send(Request(method, path, headers, body)).status < 500
    assert client.send(Request("POST", "/new-account", JOSE, body)).outcome == (400, "malformed")
    assert client.driver.waiting == []


@RELAXED
@given(st.sampled_from(ROUTES), DOCUMENTS)
def test_no_signed_document_is_our_failure(issued, route, document):
    client, urls = issued
    signer = Client(client.server, key(77)) if route.signer is Signer.KEY else client
    assert signer.send(signer.signed(urls[route.pattern], {**document, "status": "valid"})).status < 500


@RELAXED
@given(st.dictionaries(st.sampled_from(["alg", "nonce", "url", "kid", "jwk", "crit"]), JSON))
def test_no_protected_header_is_our_failure(issued, header):
    client, _ = issued
    request = client.signed(client.kid, None)
    protected = b64url(json.dumps(header).encode())
    body = json.dumps({**json.loads(request.body), "protected": protected}).encode()
    assert client.send(Request("POST", request.path, JOSE, body)).status == 400
