"""Challenges over the management API: shown on real listeners, of one world, copied and brought back with it."""

from __future__ import annotations

import asyncio
import json
import ssl

import pytest

from acme_server.network import Network
from acme_server.protocol.challenge_certificate import ACME_TLS, expected, read
from acme_server.protocol.encoding import b64url
from acme_server.protocol.identifier import Identifier
from acme_server.protocol.key_authorization import KeyAuthorization
from acme_server.protocol.vantage import Handshake
from gravel.management.challenge_endpoints import CHALLENGE_ENDPOINTS
from solvers.tlsalpn01.certificate import digest_of
from tests.acme_server.rig import csr
from tests.gravel.acme_on_wire import WireClient

NAME = "www.example.test"
HTTP01 = {"http01_listen": "127.0.0.1:0", "http01_port": 0}
HTTPS01 = {"https01_listen": "127.0.0.1:0"}
TLS_ALPN = {"tls_alpn_listen": "127.0.0.1:0", "tls_alpn_port": 0}


async def get(management, path, host=NAME):
    """Return status, body and Location."""
    url = f"http://{management.running.addresses.http01}{path}"
    headers = {"Host": host, "User-Agent": "test"}
    async with management.session.get(url, headers=headers, allow_redirects=False) as answer:
        return answer.status, await answer.text(), answer.headers.get("Location")


async def token(management, name):
    return await get(management, f"/.well-known/acme-challenge/{name}")


async def fetch_https(management, server_name, path):
    """Return all that came back for a request with `Host: a.test`."""
    host, port = management.running.addresses.https01.split(":")
    trust = ssl.create_default_context(cafile=management.running.addresses.tls_ca)
    trust.check_hostname = False
    reader, writer = await asyncio.open_connection(host, int(port), ssl=trust, server_hostname=server_name or "")
    writer.write(f"GET {path} HTTP/1.1\r\nHost: a.test\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    return answer.decode()


async def shake(management, name=NAME, protocols=(ACME_TLS,)):
    return await Network()(Handshake(management.running.addresses.tls_alpn, name, protocols))


def shows(answer, key, name=NAME):
    return answer.error is None and read(answer.certificate) == expected(Identifier("dns", name), digest_of(key))


async def test_a_content_is_shown_until_it_is_removed(manage):
    management = await manage(**HTTP01)
    for content in ("a.one", "a.two"):
        assert await management.post("/add-http01", {"token": "a", "content": content}) == (200, "")
        assert await token(management, "a") == (200, content, None)
    for _ in range(2):
        assert await management.post("/del-http01", {"token": "a"}) == (200, "")
    assert (await token(management, "a"))[0] == 404


async def test_a_path_is_redirected_until_it_is_not(manage):
    management = await manage(**HTTP01)
    assert await management.post("/add-redirect", {"path": "/a", "targetURL": "http://b.test/?c=d"}) == (200, "")
    assert await get(management, "/a?query") == (302, "", "http://b.test/?c=d")
    for _ in range(2):
        assert await management.post("/del-redirect", {"path": "/a"}) == (200, "")
    assert (await get(management, "/a"))[0] == 404


async def test_a_certificate_is_shown_until_it_is_removed(manage):
    management = await manage(**TLS_ALPN)
    for key in ("one", "two"):
        assert await management.post("/add-tlsalpn01", {"host": NAME.upper() + ".", "content": key}) == (200, "")
        assert shows(await shake(management), key)
    for _ in range(2):
        assert await management.post("/del-tlsalpn01", {"host": NAME}) == (200, "")
    assert (await shake(management)).error == "TLS: tlsv1 unrecognized name"


@pytest.mark.parametrize(
    ("path", "members", "sentence"),
    [
        ("/add-http01", {"token": "a"}, "'content' is wanted: a non-empty string"),
        ("/add-http01", {"token": "", "content": "a"}, "'token' is wanted: a non-empty string"),
        ("/del-http01", {}, "'token' is wanted: a non-empty string"),
        ("/add-redirect", {"path": "/a"}, "'targetURL' is wanted: a non-empty string"),
        ("/add-redirect", {"path": "/a", "targetURL": "/b\r\nC: d"}, r"'/b\r\nC: d' cannot be a redirect's target: "),
        ("/add-redirect", {"path": "/a", "targetURL": "/ä"}, r"'/\xe4' cannot be a redirect's target: write it in"),
        ("/del-redirect", {"path": 1}, "'path' is wanted: a non-empty string"),
        ("/add-tlsalpn01", {"host": "a.test"}, "'content' is wanted: a non-empty string"),
        ("/add-tlsalpn01", {"host": "ä.test", "content": "a"}, "'ä.test' is not a domain name"),
        ("/del-tlsalpn01", {}, "'host' is wanted: a non-empty string"),
        ("/http-request-history", {}, "'host' is wanted: a non-empty string"),
        ("/tlsalpn01-request-history", {"host": ""}, "'host' is wanted: a non-empty string"),
    ],
)
async def test_a_bad_body_is_answered_with_a_sentence(manage, path, members, sentence):
    status, text = await (await manage(**HTTP01, **TLS_ALPN)).post(path, members)
    assert status == 400
    assert json.loads(text)["error"].startswith(sentence)


@pytest.mark.parametrize("path", [path for _, path in CHALLENGE_ENDPOINTS])
async def test_where_nothing_listens_a_sentence_says_what_would(manage, path):
    flag = "--tls-alpn-listen" if "tlsalpn" in path else "--http01-listen"
    status, text = await (await manage()).post(path, {"host": "a.test", "token": "a", "content": "a"})
    assert (status, json.loads(text)["error"]) == (
        404,
        f"nothing would show it: no responder listens; {flag} starts one",
    )


async def test_what_came_to_the_http_responder_is_listed_and_forgotten_by_host(manage):
    management = await manage(**HTTP01)
    await management.ask("/worlds", id="w")
    for host in ("a.test:80", NAME, "A.test"):
        await get(management, "/x?y=z", host)
    event = {"URL": "/x?y=z", "HTTPS": False, "ServerName": "", "UserAgent": "test", "method": "GET", "status": 404}
    listed = [{**event, "Host": "a.test:80"}, {**event, "Host": "A.test"}]
    for prefix in ("", "/worlds/w"):
        assert await management.ask(f"{prefix}/http-request-history", host="a.test") == listed
    assert await management.post("/clear-request-history", {"host": "a.test", "type": "http"}) == (200, "")
    assert await management.ask("/http-request-history", host="a.test") == []
    assert len(await management.ask("/http-request-history", host=NAME)) == 1


async def test_what_came_over_https_has_the_name_that_was_asked_for_in_tls(manage):
    management = await manage(**HTTPS01)
    await management.ask("/add-http01", token="a", content="a.key")
    for name in (NAME, None):
        answer = await fetch_https(management, name, "/.well-known/acme-challenge/a")
        assert (answer.startswith("HTTP/1.1 200 "), answer.endswith("a.key")) == (True, True)
    events = await management.ask("/http-request-history", host="a.test")
    assert [(event["HTTPS"], event["ServerName"], event["Host"]) for event in events] == [
        (True, NAME, "a.test"),
        (True, "", "a.test"),
    ]


async def test_what_came_to_the_tls_responder_is_listed_and_forgotten_by_host(manage):
    management = await manage(**TLS_ALPN)
    await management.ask("/add-tlsalpn01", host=NAME, content="key")
    for protocols in ((ACME_TLS,), ("h2", "http/1.1"), ()):
        await shake(management, protocols=protocols)
    await shake(management, "a.test")
    alert = "no_application_protocol"
    assert await management.ask("/tlsalpn01-request-history", host=NAME.upper()) == [
        {"ServerName": NAME, "SupportedProtos": [ACME_TLS], "alert": None},
        {"ServerName": NAME, "SupportedProtos": ["h2", "http/1.1"], "alert": alert},
        {"ServerName": NAME, "SupportedProtos": None, "alert": alert},
    ]
    await management.ask("/clear-request-history", host=NAME, type="tlsalpn")
    assert await management.ask("/tlsalpn01-request-history", host=NAME) == []
    assert len(await management.ask("/tlsalpn01-request-history", host="a.test")) == 1


async def test_what_a_world_shows_is_brought_back_and_gone_with_it(manage):
    management = await manage(**HTTP01, **TLS_ALPN)
    for world in ("w", "other"):
        await management.ask("/worlds", id=world)
        await management.ask(f"/worlds/{world}/add-http01", token=world, content=f"{world}.key")
    prefix = "/worlds/w"
    await management.post(f"{prefix}/add-redirect", {"path": "/w", "targetURL": "/to"})
    await management.ask(f"{prefix}/add-tlsalpn01", host=NAME, content="one")
    taken = await management.ask(f"{prefix}/snapshot")
    for _ in range(2):
        await management.ask(f"{prefix}/del-http01", token="w")
        await management.ask(f"{prefix}/add-http01", token="later", content="later.key")
        await management.post(f"{prefix}/del-redirect", {"path": "/w"})
        await management.ask(f"{prefix}/add-tlsalpn01", host=NAME, content="two")
        await management.ask(f"{prefix}/restore", **taken)
        assert await token(management, "w") == (200, "w.key", None)
        assert (await token(management, "later"))[0] == 404
        assert (await get(management, "/w"))[2] == "/to"
        assert shows(await shake(management), "one")
    for end in (management.post(f"{prefix}/reset", b""), management.delete(prefix)):
        await end
        assert (await token(management, "w"))[0] == (await get(management, "/w"))[0] == 404
        assert (await shake(management)).error is not None
        await management.post(f"{prefix}/add-http01", {"token": "w", "content": "w.key"})
    assert await token(management, "other") == (200, "other.key", None)


async def test_two_worlds_may_show_the_same_and_each_takes_back_its_own(manage):
    management = await manage(**HTTP01, **TLS_ALPN)
    for world in ("a", "b", "default"):
        if world != "default":
            await management.ask("/worlds", id=world)
        await management.ask(f"/worlds/{world}/add-http01", token="t", content=world)
        await management.ask(f"/worlds/{world}/add-tlsalpn01", host=NAME, content=world)
    for gone, left in (("b", "a"), ("a", "default")):
        assert (await token(management, "t"))[1] == gone
        assert shows(await shake(management), gone)
        await management.delete(f"/worlds/{gone}")
        assert (await token(management, "t"))[1] == left
        assert shows(await shake(management), left)


async def test_a_world_that_shows_nothing_takes_nothing_of_others_with_it(manage):
    management = await manage(**HTTP01, **TLS_ALPN)
    for world in ("a", "b"):
        await management.ask("/worlds", id=world)
    await management.delete("/worlds/b")
    for prefix, key in (("", "default"), ("/worlds/a", "a")):
        await management.ask(f"{prefix}/add-http01", token="t", content=key)
        await management.ask(f"{prefix}/add-tlsalpn01", host=NAME, content=key)
        assert (await token(management, "t"))[1] == key
        assert shows(await shake(management), key)


async def test_one_seed_makes_one_challenge_certificate(manage):
    management = await manage(**TLS_ALPN)
    made = []
    for seed in (7, 7, 8):
        await management.ask("/worlds", id="w", seed=seed, start="2026-01-01T00:00:00Z", frozen=True)
        await management.ask("/worlds/w/add-tlsalpn01", host=NAME, content="key")
        made.append((await shake(management)).certificate)
        await management.delete("/worlds/w")
    assert made[0] == made[1] != made[2]


ADDITIONS = {
    "http-01": lambda name, key: ("/add-http01", {"token": key.partition(".")[0], "content": key}),
    "tls-alpn-01": lambda name, key: ("/add-tlsalpn01", {"host": name, "content": key}),
}


async def issue(management, world, kind, redirect=None):
    """Get a certificate with what is posted only; redirect: how the key's path leads elsewhere, to a URL's beginning."""
    client = WireClient(management, world)
    await client.register()
    url, order = await client.order(NAME)
    (authorization,) = [await client.get(each) for each in order["authorizations"]]
    challenge = next(item for item in authorization["challenges"] if item["type"] == kind)
    key = KeyAuthorization(challenge["token"], client.signer.thumbprint).http_body
    path, members = ADDITIONS[kind](NAME, key)
    await management.ask(client.prefix + path, **members)
    if redirect:
        where = f"/.well-known/acme-challenge/{challenge['token']}"
        await management.post(f"{client.prefix}/add-redirect", {"path": where, "targetURL": redirect + where})
    assert (await client.post(challenge["url"], {}))[0] == 200
    await management.ask(f"{client.prefix}/clock", advance=0)
    await client.post(order["finalize"], {"csr": b64url(csr((NAME,)))})
    assert (await client.get(url))["status"] == "valid"


@pytest.mark.parametrize("world", ["default", "w"])
@pytest.mark.parametrize("kind", ADDITIONS)
async def test_a_client_that_only_posts_its_key_gets_a_certificate(manage, kind, world):
    management = await manage(**HTTP01, **TLS_ALPN)
    if world != "default":
        await management.ask("/worlds", id=world)
    await issue(management, world, kind)


async def test_validation_is_redirected_to_https_and_asks_for_the_name(manage):
    management = await manage(**HTTP01, **HTTPS01)
    port = management.running.addresses.https01.partition(":")[2]
    await issue(management, "default", "http-01", redirect=f"https://{NAME}:{port}")
    plain, secure = await management.ask("/http-request-history", host=NAME)
    assert [(each["status"], each["HTTPS"], each["ServerName"]) for each in (plain, secure)] == [
        (302, False, ""),
        (200, True, NAME),
    ]
    assert plain["URL"] == secure["URL"]
