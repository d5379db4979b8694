import asyncio

import aiohttp
import pytest
from aiohttp import web

from gravel.kube_client import KubeClient, Unreachable, resource_path
from issuer_bridge.resources import CERTIFICATE_REQUEST, CLUSTER_ISSUER, SECRET, ApiError
from tests.embedded_api import new_store, serving


def request(name="www", **metadata):
    return {
        "metadata": {"name": name, "namespace": "default", **metadata},
        "spec": {"request": "Zm9v", "issuerRef": {"name": "gravel"}},
    }


@pytest.fixture
async def store():
    return new_store()


@pytest.fixture
async def client(store):
    async with serving(store) as url, KubeClient(url) as client:
        yield client


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        ((CERTIFICATE_REQUEST,), "/apis/cert-manager.io/v1/certificaterequests"),
        ((CERTIFICATE_REQUEST, "x"), "/apis/cert-manager.io/v1/namespaces/x/certificaterequests"),
        ((SECRET, "x", "a/b"), "/api/v1/namespaces/x/secrets/a%2Fb"),
        ((CLUSTER_ISSUER, "x", "y", "status"), "/apis/cert-manager.io/v1/clusterissuers/y/status"),
    ],
)
def test_a_resource_has_a_path(arguments, path):
    assert resource_path(*arguments) == path


async def test_a_resource_is_written_and_read(client, store):
    made = await client.create(CERTIFICATE_REQUEST, request())
    assert made == store.get(CERTIFICATE_REQUEST, "default", "www")
    assert await client.get(CERTIFICATE_REQUEST, "default", "www") == made
    assert await client.get(CERTIFICATE_REQUEST, "default", "nope") is None
    made["metadata"]["labels"] = {"a": "b"}
    made = await client.replace(CERTIFICATE_REQUEST, made)
    made["status"] = {"certificate": "Zm9v"}
    made = await client.replace(CERTIFICATE_REQUEST, made, "status")
    assert (made["metadata"]["labels"], made["status"]) == ({"a": "b"}, {"certificate": "Zm9v"})
    made = await client.merge_patch(CERTIFICATE_REQUEST, "default", "www", {"metadata": {"labels": None}})
    assert "labels" not in made["metadata"]
    made = await client.merge_patch(CERTIFICATE_REQUEST, "default", "www", {"status": {"ca": "Zm9v"}}, "status")
    assert made["status"] == {"certificate": "Zm9v", "ca": "Zm9v"}
    await client.delete(CERTIFICATE_REQUEST, "default", "www")
    assert store.list(CERTIFICATE_REQUEST) == []


async def test_a_list_takes_selectors_and_tells_its_version(client, store):
    store.insert(CERTIFICATE_REQUEST, request("one", labels={"a": "b"}))
    store.insert(CERTIFICATE_REQUEST, request("two"))
    store.insert(CERTIFICATE_REQUEST, request("three", labels={"a": "b"}) | {"kind": "CertificateRequest"})
    listing = await client.list(CERTIFICATE_REQUEST, labels="a=b", fields="metadata.name!=three")
    assert [item["metadata"]["name"] for item in listing.items] == ["one"]
    assert listing.resource_version == "3"
    assert (await client.list(CERTIFICATE_REQUEST, "other")).items == ()


async def test_what_the_api_refuses_is_an_error_with_its_details(client):
    with pytest.raises(ApiError) as caught:
        await client.create(CERTIFICATE_REQUEST, request() | {"spec": {}})
    error = caught.value
    assert (error.code, error.reason, error.details["name"]) == (422, "Invalid", "www")
    assert "spec.request: Required value" in str(error)


async def test_unknown_fields_are_refused(client):
    sent = request()
    sent["spec"]["isca"] = True
    with pytest.raises(ApiError, match=r'unknown field "spec\.isca"; did you mean "isCA"'):
        await client.create(CERTIFICATE_REQUEST, sent)


async def test_a_watch_yields_events_of_any_size_until_the_server_ends():
    store, seen = new_store(), []
    async with KubeClient("http://127.0.0.1:1") as client:
        async with serving(store) as client.url:
            events = client.watch(CERTIFICATE_REQUEST, "default", "0")
            store.insert(CERTIFICATE_REQUEST, request(annotations={"large": "x" * 300_000}))
            seen.append(await anext(events))
            store.remove(CERTIFICATE_REQUEST, "default", "www")
            seen.append(await anext(events))
        seen += [event async for event in events]
    assert [(event, len(item["metadata"]["annotations"]["large"])) for event, item in seen] == [
        ("ADDED", 300_000),
        ("DELETED", 300_000),
    ]


async def test_a_watch_of_what_is_gone_is_an_error():
    store = new_store()
    store.insert(CERTIFICATE_REQUEST, request("one"))
    store.insert(CERTIFICATE_REQUEST, request("two"))
    async with serving(store) as url, KubeClient(url) as client:
        with pytest.raises(ApiError) as caught:
            await anext(client.watch(CERTIFICATE_REQUEST, resource_version="1"))
        assert caught.value.code == 410
        with pytest.raises(ApiError, match="resourceVersion"):
            await anext(client.watch(CERTIFICATE_REQUEST, resource_version="x"))


async def test_silence_is_one_sentence():
    async with serving(new_store()) as url:
        pass
    async with KubeClient(url) as client:
        with pytest.raises(Unreachable, match=f"^nothing answers at {url}; is 'gravel up' running\\?$"):
            await client.list(CERTIFICATE_REQUEST)


@pytest.mark.parametrize("url", ["", "127.0.0.1:16443", "localhost"])
async def test_what_is_no_url_is_one_sentence(url):
    async with KubeClient(url) as client:
        with pytest.raises(Unreachable, match=r"is no URL; it looks like http://127.0.0.1:16443$"):
            await client.list(CERTIFICATE_REQUEST)


async def test_a_server_without_tls_is_one_sentence():
    async with serving(new_store()) as url, KubeClient(url.replace("http:", "https:")) as client:
        with pytest.raises(
            Unreachable, match=r"^no TLS with https://[0-9.:]+ that is trusted; the API of 'gravel up' is plain http"
        ):
            await client.list(CERTIFICATE_REQUEST)


async def foreign(handler):
    """Serve one handler for every path."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    return runner, f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"


async def test_a_server_that_hangs_is_one_sentence(monkeypatch):
    end = asyncio.Event()

    async def hang(request):
        await end.wait()
        return web.Response()

    monkeypatch.setattr("gravel.kube_client._TIMEOUT", aiohttp.ClientTimeout(total=0.05))
    runner, url = await foreign(hang)
    try:
        async with KubeClient(url) as client:
            with pytest.raises(Unreachable, match="does not answer in time"):
                await client.list(CERTIFICATE_REQUEST)
    finally:
        end.set()
        await runner.cleanup()


async def drop(request):
    request.transport.abort()
    return web.Response()


async def page(request):
    return web.Response(text="<html>", content_type="text/html")


async def nothing(request):
    return web.Response(status=404, text="404 page not found\n")


@pytest.mark.parametrize(
    ("handler", "error", "text"),
    [
        (page, Unreachable, "does not speak the Kubernetes API (it said HTTP 200, text/html)"),
        (drop, Unreachable, "broke the connection off"),
        (nothing, ApiError, "does not know /apis/cert-manager.io/v1/namespaces/default/certificaterequests/www"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
async def test_another_server_is_one_sentence(handler, error, text):
    runner, url = await foreign(handler)
    try:
        async with KubeClient(url) as client:
            with pytest.raises(error) as caught:
                await client.get(CERTIFICATE_REQUEST, "default", "www")
            assert text in str(caught.value)
    finally:
        await runner.cleanup()
