"""The Helm chart: what helm makes of it is valid for Kubernetes, and what `gravel manifest` prints."""

from __future__ import annotations

import base64
import socket
import ssl
from urllib.parse import urlsplit

import kubernetes_validate
import pytest
import yaml
from click.testing import CliRunner

from gravel.commands.manifest import command
from gravel.commands.serve import command as serve
from gravel.commands.up import command as up
from gravel.configuration import load
from gravel.version import __version__
from tests.gravel.printed_manifests import OTHERS, arguments, one, printed
from tests.gravel.rendered_chart import CHART, PEBBLE, helm, rendered

pytestmark = pytest.mark.client("helm")

ALL = ("clusterIssuer.enabled=true", "webhook.enabled=true", "bridge.enabled=true", "bridge.policy=true")
VALUES = [
    (),
    ("--set", "clusterIssuer.enabled=true,dns.corednsCustom=true"),
    ("--set", "clusterIssuer.enabled=true,dns.address=fd00:10:96::35"),
    ("--set", ",".join(ALL)),
    ("--set", "state.enabled=true,state.storageClassName=fast,ingress.address=10.96.1.2"),
    ("--set", "fullnameOverride=acme,image=r.test/gravel:1,imagePullSecrets[0].name=r"),
    ("--set", "extraArgs={--rate-limits=letsencrypt},extraEnv[0].name=A,extraEnv[0].value=b,nodeSelector.a=b"),
    PEBBLE,
]


def place(document):
    return document["kind"], document["metadata"].get("namespace", ""), document["metadata"]["name"]


def sorted_rules(document):
    """An RBAC object whose rules are in no order, since they have none."""
    return document | ({"rules": sorted(document["rules"], key=str)} if "rules" in document else {})


def values_printed(*options):
    result = CliRunner().invoke(command, ["values", "--seed", "7", *options], standalone_mode=False)
    assert result.exception is None, result.exception
    return result.output


@pytest.mark.parametrize("options", [*VALUES, ("--values", "-")], ids=" ".join)
def test_helm_finds_nothing_to_say_of_the_chart(options):
    done = helm("lint", "--strict", str(CHART), *options, stdin=values_printed())
    assert (done.returncode, "[WARNING]" in done.stdout) == (0, False), done.stdout


@pytest.mark.parametrize("options", VALUES, ids=" ".join)
def test_kubernetes_takes_every_object_without_an_unknown_field(options):
    documents = rendered(*options)
    assert len({place(document) for document in documents}) == len(documents)
    for document in documents:
        if document["kind"] != "ClusterIssuer":
            kubernetes_validate.validate(document, kubernetes_validate.latest_version(), strict=True)


@pytest.mark.parametrize(
    ("options", "name", "namespace"), [([], "gravel", "gravel"), (OTHERS, "acme", "ca")], ids=["plain", "other"]
)
def test_with_printed_values_it_is_what_manifest_all_prints(options, name, namespace):
    made = rendered("--values", "-", name=name, namespace=namespace, stdin=values_printed(*options))
    namespaced, *said = printed("all", "--seed", "7", *options)
    assert namespaced["kind"] == "Namespace"  # helm's own option makes it
    assert {place(each): each for each in made} == {place(each): each for each in said}


@pytest.mark.parametrize(
    ("what", "options", "values"),
    [
        ("webhook", ("--seed", "7"), "webhook.enabled=true"),
        ("rbac", (), "bridge.enabled=true"),
        ("rbac", ("--policy",), "bridge.enabled=true,bridge.policy=true"),
    ],
)
def test_what_is_switched_on_is_what_manifest_prints_for_it(what, options, values):
    said = {place(each): sorted_rules(each) for each in printed(what, *options)}
    made = rendered("--values", "-", "--set", values, stdin=values_printed())
    assert {place(each): sorted_rules(each) for each in made if place(each) in said} == said


@pytest.mark.parametrize("values", ["clusterIssuer.enabled=true", ",".join(ALL)])
def test_the_containers_options_and_variables_are_options_of_its_verb(values):
    documents = rendered("--set", values)
    container = one("Deployment", documents)["spec"]["template"]["spec"]["containers"][0]
    _, verb = container.get("command", ["gravel", "serve"])
    secret = one("Secret", [each for each in documents if each["metadata"]["name"] == "gravel"])["stringData"]
    files = [word for word in container["args"] if not word.startswith("--tls-ca-")]
    flags = {"serve": serve, "up": up}[verb].make_context(verb, files).params
    variables = {
        each["name"]: secret[each["valueFrom"]["secretKeyRef"]["key"]]
        for each in container["env"]
        if "secretKeyRef" in each["valueFrom"]
    }
    settings = load(verb, {name: value for name, value in flags.items() if name != "config"}, variables)
    assert str(settings.seed) == secret["seed"]
    assert settings.base_url == "https://gravel.gravel.svc.cluster.local"
    if verb == "up":
        assert (settings.in_cluster, settings.approver, settings.webhook_open) == (True, "policy", True)
        service = next(each for each in documents if place(each) == ("Service", "gravel", "gravel-http01"))
        assert settings.http01_service == ("gravel", service["metadata"]["name"], service["spec"]["ports"][0]["port"])


def test_the_issuer_trusts_a_server_that_has_the_ca_of_the_charts_secret(launch, tmp_path):
    documents = rendered("--set", "clusterIssuer.enabled=true")
    acme = one("ClusterIssuer", documents)["spec"]["acme"]
    secret = next(each for each in documents if each["metadata"]["name"] == "gravel-tls-ca")["stringData"]
    for name, text in secret.items():
        (tmp_path / name).write_text(text)
    words = [each for each in arguments(documents) if each.startswith(("--base-url=", "--tls-"))]
    words = [each.replace("/tls-ca/", f"{tmp_path}/") for each in words]
    trust = ssl.create_default_context(cadata=base64.b64decode(acme["caBundle"]).decode())
    for _ in range(2):  # as often as it is started
        address = urlsplit(launch("serve", *words).ready["management"])
        with socket.create_connection((address.hostname, address.port)) as plain:
            trust.wrap_socket(plain, server_hostname=urlsplit(acme["server"]).hostname).close()


def test_a_pod_is_nobody_and_can_write_to_its_volumes_alone():
    for options in VALUES:
        pod = one("Deployment", rendered(*options))["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"]
        (container,) = pod["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert pod["automountServiceAccountToken"] == ("serviceAccountName" in pod)
        assert {"startupProbe", "readinessProbe", "livenessProbe"} <= container.keys()


def test_the_chart_is_of_the_version_that_the_image_has():
    assert yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"] == __version__


MISTAKES = [
    (("--set", "seed=7"), "at '/seed': got number, want string"),
    (("--set", "seeed=7"), "additional properties 'seeed' not allowed"),
    (("--set", "dns.address=here"), "at '/dns/address': 'here' is not valid ipv4"),
    (("--set", "dns.adress=10.0.0.1"), "at '/dns': additional properties 'adress' not allowed"),
    (("--set", "fullnameOverride=A_b"), "at '/fullnameOverride': 'A_b' does not match pattern"),
    (("--set", "zone=a_b"), "at '/zone': 'a_b' does not match pattern"),
    (("--set", "state.size=lots"), "at '/state/size': 'lots' does not match pattern"),
    (("--set", "pebble.enabled=true"), "at '/pebble/files': missing property 'config.json'"),
    (("--set", "caBundle=AAAA"), "caBundle goes with the seed that it follows from: `gravel manifest values` prints"),
    ((*PEBBLE, "--set", "bridge.enabled=true"), "pebble.enabled goes without bridge.enabled"),
]


@pytest.mark.parametrize(("options", "sentence"), MISTAKES, ids=[" ".join(options) for options, _ in MISTAKES])
def test_a_value_that_is_wrong_is_refused_in_words(options, sentence):
    done = helm("template", "gravel", str(CHART), *options)
    assert (done.returncode, done.stdout) == (1, "")
    assert sentence in done.stderr
