"""kubernetes_asyncio, the generated client, on the embedded API: definitions, watches, signing requests, events."""

from __future__ import annotations

import pytest
from kubernetes_asyncio import client, watch
from kubernetes_asyncio.client.exceptions import ApiException

from issuer_bridge.kube_api.users import ADMIN, Access
from tests.embedded_api import new_store, serving
from tests.issuer_bridge.bridge_resources import csr_of
from tests.issuer_bridge.kube_api.test_signing_requests import CERTIFICATE, SIGNER
from tests.issuer_bridge.kube_api.widgets import NAME, definition, widget

WIDGETS = ("example.com", "v1", "default", "widgets")
MERGE = {"_content_type": "application/merge-patch+json"}


@pytest.fixture
async def api():
    """A client with the token that the API wants."""
    async with serving(new_store(), access=Access({"s3cret": ADMIN})) as url:
        configuration = client.Configuration(host=url, api_key={"BearerToken": "Bearer s3cret"})
        async with client.ApiClient(configuration) as api:
            yield api


@pytest.fixture
async def objects(api):
    """Objects of a kind that the client has defined."""
    definitions = client.ApiextensionsV1Api(api)
    await definitions.create_custom_resource_definition(definition())
    made = await definitions.read_custom_resource_definition(NAME)
    assert {item.type: item.status for item in made.status.conditions} == {
        "NamesAccepted": "True",
        "Established": "True",
    }
    return client.CustomObjectsApi(api)


async def test_a_watch_goes_on_from_a_list(objects):
    for name in ("w1", "w2"):
        body = widget(name) | {"apiVersion": "example.com/v1", "kind": "Widget"}
        await objects.create_namespaced_custom_object(*WIDGETS, body)
    listed = await objects.list_namespaced_custom_object(*WIDGETS)
    assert [item["metadata"]["name"] for item in listed["items"]] == ["w1", "w2"]
    await objects.patch_namespaced_custom_object_status(*WIDGETS, "w1", {"status": {"phase": "Ready"}}, **MERGE)
    await objects.delete_namespaced_custom_object(*WIDGETS, "w2")
    seen = []
    version = listed["metadata"]["resourceVersion"]
    async with watch.Watch() as watching:
        follow = objects.list_namespaced_custom_object
        async for event in watching.stream(follow, *WIDGETS, resource_version=version, timeout_seconds=10):
            seen.append((event["type"], event["object"]["metadata"]["name"], event["object"].get("status")))
            if event["type"] == "DELETED":
                watching.stop()
    assert seen == [("MODIFIED", "w1", {"phase": "Ready"}), ("DELETED", "w2", None)]


async def test_a_refusal_is_an_exception_with_its_status(objects):
    body = widget("w1", size=10) | {"apiVersion": "example.com/v1", "kind": "Widget"}
    with pytest.raises(ApiException) as caught:
        await objects.create_namespaced_custom_object(*WIDGETS, body)
    assert caught.value.status == 422
    assert "spec.size in body should be less than or equal to 9" in caught.value.body


async def test_a_signing_request_is_approved_and_signed(api):
    certificates = client.CertificatesV1Api(api)
    spec = client.V1CertificateSigningRequestSpec(
        request=csr_of("www.example.test"), signer_name=SIGNER, usages=["server auth"]
    )
    body = client.V1CertificateSigningRequest(metadata=client.V1ObjectMeta(name="www"), spec=spec)
    made = await certificates.create_certificate_signing_request(body)
    assert made.spec.username == "admin"
    made.status.conditions = [client.V1CertificateSigningRequestCondition(type="Approved", status="True", reason="x")]
    await certificates.replace_certificate_signing_request_approval("www", made)
    signed = await certificates.read_certificate_signing_request("www")
    signed.status.certificate = CERTIFICATE
    await certificates.replace_certificate_signing_request_status("www", signed)
    done = await certificates.read_certificate_signing_request_status("www")
    assert (done.status.conditions[0].type, done.status.certificate) == ("Approved", CERTIFICATE)


async def test_an_event_is_written_and_read_in_either_group(api):
    regarding = {"kind": "Pod", "name": "p", "namespace": "default"}
    body = {"metadata": {"name": "e"}, "regarding": regarding, "note": "hello", "type": "Normal", "reason": "R"}
    body |= {"eventTime": "2026-11-22T01:02:03.000000Z", "reportingController": "x", "action": "A"}
    await client.EventsV1Api(api).create_namespaced_event("default", body)
    [event] = (await client.CoreV1Api(api).list_namespaced_event("default")).items
    assert (event.message, event.involved_object.name) == ("hello", "p")
