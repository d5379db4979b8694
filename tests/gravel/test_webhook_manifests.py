"""`gravel manifest webhook`: valid for Kubernetes, and true of the server that it leads to."""

from __future__ import annotations

import base64
import http.client
import json
import socket
import ssl
from typing import Any
from urllib.parse import urlsplit

import kubernetes_validate
import pytest
import yaml
from click.testing import CliRunner

from gravel import cli
from gravel.commands.manifest import command
from gravel.configuration import load
from gravel.management.webhook_discovery import DOCUMENTS

OTHERS = ["--name=acme", "--namespace=ca", "--cert-manager-namespace=certs"]


def output(*arguments: str) -> str:
    result = CliRunner().invoke(command, arguments, standalone_mode=False)
    assert result.exception is None, result.exception
    return result.output


def printed(what: str, *options: str) -> dict[str, dict[str, Any]]:
    """Return the documents by kind; of several, the first."""
    documents = list(yaml.safe_load_all(output(what, "--seed", "7", *options)))
    return {each["kind"]: each for each in reversed(documents)}


@pytest.mark.parametrize("options", [[], OTHERS])
def test_kubernetes_takes_every_document_without_an_unknown_field(options):
    documents = printed("webhook", *options)
    assert list(documents) == ["ClusterRoleBinding", "ClusterRole", "APIService"]
    for document in documents.values():
        kubernetes_validate.validate(document, kubernetes_validate.latest_version(), strict=True)


@pytest.mark.parametrize("options", [[], OTHERS])
def test_the_service_and_its_port_are_those_of_the_deployment(options):
    reference = printed("webhook", *options)["APIService"]["spec"]["service"]
    service = printed("deployment", *options)["Service"]
    assert (reference["name"], reference["namespace"]) == (
        service["metadata"]["name"],
        service["metadata"]["namespace"],
    )
    [port] = [port for port in service["spec"]["ports"] if port["port"] == reference["port"]]
    assert port["targetPort"] == "management"


@pytest.mark.parametrize("options", [[], OTHERS])
def test_kube_apiserver_trusts_the_server_under_the_name_that_it_dials_and_finds_the_version(options, launch):
    spec = printed("webhook", *options)["APIService"]["spec"]
    container = printed("deployment", *options)["Deployment"]["spec"]["template"]["spec"]["containers"][0]
    named = [each for each in container["args"] if each.startswith(("--base-url=", "--tls-name="))]
    address = urlsplit(
        launch("serve", "--seed", "7", "--management-token=t", "--webhook-open", *named).ready["management"]
    )
    trust = ssl.create_default_context(cadata=base64.b64decode(spec["caBundle"]).decode())
    # kube-aggregator dials the ClusterIP and expects this name.
    name = f"{spec['service']['name']}.{spec['service']['namespace']}.svc"
    connection = http.client.HTTPConnection(name)
    connection.sock = trust.wrap_socket(
        socket.create_connection((address.hostname, address.port)), server_hostname=name
    )
    connection.request("GET", f"/apis/{spec['group']}/{spec['version']}")
    answer = connection.getresponse()
    assert (answer.status, json.load(answer)) == (200, DOCUMENTS[f"/apis/{spec['group']}/{spec['version']}"])
    connection.close()


@pytest.mark.parametrize(("options", "namespace"), [([], "cert-manager"), (OTHERS, "certs")])
def test_cert_manager_may_create_what_the_solver_is_and_nobody_else_may(options, namespace):
    documents = printed("webhook", *options)
    [rule] = documents["ClusterRole"]["rules"]
    [resource] = DOCUMENTS["/apis/acme.gravel.test/v1alpha1"]["resources"]
    assert rule == {"apiGroups": ["acme.gravel.test"], "resources": [resource["name"]], "verbs": resource["verbs"]}
    binding = documents["ClusterRoleBinding"]
    assert binding["roleRef"]["name"] == documents["ClusterRole"]["metadata"]["name"]
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "cert-manager", "namespace": namespace}]


def test_comments_say_how_the_server_opens_and_how_an_issuer_solves():
    opened, solved = output("webhook", "--seed", "7", *OTHERS).splitlines()[:2]
    *_, target, variable = opened.split()
    name, value = variable.split("=")
    assert target == "deployment/acme"
    assert load("serve", {}, {name: value}).webhook_open
    solver = yaml.safe_load(solved.partition(": ")[2])
    assert solver == {"dns01": {"webhook": {"groupName": "acme.gravel.test", "solverName": "builtin"}}}


def test_the_webhook_needs_the_seed_of_the_deployment(capsys):
    assert cli.run(["manifest", "webhook"]) == 2
    assert capsys.readouterr().err.startswith("gravel manifest: --seed is wanted")
