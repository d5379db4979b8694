"""Validating admission webhooks: real ones, over TLS, that allow, deny, warn, hang and talk nonsense."""

import asyncio
import base64
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from random import Random

import aiohttp
import pytest
from aiohttp import web

from acme_server.tls import create
from issuer_bridge.resources import VALIDATING_WEBHOOKS, ApiError
from solvers.tls_context import server_context
from tests.embedded_api import new_store, serving

MATERIAL = create(Random(1).randbytes, datetime.now(UTC), ("localhost", "127.0.0.1"))
MAPS = "/api/v1/namespaces/default/configmaps"
WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
RULE = {"operations": ["*"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"]}


class Webhook:
    """What it was asked, and what it answers: a response without its uid, or something to send as it is."""

    def __init__(self):
        self.asked, self.answer, self.path = [], {"allowed": True}, ""

    async def review(self, request):
        document = await request.json()
        self.asked.append(document["request"])
        self.path = request.path_qs
        if callable(self.answer):
            return await self.answer(request)
        response = {"uid": document["request"]["uid"], **self.answer}
        return web.json_response({**document, "request": None, "response": response})


@asynccontextmanager
async def listening(webhook):
    app = web.Application()
    app.router.add_post("/check", webhook.review)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    try:
        context = server_context(MATERIAL.certificate_pem, MATERIAL.key_pem)
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
        await site.start()
        yield f"https://127.0.0.1:{site._server.sockets[0].getsockname()[1]}/check"
    finally:
        await runner.cleanup()


def configuration(url, *rules, ca=MATERIAL.ca_pem, **fields):
    webhook = {
        "name": "check.example.com",
        "clientConfig": {"url": url, "caBundle": base64.b64encode(ca.encode()).decode()},
        "rules": list(rules) or [RULE],
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }
    return {"metadata": {"name": "checks"}, "webhooks": [webhook | fields]}


class Cluster:
    """An API whose writes a webhook may see."""

    def __init__(self, store, session, webhook, url):
        self.store, self.session, self.webhook, self.url = store, session, webhook, url

    def install(self, *rules, **fields):
        self.store.insert(VALIDATING_WEBHOOKS, configuration(self.url, *rules, **fields))

    async def ask(self, method, path, body=None, **query):
        async with self.session.request(method, path, json=body, params=query) as answer:
            return answer.status, await answer.json(), answer.headers.getall("Warning", [])

    async def write(self, name="a", **metadata):
        return await self.ask("POST", MAPS, {"metadata": {"name": name, **metadata}, "data": {"x": "y"}})


@pytest.fixture
async def cluster():
    store, webhook = new_store(), Webhook()
    async with listening(webhook) as url, serving(store) as api, aiohttp.ClientSession(api) as session:
        yield Cluster(store, session, webhook, url)


async def test_a_webhook_sees_what_will_be_and_what_was(cluster):
    cluster.install()
    status, made, _ = await cluster.write()
    assert status == 201
    [asked] = cluster.webhook.asked
    assert cluster.webhook.path == "/check?timeout=10s"
    assert asked["operation"] == "CREATE"
    assert (asked["name"], asked["namespace"], asked["oldObject"]) == ("a", "default", None)
    assert asked["object"]["data"] == {"x": "y"}
    assert asked["userInfo"]["username"] == "admin"
    assert asked["resource"] == {"group": "", "version": "v1", "resource": "configmaps"}
    made["data"] = {"x": "z"}
    assert (await cluster.ask("PUT", f"{MAPS}/a", made))[0] == 200
    assert (await cluster.ask("DELETE", f"{MAPS}/a", {"propagationPolicy": "Background"}))[0] == 200
    _, update, removal = cluster.webhook.asked
    assert (update["operation"], update["object"]["data"], update["oldObject"]["data"]) == (
        "UPDATE",
        {"x": "z"},
        {"x": "y"},
    )
    assert (removal["operation"], removal["object"], removal["oldObject"]["data"]) == ("DELETE", None, {"x": "z"})
    assert len({asked["uid"] for asked in cluster.webhook.asked}) == 3


@pytest.mark.parametrize(
    ("answer", "code", "text"),
    [
        ({"allowed": False}, 400, "denied the request without explanation"),
        ({"allowed": False, "status": {"message": "no", "code": 403, "reason": "Forbidden"}}, 403, "denied the request: no"),
        ({"allowed": False, "status": {"code": 200}}, 400, "denied the request without explanation"),
        ({"allowed": "yes"}, 500, "webhook response was absent"),
        ({"allowed": True, "uid": "other"}, 500, 'got "other"'),
    ],
)  # fmt: skip
async def test_what_is_not_allowed_is_not_written(cluster, answer, code, text):
    cluster.install()
    cluster.webhook.answer = answer
    status, document, _ = await cluster.write()
    assert (status, text in document["message"]) == (code, True), document
    assert 'webhook "check.example.com"' in document["message"]
    assert (await cluster.ask("GET", MAPS))[1]["items"] == []


async def test_warnings_reach_the_client(cluster):
    cluster.install()
    cluster.webhook.answer = {"allowed": True, "warnings": ["soon gone"]}
    assert (await cluster.write())[2] == ['299 - "soon gone"']


async def hang(request):
    await asyncio.Event().wait()


async def fail(request):
    return web.Response(status=503)


async def babble(request):
    return web.Response(text="{}")


@pytest.mark.parametrize(
    ("answer", "text"),
    [(hang, "context deadline exceeded"), (fail, "it said HTTP 503"), (babble, "Kind=AdmissionReview")],
)
async def test_a_failure_is_what_the_policy_says(cluster, answer, text):
    cluster.webhook.answer = answer
    cluster.install(timeoutSeconds=1)
    status, document, _ = await cluster.write()
    assert (status, document["reason"], text in document["message"]) == (500, "InternalError", True), document
    assert 'failed calling webhook "check.example.com"' in document["message"]
    cluster.store.remove(VALIDATING_WEBHOOKS, "", "checks")
    cluster.install(failurePolicy="Ignore", timeoutSeconds=1)
    assert (await cluster.write())[0] == 201


async def test_a_webhook_that_shows_a_certificate_of_another_ca_has_failed(cluster):
    cluster.install(ca=create(Random(2).randbytes, datetime.now(UTC), ("localhost",)).ca_pem)
    status, document, _ = await cluster.write()
    assert (status, "certificate verify failed" in document["message"]) == (500, True)
    assert cluster.webhook.asked == []


@pytest.mark.parametrize(
    ("fields", "rule", "seen"),
    [
        ({}, {}, True),
        ({}, {"operations": ["UPDATE", "DELETE"]}, False),
        ({}, {"apiGroups": ["apps"]}, False),
        ({}, {"apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*"]}, True),
        ({}, {"apiVersions": ["v2"]}, False),
        ({}, {"resources": ["*/status"]}, False),
        ({}, {"resources": ["*/*"]}, True),
        ({}, {"scope": "Cluster"}, False),
        ({"objectSelector": {"matchLabels": {"a": "b"}}}, {}, True),
        ({"objectSelector": {"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["b"]}]}}, {}, False),
        ({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "default"}}}, {}, True),
        ({"namespaceSelector": {"matchExpressions": [{"key": "team", "operator": "Exists"}]}}, {}, False),
    ],
)
async def test_rules_and_selectors_say_what_it_sees(cluster, fields, rule, seen):
    cluster.install(RULE | rule, **fields)
    cluster.webhook.answer = {"allowed": False}
    assert (await cluster.write(labels={"a": "b"}))[0] == (400 if seen else 201)
    assert len(cluster.webhook.asked) == seen


async def test_a_dry_run_is_asked_about_and_says_so(cluster):
    cluster.install()
    assert (await cluster.ask("POST", MAPS, {"metadata": {"name": "a"}}, dryRun="All"))[0] == 201
    assert [asked["dryRun"] for asked in cluster.webhook.asked] == [True]
    assert (await cluster.ask("GET", MAPS))[1]["items"] == []


async def test_each_object_of_a_collection_is_asked_about(cluster):
    for name in ("a", "b"):
        await cluster.write(name)
    cluster.install()
    assert (await cluster.ask("DELETE", MAPS))[0] == 200
    assert [(asked["operation"], asked["name"]) for asked in cluster.webhook.asked] == [
        ("DELETE", "a"),
        ("DELETE", "b"),
    ]


async def test_what_is_refused_anyway_is_not_asked_about(cluster):
    cluster.install()
    assert (await cluster.ask("POST", MAPS, {"metadata": {"name": "A"}}))[0] == 422
    assert cluster.webhook.asked == []


async def test_its_own_configuration_can_always_be_taken_away(cluster):
    cluster.install(RULE | {"apiGroups": ["*"], "resources": ["*"]})
    cluster.webhook.answer = {"allowed": False}
    assert (await cluster.ask("DELETE", f"{WEBHOOKS}/checks"))[0] == 200


@pytest.mark.parametrize(
    ("url", "fields", "text"),
    [
        ("https://example.com/check", {}, "a loopback address"),
        ("http://127.0.0.1/check", {}, "must be https://"),
        ("https://me@127.0.0.1/check", {}, "must be https://"),
        ("https://127.0.0.1/", {"timeoutSeconds": 31}, "between 1 and 30 seconds"),
        ("https://127.0.0.1/", {"name": "check"}, "at least three segments"),
        ("https://127.0.0.1/", {"admissionReviewVersions": ["v1beta1"]}, "must include at least one of v1"),
        ("https://127.0.0.1/", {"sideEffects": "Some"}, "Unsupported value"),
        ("https://127.0.0.1/", {"matchConditions": [{"name": "x"}]}, "CEL is not evaluated here"),
        ("https://127.0.0.1/", {"clientConfig": {"service": {"name": "x"}}}, "nothing runs behind a Service here"),
        ("https://127.0.0.1/", {"clientConfig": {}}, "exactly one of url or service is required"),
    ],
)
def test_a_configuration_that_cannot_be_is_refused_with_the_field(url, fields, text):
    with pytest.raises(ApiError) as caught:
        new_store().insert(VALIDATING_WEBHOOKS, configuration(url, **fields))
    assert caught.value.code == 422
    assert text in caught.value.message
