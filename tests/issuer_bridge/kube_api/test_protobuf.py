"""Bodies that a real client-go sent (fixtures/kube-protobuf-bodies.json), and what is none."""

import base64
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from issuer_bridge.kube_api.protobuf import _SCALARS, MAGIC, _messages, decode
from issuer_bridge.kube_api.rest import Call
from issuer_bridge.kube_api.serving import respond
from issuer_bridge.resources import SECRET, ApiError
from tests.embedded_api import new_store

FIXTURE = Path(__file__).parent.parent.parent / "fixtures" / "kube-protobuf-bodies.json"
REQUESTS = json.loads(FIXTURE.read_text())["requests"]
BODIES = {request["title"]: base64.b64decode(request["body"]) for request in REQUESTS}
PROTOBUF = "application/vnd.kubernetes.protobuf"
SECRETS = "/api/v1/namespaces/default/secrets"


def filled(value):
    """Without what is empty: Go writes structs that say nothing into JSON, and so does nobody else."""
    if isinstance(value, dict):
        items = {key: filled(item) for key, item in value.items()}
        return {key: item for key, item in items.items() if item not in (None, {}, [], "")}
    return [filled(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: request["title"])
def test_a_body_is_the_object_that_go_writes_as_json(request_):
    document = decode(BODIES[request_["title"]])
    assert request_["content_type"] == PROTOBUF
    assert document.pop("kind")
    assert document.pop("apiVersion")
    assert filled(document) == filled(request_["object"])


def test_zero_is_kept_where_it_says_something():
    pod = decode(BODIES["pod"])["spec"]
    assert (pod["automountServiceAccountToken"], pod["tolerations"][0]["tolerationSeconds"]) == (False, 0)
    assert pod["volumes"] == [{"name": "v", "emptyDir": {}}]
    assert not {"hostNetwork", "priority", "nodeName"} & set(pod)
    assert decode(BODIES["secret"])["data"]["none"] == ""


def test_a_client_of_today_creates_updates_and_deletes_a_secret():
    store = new_store()
    made = respond(store, Call("POST", SECRETS, {}, PROTOBUF, BODIES["secret"]))
    assert (made.code, made.document["data"]["tls.key"]) == (201, "a2V5AA==")
    store = new_store()  # The recorded Secret has an owner that is not here, so that it need not stay.
    store.insert(SECRET, {"metadata": {"name": "s", "namespace": "default"}})
    stale = respond(store, Call("PUT", f"{SECRETS}/s", {}, PROTOBUF, BODIES["secret update"]))
    assert (stale.code, stale.document["reason"]) == (409, "Conflict")
    other = respond(store, Call("DELETE", f"{SECRETS}/s", {}, PROTOBUF, BODIES["deleteoptions"]))
    assert (other.code, "UID in the precondition (u-2)" in other.document["message"]) == (409, True)
    assert store.get(SECRET, "default", "s")


def test_a_kind_of_a_crd_is_not_read_so():
    body = MAGIC + b"\x0a\x20" + b"\x0a\x12cert-manager.io/v1" + b"\x12\x0aCertificat" + b"\x12\x00"
    answer = respond(
        new_store(), Call("POST", "/apis/cert-manager.io/v1/namespaces/default/orders", {}, PROTOBUF, body)
    )
    assert answer.code == 404
    with pytest.raises(ApiError) as caught:
        decode(body)
    assert (caught.value.code, caught.value.reason) == (415, "UnsupportedMediaType")


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"{}", "does not begin with k8s"),
        (MAGIC + b"\x0a\x05\x0a", "end within a field"),
        (MAGIC + b"\x0f", "wire type 7"),
        (MAGIC + b"\xff" * 11, "a number does not end"),
        (MAGIC + b"\x08\x01", "a number stands where octets should"),
        (MAGIC + b"\x0a\x0c\x0a\x02v1\x12\x06Secret\x12\x02\x18\x01", "a number stands where octets should"),
        (MAGIC + b"\x0a\x0c\x0a\x02v1\x12\x06Secret\x12\x03\x1a\x01\xff", "can't decode byte"),
    ],
)
def test_what_is_malformed_is_told(body, text):
    with pytest.raises(ApiError, match=text) as caught:
        decode(body)
    assert caught.value.code == 400


def test_every_type_that_is_named_is_known():
    types = {field.type.lstrip("[]{}") for fields in _messages().values() for field in fields.values()}
    assert types <= {*_SCALARS, *_messages()}


def read(body):
    """A JSON object, or an error of the client's."""
    try:
        return json.dumps(decode(body))
    except ApiError as error:
        assert error.code in (400, 415)  # noqa: PT017 - either is right
        return ""


@given(title=st.sampled_from(sorted(BODIES)), at=st.integers(0), octet=st.integers(0, 255), cut=st.booleans())
def test_a_damaged_body_is_read_or_refused(title, at, octet, cut):
    body = bytearray(BODIES[title])
    at %= len(body)
    body[at] = octet
    read(bytes(body[: at + 1] if cut else body))


@given(st.sampled_from(sorted(_messages())), st.binary(max_size=80))
def test_any_octets_are_read_or_refused(message, data):
    read(MAGIC + data)
    group, version, kind = message.split(".")
    about = b"\x0a%c%s\x12%c%s" % (len(f"{group}/{version}"), f"{group}/{version}".encode(), len(kind), kind.encode())
    read(MAGIC + b"\x0a%c%s\x12%c%s" % (len(about), about, len(data), data))
