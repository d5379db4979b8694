"""kopf, an operator framework of others, on the embedded Kubernetes API: CRDs, status, finalizers, events, admission."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest

from acme_server.tls import create
from gravel.free_port import free_port
from tests.clients.kubectl_commands import TIMEOUT, running_up
from tests.issuer_bridge.kube_api.widgets import DEFINITIONS, WIDGETS, definition, widget

pytestmark = pytest.mark.client("kopf")

MERGE_PATCH = "application/merge-patch+json"
EVENTS = "/api/v1/namespaces/default/events"


class Api:
    """The API as somebody sees it who has the token."""

    def __init__(self, ready):
        self.url, self.trust = ready["kubernetes"], ssl.create_default_context(cafile=ready["tls_ca"])

    def open(self, method, path, body=None, content_type="application/json"):
        headers = {"Authorization": "Bearer s3cret", "Content-Type": content_type}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        return urllib.request.urlopen(request, timeout=TIMEOUT, context=self.trust)

    def ask(self, method, path, body=None, content_type="application/json"):
        try:
            with self.open(method, path, body, content_type) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return json.loads(error.read())

    def until(self, path, holds):
        """Watch a collection until an event is as it should be; fail when the watch ends before."""
        with self.open("GET", f"{path}?watch=true&timeoutSeconds={TIMEOUT:.0f}") as lines:
            for line in lines:
                event = json.loads(line)
                if holds(event["type"], event["object"]):
                    return event["object"]
        raise AssertionError(f"{path} was never so")


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    """A `gravel up` with Widgets, and the operator beside it, which has asked for admission reviews."""
    folder = tmp_path_factory.mktemp("kopf")
    material = create(Random(1).randbytes, datetime.now(UTC), ("127.0.0.1",))
    files = {"CERTIFICATE": material.certificate_pem, "KEY": material.key_pem, "CA": material.ca_pem}
    for name, text in files.items():
        (folder / name).write_text(text)
    with running_up(folder, "--kubernetes-token=s3cret") as ready, (folder / "kopf.log").open("wb") as log:
        api = Api(ready)
        api.ask("POST", DEFINITIONS, definition())
        environment = {
            **os.environ,
            "KUBERNETES": api.url,
            "TOKEN": "s3cret",
            "TRUST": ready["tls_ca"],
            "WEBHOOK_PORT": str(free_port()),
        }
        environment |= {name: str(folder / name) for name in files}
        script = Path(__file__).with_name("kopf_operator.py")
        command = [Path(sys.executable).with_name("kopf"), "run", "--standalone", "-n", "default", "--verbose", script]
        with subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=folder) as process:
            try:
                configurations = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
                api.until(configurations, lambda _, item: item.get("webhooks"))
                yield api
            finally:
                process.terminate()


def phase_of(name, phase):
    return lambda _, item: item["metadata"]["name"] == name and item.get("status", {}).get("phase") == phase


def test_an_object_is_followed_from_its_creation_to_its_end(api):
    api.ask("POST", WIDGETS, widget("w1"))
    made = api.until(WIDGETS, phase_of("w1", "made 3"))
    assert made["metadata"]["finalizers"] == ["example.com/kopf"]
    api.ask("PATCH", f"{WIDGETS}/w1", {"spec": {"size": 5}}, MERGE_PATCH)
    api.until(WIDGETS, phase_of("w1", "3 became 5"))
    version = api.ask("GET", WIDGETS)["metadata"]["resourceVersion"]
    assert "deletionTimestamp" in api.ask("DELETE", f"{WIDGETS}/w1")["metadata"]
    with api.open("GET", f"{WIDGETS}?watch=true&resourceVersion={version}&timeoutSeconds=30") as lines:
        assert next(json.loads(line)["type"] for line in lines if json.loads(line)["type"] != "MODIFIED") == "DELETED"
    for reason in ("Made", "Gone"):
        event = api.until(EVENTS, lambda _, item, reason=reason: item["reason"] == reason)
        assert event["involvedObject"]["name"] == "w1"


def test_its_webhook_refuses_and_warns(api):
    refused = api.ask("POST", WIDGETS, widget("w7", size=7))
    assert (refused["code"], "denied the request: 7 is no size" in refused["message"]) == (403, True)
    with api.open("POST", WIDGETS, widget("w8", size=8)) as answer:
        assert (answer.status, answer.headers["Warning"]) == (201, '299 - "8 is large"')
    api.until(WIDGETS, phase_of("w8", "made 8"))
