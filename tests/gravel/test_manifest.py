"""`gravel manifest`: valid for Kubernetes, taken by our own API, and true of the server that it describes."""

from __future__ import annotations

import base64
import socket
import ssl
import subprocess
from urllib.parse import urlsplit

import kubernetes_validate
import pytest
import yaml
from click.testing import CliRunner

from gravel import cli
from gravel.commands.manifest import command
from gravel.commands.serve import command as serve
from gravel.configuration import load
from issuer_bridge.kube_api.validation import check_new, without_unknown_fields
from issuer_bridge.resources import CLUSTER_ISSUER
from tests.gravel.printed_manifests import GRAVEL, OTHERS, arguments, one, printed


@pytest.mark.parametrize("options", [[], OTHERS])
def test_kubernetes_takes_every_document_without_an_unknown_field(options):
    *documents, issuer = printed("all", "--seed", "7", *options)
    kinds = [document["kind"] for document in documents]
    assert kinds == ["Namespace", "Secret", "Deployment", "Service", "Service", "ConfigMap", "Secret"]
    version = kubernetes_validate.latest_version()
    for document in documents:
        kubernetes_validate.validate(document, version, strict=True)
    # Its shape is cert-manager's: our schema has the fields of the published CRD.
    assert without_unknown_fields(CLUSTER_ISSUER, issuer) == (issuer, [])
    check_new(CLUSTER_ISSUER, issuer)


def test_the_schemas_refuse_what_is_wrong():
    wrong = one("Deployment", printed("deployment", "--seed", "7"))
    wrong["spec"]["template"]["spec"]["containers"][0]["livenessprobe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, kubernetes_validate.latest_version(), strict=True)


def test_all_is_the_deployment_and_the_issuer_and_the_same_seed_prints_the_same():
    parts = [*printed("deployment", "--seed", "7"), *printed("clusterissuer", "--seed", "7")]
    assert parts == printed("all", "--seed", "7")
    drawn = [one("Secret", printed("all"))["stringData"]["seed"] for _ in range(2)]
    assert drawn[0] != drawn[1]


def test_our_own_api_takes_the_kinds_that_it_knows(launch, tmp_path):
    known = [each for each in printed("all", "--seed", "7") if each["kind"] in ("Namespace", "Secret", "ClusterIssuer")]
    (tmp_path / "known.yaml").write_text(yaml.safe_dump_all(known))
    up = launch("up")
    apply = [*GRAVEL, "apply", "--kubernetes", up.ready["kubernetes"], str(tmp_path / "known.yaml")]
    done = subprocess.run(apply, env=up.environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "clusterissuer.cert-manager.io/gravel created" in done.stdout


@pytest.mark.parametrize("options", [[], OTHERS])
def test_what_the_issuer_trusts_is_what_a_server_started_by_the_deployment_shows(options, launch):
    documents = printed("all", "--seed", "7", *options)
    acme = one("ClusterIssuer", documents)["spec"]["acme"]
    host = urlsplit(acme["server"]).hostname
    named = [each for each in arguments(documents) if each.startswith(("--base-url=", "--tls-name="))]
    address = urlsplit(launch("serve", "--seed", "7", "--host", "127.0.0.1", *named).ready["management"])
    trust = ssl.create_default_context(cadata=base64.b64decode(acme["caBundle"]).decode())
    for name in (host, host.removesuffix(".cluster.local"), host.removesuffix(".svc.cluster.local")):
        with socket.create_connection((address.hostname, address.port)) as plain:
            trust.wrap_socket(plain, server_hostname=name).close()
    other = launch("serve", "--seed", "8", *named).ready["management"]
    stranger = socket.create_connection((urlsplit(other).hostname, urlsplit(other).port))
    with stranger, pytest.raises(ssl.SSLCertVerificationError):
        trust.wrap_socket(stranger, server_hostname=host)


def test_the_container_is_given_options_and_variables_of_serve_and_its_ports_are_theirs():
    documents = printed("all", "--seed", "7", *OTHERS)
    container = one("Deployment", documents)["spec"]["template"]["spec"]["containers"][0]
    secret = one("Secret", documents)["stringData"]
    flags = serve.make_context("serve", list(container["args"])).params
    environment = {each["name"]: secret[each["valueFrom"]["secretKeyRef"]["key"]] for each in container["env"]}
    settings = load("serve", {name: value for name, value in flags.items() if name != "config"}, environment)
    assert (settings.seed, settings.management_token) == (7, secret["management-token"])
    dialled = (settings.http01_port, settings.tls_alpn_port)
    assert (dialled, settings.default_address) == ((80, 443), ("10.43.1.2",))
    assert settings.base_url + "/dir" == one("ClusterIssuer", documents)["spec"]["acme"]["server"]
    ports = {each["name"]: each["containerPort"] for each in container["ports"]}
    expected = {"acme": settings.acme_port, "management": settings.management_port}
    assert ports == {**expected, "dns": settings.dns_port, "dns-tcp": settings.dns_port}
    services = [each["spec"] for each in documents if each["kind"] == "Service"]
    assert {port["targetPort"] for service in services for port in service["ports"]} == set(ports)


def test_cluster_dns_asks_the_address_that_the_dns_service_has():
    documents = printed("all", "--seed", "7", *OTHERS)
    dns = next(each["spec"] for each in documents if each["metadata"]["name"] == "acme-dns")
    assert [(port["protocol"], port["port"]) for port in dns["ports"]] == [("UDP", 53), ("TCP", 53)]
    assert dns["clusterIP"] == "10.43.0.53"
    stanza = one("ConfigMap", documents)["data"]["gravel.server"]
    assert stanza == "a.test:53 {\n    errors\n    forward . 10.43.0.53\n}\n"


def test_the_flags_of_cert_manager_and_a_warning_come_first():
    lines = CliRunner().invoke(command, ["clusterissuer", "--seed", "7"]).output.splitlines()
    assert lines[0] == "# For testing, never for production: whoever can read the seed has every key."
    assert lines[1].endswith("--dns01-recursive-nameservers=10.96.0.53:53 --dns01-recursive-nameservers-only")


def test_a_new_seed_is_a_new_pod():
    annotations = [
        one("Deployment", printed("deployment", "--seed", seed))["spec"]["template"]["metadata"]["annotations"]
        for seed in ("7", "8")
    ]
    assert annotations[0] != annotations[1]


MISTAKES = [
    (["clusterissuer"], "gravel manifest: --seed is wanted: the deployment and the ClusterIssuer must agree on it.\n"),
    (["helm"], "gravel manifest: Invalid value for '{clusterissuer|deployment|all|webhook|rbac|values|diagnose}'"),
    (["all", "--name", "A_b"], "gravel manifest: Invalid value for '--name': 'A_b' is no name of a Service"),
    (
        ["all", "--cert-manager-namespace", "-"],
        "gravel manifest: Invalid value for '--cert-manager-namespace': '-' is no",
    ),
    (["all", "--zone", "a b"], "gravel manifest: Invalid value for '--zone': 'a b' is no name of a zone."),
    (["all", "--dns-address", "x"], "gravel manifest: Invalid value for '--dns-address': 'x' is no address."),
    # As when kubectl finds no such service.
    (["all", "--ingress-address", ""], "gravel manifest: Invalid value for '--ingress-address': '' is no address."),
    (["all", "--seed", "-1"], "gravel manifest: Invalid value for '--seed'"),
]


@pytest.mark.parametrize(("given", "sentence"), MISTAKES)
def test_a_mistake_is_one_sentence(given, sentence, capsys):
    assert cli.run(["manifest", *given]) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert said.err.startswith(sentence)
