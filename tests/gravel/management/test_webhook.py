"""cert-manager's DNS-01 webhook over HTTPS: what cert-manager posts, and what kube-apiserver asks before it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import attrs
import pytest
from dnslib import DNSRecord
from hypothesis import given
from hypothesis import strategies as st

from acme_server.protocol.vantage import Resolve
from acme_server.worlds import NoSuchWorld
from gravel.management.request_body import Body
from gravel.management.webhook import GROUP, SOLVER, respond
from gravel.management.webhook_discovery import DOCUMENTS, SOLVER_PATH
from issuer_bridge.cert_manager.dns_providers import BUILTIN_WEBHOOK
from solvers.dns.answer import answer_question
from solvers.dns.zone import Zone

PATH = "/apis/acme.gravel.test/v1alpha1/builtin"
NAME = "_acme-challenge.example.com."
AS_JSON = {"Content-Type": "application/json"}
HEAD = {"apiVersion": "webhook.acme.cert-manager.io/v1alpha1", "kind": "ChallengePayload"}


def request(action: str, key: str = "123d==", **changes: Any) -> dict[str, Any]:
    """As test/acme of cert-manager builds it: without a type, for a namespace of its own."""
    return {
        "uid": "",
        "action": action,
        "type": "",
        "dnsName": "example.com",
        "key": key,
        "resourceNamespace": "basic-present-record",
        "resolvedFQDN": NAME,
        "resolvedZone": "example.com.",
        "allowAmbientCredentials": False,
        **changes,
    }


@attrs.frozen
class Solver:
    """What the conformance tests call: Present and CleanUp have no error, or the message of one."""

    management: Any

    async def __call__(self, action: str, key: str = "123d==", **changes: Any) -> str | None:
        sent = request(action, key, **changes)
        status, text = await self.management.post(PATH, {"request": sent}, **AS_JSON)
        answer = json.loads(text)
        assert (status, {name: answer[name] for name in HEAD}, answer["request"]) == (201, HEAD, sent)
        response = answer["response"]
        assert response["uid"] == sent["uid"]
        assert response["success"] == ("status" not in response)
        return None if response["success"] else response["status"]["message"]


@pytest.fixture
async def solver(manage):
    return Solver(await manage())


async def keys(solver: Solver, name: str = NAME) -> list[str]:
    """Ask the DNS server, over UDP."""
    host, port = solver.management.running.addresses.dns.split(":")
    question = DNSRecord.question(name, "TXT")
    reply = DNSRecord.parse(await asyncio.to_thread(question.send, host, int(port), timeout=10))
    return sorted(str(record.rdata).strip('"') for record in reply.rr)


class TestConformance:
    """The cases of `test/acme/suite.go`: what cert-manager asks of every webhook."""

    async def test_a_presented_record_is_found_until_it_is_cleaned_up(self, solver):
        assert await solver("Present") is None
        assert await keys(solver) == ["123d=="]
        assert await solver("CleanUp") is None
        assert await keys(solver) == []
        assert await solver("CleanUp") is None

    async def test_deleting_one_record_retains_the_others(self, solver):
        assert await solver("Present") is None
        assert await solver("Present", "anothertestingkey") is None
        assert await keys(solver) == ["123d==", "anothertestingkey"]
        assert await solver("CleanUp", "anothertestingkey") is None
        assert await keys(solver) == ["123d=="]


async def test_presenting_again_changes_nothing(solver):
    for _ in range(2):
        assert await solver("Present") is None
    assert await keys(solver) == ["123d=="]
    assert await solver("CleanUp") is None
    assert await keys(solver) == []


async def test_the_record_stands_where_aliases_led_and_the_uid_comes_back(solver):
    changes = {"uid": "u-1", "type": "dns-01", "dnsName": "*.example.com", "resolvedFQDN": "alias.example.net."}
    assert await solver("Present", **changes) is None
    assert await keys(solver, "alias.example.net") == ["123d=="]
    assert await keys(solver) == []


async def test_the_config_of_an_issuer_chooses_the_world(solver):
    await solver.management.ask("/worlds", id="w")
    assert await solver("Present", config={"world": "w"}) is None
    assert await solver("Present", "default", config={"world": "default"}) is None
    assert await keys(solver) == ["default"]
    found = answer_question(solver.management.running.worlds.get("w").view.zone, Resolve(NAME, "TXT"))
    assert found.values("TXT") == ("123d==",)


FAILURES = [
    ({"type": "http-01"}, "challenges of type 'http-01' are not solved here; dns-01 is"),
    ({"resolvedFQDN": ""}, "'resolvedFQDN' is wanted: a non-empty string"),
    ({"resolvedFQDN": None}, "'resolvedFQDN' is wanted: a non-empty string"),
    ({"resolvedFQDN": "."}, "'resolvedFQDN' is wanted: a non-empty string"),
    ({"resolvedFQDN": "a..b."}, "'a..b.' is not a domain name"),
    ({"key": ""}, "'key' is wanted: a non-empty string"),
    ({"key": "x" * 65001}, "a TXT value has at most 65000 octets"),
    ({"config": {"token": "x"}}, "'token' is not known here; known are world"),
    ({"config": {"world": 1}}, "'world' is wanted: a non-empty string"),
    ({"config": []}, "'config' is wanted: an object"),
    ({"config": {"world": "x"}}, "there is no world 'x'"),
]


async def test_what_cannot_be_done_is_a_response_with_the_reason_of_the_challenge(solver):
    for changes, sentence in FAILURES:
        assert await solver("Present", **changes) == sentence, changes
    assert await keys(solver) == []


ONE = request("Present")
MISTAKES = [
    (b"", "the body is not JSON"),
    (b"\x00", "the body is not JSON"),
    ([], "the body is not a JSON object"),
    ({}, "'request' is wanted: an object"),
    ({"request": None}, "'request' is wanted: an object"),
    ({"request": []}, "'request' is wanted: an object"),
    ({"request": {}}, "'action' is one of Present, CleanUp, not ''"),
    ({"request": ONE | {"action": "present"}}, "'action' is one of Present, CleanUp, not 'present'"),
    ({"request": ONE | {"action": 1}}, "'action' is wanted: a string"),
    ({"request": ONE | {"uid": 1}}, "'uid' is wanted: a string"),
    ({"request": ONE | {"key": ["x"]}}, "'key' is wanted: a string"),
    ({"request": ONE | {"resolvedFQDN": {}}}, "'resolvedFQDN' is wanted: a string"),
    ({**HEAD, "kind": "Challenge", "request": ONE}, "'kind' is ChallengePayload here"),
    ({**HEAD, "apiVersion": "v1", "request": ONE}, "'apiVersion' is webhook.acme.cert-manager.io/v1alpha1 here"),
]


async def test_what_is_no_payload_is_a_status_of_kubernetes(solver):
    for body, sentence in MISTAKES:
        status, text = await solver.management.post(PATH, body, **AS_JSON)
        answer = json.loads(text)
        assert answer.pop("message").startswith(sentence), body
        expected = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
        assert (status, answer) == (400, {**expected, "reason": "BadRequest", "code": 400})
    assert await keys(solver) == []


@pytest.mark.parametrize("media", ["application/vnd.kubernetes.protobuf", "application/yaml", "text/plain"])
async def test_a_body_that_is_not_json_is_a_status_of_kubernetes_too(solver, media):
    status, text = await solver.management.post(PATH, {"request": ONE}, **{"Content-Type": media})
    sentence = f"the body is {media}, and application/json is wanted"
    assert (status, json.loads(text)["reason"], json.loads(text)["message"]) == (415, "UnsupportedMediaType", sentence)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
MEMBERS = ("uid", "action", "type", "key", "resolvedFQDN", "config")
REQUESTS = st.dictionaries(st.sampled_from(MEMBERS), JSON | st.sampled_from(["Present", NAME, "v"]))


@given(JSON | st.fixed_dictionaries({"request": JSON | REQUESTS}))
def test_any_json_is_done_or_has_a_sentence_and_changes_nothing(document):
    def zone_of(world_id):
        if world_id != "default":
            raise NoSuchWorld("there is no such world")
        return zone

    zone = Zone()
    untouched = zone.soa("test")
    try:
        response = respond(Body(document if isinstance(document, dict) else {}), zone_of)["response"]
    except ValueError as error:
        response = {"success": False, "status": {"message": str(error)}}
    if not response["success"]:
        assert response["status"]["message"]
        assert untouched == zone.soa("test")


@given(st.lists(st.tuples(st.sampled_from(["Present", "CleanUp"]), st.sampled_from("abc")), max_size=12))
def test_a_name_has_the_keys_that_were_presented_and_not_cleaned_up_since(steps):
    zone, expected = Zone(), dict[str, None]()
    for action, key in steps:
        answer = respond(Body({"request": request(action, key)}), lambda _: zone)
        assert answer["response"] == {"uid": "", "success": True}
        expected |= {key: None}
        if action == "CleanUp":
            del expected[key]
    assert sorted(answer_question(zone, Resolve(NAME, "TXT")).values("TXT")) == sorted(expected)


def test_the_bridge_knows_this_webhook_by_the_same_names():
    assert (GROUP, SOLVER) == BUILTIN_WEBHOOK
    assert SOLVER_PATH == PATH


async def shown(management, path, **headers):
    status, text = await management.get(path, **headers)
    assert status == 200, text
    return json.loads(text)


async def test_discovery_leads_from_the_groups_to_the_solver(manage):
    management = await manage()
    [group] = (await shown(management, "/apis"))["groups"]
    assert {"kind": "APIGroup", "apiVersion": "v1", **group} == await shown(management, f"/apis/{group['name']}")
    version = group["preferredVersion"]["groupVersion"]
    resources = await shown(management, f"/apis/{version}")
    assert (resources["kind"], resources["groupVersion"]) == ("APIResourceList", version)
    [resource] = resources["resources"]
    assert f"/apis/{version}/{resource['name']}" == PATH
    assert f"{resource['group']}/{resource['version']}" == HEAD["apiVersion"]
    assert (resource["kind"], resource["namespaced"], resource["verbs"]) == (HEAD["kind"], False, ["create"])


V2 = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
V2BETA1 = V2.replace("v=v2", "v=v2beta1")


@pytest.mark.parametrize(
    ("accept", "version"), [(V2, "v2"), (f"{V2},{V2BETA1},application/json", "v2"), (V2BETA1, "v2beta1")]
)
async def test_discovery_is_one_document_for_who_asks_for_that(manage, accept, version):
    management = await manage()
    url = f"{management.running.addresses.management}/apis"
    async with management.session.get(url, headers={"Accept": accept}) as answer:
        assert answer.headers["Content-Type"] == V2.replace("v=v2", f"v={version}")
        document = json.loads(await answer.text())
    assert (document["kind"], document["apiVersion"]) == ("APIGroupDiscoveryList", f"apidiscovery.k8s.io/{version}")
    [group] = document["items"]
    [resource] = group["versions"][0]["resources"]
    found = (group["metadata"]["name"], group["versions"][0]["version"], resource["resource"], resource["scope"])
    assert found == ("acme.gravel.test", "v1alpha1", "builtin", "Cluster")


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("", 200),
        ("*/*", 200),
        ("application/*", 200),
        ("text/html, application/json;q=0.9", 200),
        (V2.replace("=v2", "=v3"), 200),
        ("application/com.github.proto-openapi.spec.v2@v1.0+protobuf", 406),
    ],
)
async def test_documents_are_json_for_who_takes_json(manage, accept, status):
    for path in DOCUMENTS:
        assert (await (await manage()).get(path, Accept=accept))[0] == status, path


async def test_both_openapis_have_the_path_of_the_solver_and_only_schemas_that_are_there(manage):
    management = await manage()
    second = await shown(management, "/openapi/v2")
    [(path, entry)] = (await shown(management, "/openapi/v3"))["paths"].items()
    assert path == "apis/acme.gravel.test/v1alpha1"
    third = await shown(management, entry["serverRelativeURL"])
    assert (second["swagger"], third["openapi"]) == ("2.0", "3.0.0")
    for document in (second, third):
        assert list(document["paths"]) == [PATH]
        reference = document["paths"][PATH]["post"]["responses"]["201"]
        schema = (reference.get("content", {}).get("application/json") or reference)["schema"]["$ref"]
        found = document
        for member in schema.removeprefix("#/").split("/"):
            found = found[member]
        assert set(request("Present")) | {"config"} == set(found["properties"]["request"]["properties"])


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz"])
async def test_probes_are_answered_without_a_token(manage, path):
    assert await (await manage(management_token="s3cret")).get(path) == (200, "ok\n")


@pytest.mark.parametrize(("is_open", "status"), [(False, 401), (True, 201)])
async def test_beyond_loopback_the_webhook_wants_the_token_unless_it_is_open(manage, is_open, status):
    management = await manage(management_token="s3cret", webhook_open=is_open)
    assert (await management.post(PATH, {"request": ONE}, **AS_JSON))[0] == status
    for path in DOCUMENTS:
        assert (await management.get(path))[0] == (200 if is_open else 401), path
    assert (await management.post(PATH, {"request": ONE}, **AS_JSON, Authorization="Bearer s3cret"))[0] == 201
    for path in ("/journal", "/apis/acme.gravel.test/v1alpha1/other", "/worlds"):
        assert (await management.get(path))[0] == 401, path
    assert (await management.post(PATH, {"request": ONE}, **AS_JSON, Origin="https://evil.example"))[0] == 403
