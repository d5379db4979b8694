"""The dns-01 half of `gravel manifest`: one key for cert-manager and for the server, and the flags around it."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from gravel.cluster_manifests import Plan, cert_manager_flags
from gravel.configuration import load
from issuer_bridge.cert_manager.solver_selection import pick
from solvers.dns.keys import read_key
from tests.gravel.printed_manifests import GRAVEL, OTHERS, arguments, one, printed

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs/cluster.md").read_text()
OFFERS = [{"type": "http-01"}, {"type": "dns-01"}, {"type": "tls-alpn-01"}]


def rfc2136_of(documents):
    return one("ClusterIssuer", documents)["spec"]["acme"]["solvers"][1]["dns01"]["rfc2136"]


def environment_of(documents):
    """The container's variables, read from its Secret."""
    container = one("Deployment", documents)["spec"]["template"]["spec"]["containers"][0]
    values = {
        each["metadata"]["name"]: each["stringData"]
        for each in documents
        if each["kind"] == "Secret" and each["metadata"]["namespace"] != "cert-manager"
    }
    references = {each["name"]: each["valueFrom"]["secretKeyRef"] for each in container["env"]}
    return {name: values[reference["name"]][reference["key"]] for name, reference in references.items()}


def key_of(documents, namespace="cert-manager"):
    """The key as cert-manager reads it, written as for `nsupdate -y`."""
    rfc2136 = rfc2136_of(documents)
    [secret] = [
        each["stringData"]
        for each in documents
        if each["kind"] == "Secret"
        and each["metadata"]["namespace"] == namespace
        and each["metadata"]["name"] == rfc2136["tsigSecretSecretRef"]["name"]
    ]
    assert rfc2136["tsigAlgorithm"] == "HMACSHA256"
    return f"hmac-sha256:{rfc2136['tsigKeyName']}:{secret[rfc2136['tsigSecretSecretRef']['key']]}"


@pytest.mark.parametrize(
    ("options", "namespace"),
    [([], "cert-manager"), ([*OTHERS, "--cert-manager-namespace=certificates"], "certificates")],
)
def test_cert_manager_and_the_server_have_the_same_key(options, namespace):
    documents = printed("all", "--seed", "7", *options)
    settings = load("serve", {}, environment_of(documents))
    assert settings.dns_update_key == (read_key(key_of(documents, namespace)),)
    assert len(settings.dns_update_key[0].secret) == 32


def test_another_seed_is_another_key():
    assert key_of(printed("all", "--seed", "7")) != key_of(printed("all", "--seed", "8"))


@pytest.mark.parametrize("offers", [OFFERS, OFFERS[::-1]])
@pytest.mark.parametrize(
    ("name", "offered", "solver"),
    [("www.example.test", ["http-01", "dns-01"], "http01"), ("*.example.test", ["dns-01"], "dns01")],
)
def test_wildcards_are_solved_by_dns01_and_all_else_by_http01(offers, name, offered, solver):
    solvers = one("ClusterIssuer", printed("clusterissuer", "--seed", "7"))["spec"]["acme"]["solvers"]
    picked = pick(name, [offer for offer in offers if offer["type"] in offered], solvers, {})
    assert solver in picked.solver


@pytest.mark.parametrize(
    ("address", "nameserver"), [("10.43.0.53", "10.43.0.53:53"), ("fd00:10:96::35", "[fd00:10:96::35]:53")]
)
def test_updates_and_checks_go_to_port_53_of_the_dns_service(address, nameserver):
    assert rfc2136_of(printed("all", "--seed", "7", "--dns-address", address))["nameserver"] == nameserver
    assert cert_manager_flags(Plan(7, 2026, dns_address=address))[0].endswith(f"={nameserver}")


def test_the_document_gives_cert_manager_the_flags_that_are_printed():
    flags = list(cert_manager_flags(Plan(7, 2026)))
    assert re.search(r"extraArgs=\{(.*?)\}'", DOCUMENT)[1].split(",") == flags
    patch = json.loads(re.search(r"--type json -p '(.*?)'", DOCUMENT)[1])
    assert [each["value"] for each in patch] == flags
    assert {(each["op"], each["path"]) for each in patch} == {("add", "/spec/template/spec/containers/0/args/-")}


@pytest.mark.client("nsupdate", "dig")
def test_a_server_started_by_the_deployment_takes_updates_signed_by_the_key_and_no_others(launch):
    documents = printed("all", "--seed", "7")
    key, other = key_of(documents), key_of(printed("all", "--seed", "8"))
    taken = [part for name, value in environment_of(documents).items() for part in (flag_of(name), value)]
    ready = launch("serve", *in_a_cluster(documents), *taken).ready
    host, port = ready["dns"].split(":")

    def update(value, *signed):
        lines = f"server {host} {port}\nupdate add _acme-challenge.apps.example.test 60 TXT {value}\nsend\n"
        return subprocess.run(["nsupdate", *signed], input=lines, capture_output=True, text=True, check=False)

    assert "REFUSED" in update("unsigned").stderr
    assert "BADSIG" in update("stranger", "-y", other).stderr
    assert (update("holder", "-y", key).returncode, update("holder", "-y", key).stderr) == (0, "")
    question = ["dig", f"@{host}", "-p", port, "+short", "_acme-challenge.apps.example.test", "TXT"]
    assert subprocess.run(question, capture_output=True, text=True, check=True).stdout == '"holder"\n'


def test_the_bridge_issues_through_the_printed_issuer_wildcards_by_dns01(launch, tmp_path):
    documents = printed("all", "--seed", "7")
    up = launch("up", "--seed", "7", "--dns-update-key", key_of(documents), *in_a_cluster(documents))
    # The Service is the cluster's; the server's own DNS is what it leads to.
    rfc2136_of(documents)["nameserver"] = up.ready["dns"]
    (tmp_path / "issuer.yaml").write_text(
        yaml.safe_dump_all(each for each in documents if each["kind"] in ("Namespace", "Secret", "ClusterIssuer"))
    )
    requests = [str(ROOT / "examples" / name) for name in ("20-http01.yaml", "22-wildcard.yaml")]
    apply = [*GRAVEL, "apply", "--kubernetes", up.ready["kubernetes"], str(tmp_path / "issuer.yaml"), *requests]
    done = subprocess.run(apply, env=up.environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    get = [*GRAVEL, "get", "challenges", "--kubernetes", up.ready["kubernetes"], "-o", "json"]
    shown = subprocess.run(get, env=up.environment, cwd=tmp_path, capture_output=True, text=True, check=True)
    specs = [each["spec"] for each in json.loads(shown.stdout)["items"]]
    assert sorted((each["type"], each.get("wildcard", False), each["dnsName"]) for each in specs) == [
        ("DNS-01", True, "apps.example.test"),
        ("HTTP-01", False, "apps.example.test"),
        ("HTTP-01", False, "www.example.test"),
    ]
    assert ["rfc2136" in each["solver"].get("dns01", {}) for each in specs].count(True) == 1


def in_a_cluster(documents):
    """The options of the container that hold outside of a cluster too: what the server is called."""
    return [each for each in arguments(documents) if each.startswith(("--base-url=", "--tls-name="))]


def flag_of(variable):
    return "--" + variable.removeprefix("GRAVEL_").lower().replace("_", "-")
