import asyncio
import io
import json

import aiohttp
import pytest

from issuer_bridge.kube_api import api
from issuer_bridge.kube_api.rest import MAX_BODY
from issuer_bridge.resources import CERTIFICATE_REQUEST
from tests.embedded_api import new_store, serving

REQUESTS = "/apis/cert-manager.io/v1/namespaces/default/certificaterequests"


def request(name="www"):
    return {
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"request": "Zm9v", "issuerRef": {"name": "gravel"}},
    }


@pytest.fixture
async def store():
    return new_store()


@pytest.fixture
async def session(store):
    async with serving(store) as url, aiohttp.ClientSession(url) as session:
        yield session


async def next_event(response):
    event = json.loads(await response.content.readline())
    return event["type"], event["object"].get("metadata", {}).get("name")


async def test_a_resource_goes_round_over_http(session, store):
    async with session.post(REQUESTS, json=request()) as response:
        assert (response.status, response.content_type) == (201, "application/json")
        made = await response.json()
    assert made == store.get(CERTIFICATE_REQUEST, "default", "www")
    async with session.get(f"{REQUESTS}/www") as response:
        assert await response.json() == made
    made["metadata"]["labels"] = {"ä": "ö"}
    async with session.put(f"{REQUESTS}/www", json=made) as response:
        assert (response.status, (await response.json())["metadata"]["labels"]) == (200, {"ä": "ö"})
    patch = aiohttp.JsonPayload({"metadata": {"labels": None}}, content_type="application/merge-patch+json")
    async with session.patch(f"{REQUESTS}/www", data=patch) as response:
        assert "labels" not in (await response.json())["metadata"]
    async with session.delete(f"{REQUESTS}/www") as response:
        assert (await response.json())["status"] == "Success"
    assert store.list(CERTIFICATE_REQUEST) == []


async def test_warnings_are_headers(session):
    sent = request()
    sent["spec"]["bogus"] = 1
    async with session.post(REQUESTS, json=sent) as response:
        assert response.headers["Warning"] == r'299 - "unknown field \"spec.bogus\""'


async def test_a_probe_may_ask_for_the_head_only(session):
    async with session.head("/livez/ping") as response:
        assert (response.status, await response.read()) == (200, b"")


async def test_a_body_that_is_too_large_is_refused(session, store):
    async with session.post(REQUESTS, data=io.BytesIO(b" " * (MAX_BODY + 1))) as response:
        document = await response.json()
    assert (response.status, document["reason"]) == (413, "RequestEntityTooLarge")


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://evil.test"}, {"Origin": "null"}, {"Host": "evil.test"}],
    ids=str,
)
async def test_a_web_page_is_refused(session, store, headers):
    async with session.post(REQUESTS, json=request(), headers=headers) as response:
        assert (response.status, (await response.json())["reason"]) == (403, "Forbidden")
    assert store.list(CERTIFICATE_REQUEST) == []


async def test_a_watch_streams_what_happens(session, store):
    store.insert(CERTIFICATE_REQUEST, request("a"))
    async with session.get(REQUESTS, params={"watch": "true"}) as response:
        assert (response.status, response.content_type) == (200, "application/json")
        assert await next_event(response) == ("ADDED", "a")
        store.insert(CERTIFICATE_REQUEST, request("b"))
        assert await next_event(response) == ("ADDED", "b")
        store.remove(CERTIFICATE_REQUEST, "default", "a")
        assert await next_event(response) == ("DELETED", "a")


async def test_a_watch_from_a_version_begins_with_what_came_after_it(session, store):
    version = store.insert(CERTIFICATE_REQUEST, request("a"))["metadata"]["resourceVersion"]
    store.insert(CERTIFICATE_REQUEST, request("b"))
    async with session.get(REQUESTS, params={"watch": "1", "resourceVersion": version}) as response:
        assert await next_event(response) == ("ADDED", "b")


async def test_a_watch_from_before_the_server_is_told_to_list_again():
    store = new_store()
    for name in ("a", "b"):
        store.insert(CERTIFICATE_REQUEST, request(name))
    query = {"watch": "true", "resourceVersion": "1"}
    async with (
        serving(store) as url,
        aiohttp.ClientSession(url) as session,
        session.get(REQUESTS, params=query) as response,
    ):
        event = json.loads(await response.content.readline())
        assert (event["type"], event["object"]["code"]) == ("ERROR", 410)
        assert await response.content.read() == b""


async def test_a_watch_that_cannot_be_is_refused_before_it_streams(session):
    async with session.get(REQUESTS, params={"watch": "true", "sendInitialEvents": "true"}) as response:
        assert (response.status, (await response.json())["kind"]) == (422, "Status")
    async with session.get(REQUESTS, params={"watch": "true"}, headers={"Accept": "text/html"}) as response:
        assert (response.status, (await response.json())["reason"]) == (406, "NotAcceptable")


async def test_a_watch_ends_when_its_time_is_up(session):
    async with session.get(REQUESTS, params={"watch": "true", "timeoutSeconds": "1"}) as response:
        assert await response.content.read() == b""


async def test_a_bookmark_comes_before_the_end(session, store):
    version = store.insert(CERTIFICATE_REQUEST, request())["metadata"]["resourceVersion"]
    query = {"watch": "true", "timeoutSeconds": "1", "resourceVersion": version, "allowWatchBookmarks": "true"}
    async with session.get(REQUESTS, params=query) as response:
        [bookmark] = map(json.loads, (await response.content.read()).splitlines())
    assert (bookmark["type"], bookmark["object"]["metadata"]) == ("BOOKMARK", {"resourceVersion": version})


async def test_bookmarks_come_now_and_then(session, monkeypatch):
    monkeypatch.setattr(api, "_BOOKMARK", 0.01)
    async with session.get(REQUESTS, params={"watch": "true", "allowWatchBookmarks": "true"}) as response:
        assert [(await next_event(response))[0] for _ in range(3)] == ["BOOKMARK"] * 3


async def test_the_servers_end_ends_its_watches():
    async with aiohttp.ClientSession() as session:
        async with serving(new_store()) as url:
            response = await session.get(url + REQUESTS, params={"watch": "true"})
        assert await response.content.read() == b""


async def test_a_watch_whose_client_has_gone_is_forgotten(monkeypatch):
    monkeypatch.setattr(api, "_LOOK", 0.01)
    known = []

    class Known(api._Api):
        def __init__(self, store, access):
            super().__init__(store, access)
            known.append(self)

    monkeypatch.setattr(api, "_Api", Known)
    async with serving(new_store()) as url, aiohttp.ClientSession(url) as session:
        async with session.get(REQUESTS, params={"watch": "true"}) as response:
            assert len(known[0]._waiting) == 1
            response.close()
        async with asyncio.timeout(10):
            while known[0]._waiting:  # noqa: ASYNC110 - nobody is told of it
                await asyncio.sleep(0)
