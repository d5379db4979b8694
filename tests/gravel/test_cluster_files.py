"""The files beside the manifests: the image's recipe and the commands of docs/cluster.md."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from gravel.cluster_manifests import ACME, DNS, MANAGEMENT, USER
from gravel.commands.manifest import command

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs/cluster.md").read_text()
RECIPE = (ROOT / "Containerfile").read_text()
BLOCKS = re.findall(r"^## (kind|k3d|minikube)\n.*?^```sh\n(.*?)^```", DOCUMENT, re.DOTALL | re.MULTILINE)

# What kubeadm, and so kind and minikube, install.
COREFILE = """\
apiVersion: v1
data:
  Corefile: |
    .:53 {
        errors
        kubernetes cluster.local in-addr.arpa ip6.arpa {
           pods insecure
        }
        forward . /etc/resolv.conf
        reload
    }
kind: ConfigMap
metadata:
  name: coredns
  namespace: kube-system
"""


def test_each_cluster_takes_at_most_five_commands():
    assert {name: len(block.splitlines()) for name, block in BLOCKS} == {"kind": 5, "k3d": 5, "minikube": 5}


@pytest.mark.parametrize(("name", "block"), BLOCKS)
def test_the_commands_of_gravel_in_the_document_are_commands_of_gravel(name, block):
    [line] = re.findall(r"^gravel manifest (.*) \| kubectl apply -f -$", block, re.MULTILINE)
    words = ["10.96.1.2" if word.startswith("$(") else word for word in shlex.split(line)]
    context = command.make_context("manifest", words)
    assert (context.params["what"], context.params["ingress_address"]) == ("all", "10.96.1.2")


@pytest.mark.client("helm")
def test_the_commands_of_helm_in_the_document_render_the_chart(tmp_path):
    """What needs a cluster is rendered without one; `gravel manifest values` is run."""
    lines = re.findall(r"^(?:helm \w+|gravel manifest values) .*(?:gravel|pebble).*$", DOCUMENT, re.MULTILINE)
    assert [line.split()[:2] for line in lines] == [
        ["helm", "install"],
        ["helm", "upgrade"],
        ["gravel", "manifest"],
        ["helm", "template"],
        ["helm", "install"],
    ]
    (tmp_path / "charts").symlink_to(ROOT / "charts")
    script = re.sub(r"\$\(.*?\)|--create-namespace|--reuse-values", "", "\n".join(lines))
    script = re.sub(
        r"^helm \w+",
        "helm template",
        script.replace('ingress.address=""', "ingress.address=10.96.1.2"),
        flags=re.MULTILINE,
    )
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["sh", "-euc", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.count("kind: Deployment")) == (0, 4), done.stderr


@pytest.mark.parametrize(("name", "block"), [each for each in BLOCKS if "sed" in each[1]])
def test_the_edit_of_coredns_adds_the_zone_and_leaves_the_rest(name, block):
    expression = re.search(r"sed ('.*?') \|", block)[1]
    edited = subprocess.run(
        ["sh", "-c", f"sed {expression}"], input=COREFILE, capture_output=True, text=True, check=True
    ).stdout
    before, after = (yaml.safe_load(text)["data"]["Corefile"] for text in (COREFILE, edited))
    assert after == "test:53 {\n    errors\n    forward . 10.96.0.53\n}\n" + before


def test_the_image_holds_every_package_and_offers_every_port_without_root():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert re.findall(r"^COPY (\w+) \1$", RECIPE, re.MULTILINE) == sorted(packages)
    assert f"\nEXPOSE {ACME} {MANAGEMENT} {DNS}/udp {DNS}/tcp\n" in RECIPE
    assert f"\nUSER {USER}:{USER}\n" in RECIPE
    [copied] = re.findall(r"^COPY (pyproject.*) \./$", RECIPE, re.MULTILINE)
    assert [name for name in copied.split() if not (ROOT / name).is_file()] == []


def test_the_image_can_check_the_signatures_of_dns_updates_and_ask_a_cluster():
    assert re.findall(r" '(?:\.|gravel)\[([\w,]+)\]'", RECIPE) == ["speed,rfc2136,kubernetes"] * 2
