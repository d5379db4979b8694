"""What docs/kubectl.md shows, and the `gravel up` that it is shown on."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
KUBECTL = Path(sys.executable).with_name("kubectl")
GRAVEL = Path(sys.executable).with_name("gravel")
TIMEOUT = 40.0
PORTS = ("acme", "management", "dns", "http01", "kubernetes")
# What each block is about, and its commands, from the top of the repository.
COMMANDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "Apply, wait, and look.",
        (
            "kubectl apply -f examples/",
            "kubectl wait --for=condition=Ready certificaterequest --all --timeout=30s",
            "kubectl get cr -o wide",
            "kubectl get orders,challenges",
            "kubectl events --for certificaterequest/one-name",
        ),
    ),
    (
        "One value, or the shape of all of them.",
        (
            "kubectl get cr one-name -o jsonpath='{.status.conditions[?(@.type==\"Ready\")].reason}'",
            "kubectl explain certificate.spec.privateKey",
            "kubectl api-resources --categories=cert-manager",
        ),
    ),
    (
        "Write as a controller would.",
        (
            "kubectl label cr one-name tier=web",
            'kubectl patch cr one-name --subresource=status --type=merge -p \'{"status":{"failureTime":"2026-01-01T00:00:00Z"}}\'',
            "kubectl get cr -l tier=web",
        ),
    ),
    (
        "Least privilege: what a service account may do is what its roles say.",
        (
            "kubectl create serviceaccount reader",
            "kubectl create role reader --verb=get,list --resource=orders.acme.cert-manager.io",
            "kubectl create rolebinding reader --role=reader --serviceaccount=default:reader",
            "kubectl auth can-i list orders --as=system:serviceaccount:default:reader",
            "kubectl delete order --all --as=system:serviceaccount:default:reader 2>&1 | head -1",
        ),
    ),
    (
        "An external issuer brings kinds of its own.",
        (
            "kubectl apply -f examples/external/definition.yaml",
            "kubectl wait --for=condition=Established crd/robotissuers.example.com",
            "kubectl apply -f examples/external/issuer.yaml",
            "kubectl get robot",
            'kubectl patch robot r2 --type=merge -p \'{"spec":{"arms":7}}\'',
        ),
    ),
    (
        "Kubernetes' own signing requests are approved, and wait for a signer.",
        (
            "kubectl apply -f examples/external/signing-request.yaml",
            "kubectl certificate approve www",
            "kubectl get csr",
        ),
    ),
)


@contextmanager
def running_house(folder: Path) -> Iterator[str]:
    """Start a `gravel up` on free ports, and yield the URL of its API."""
    with running_up(folder) as ready:
        yield ready["kubernetes"]


@contextmanager
def running_up(folder: Path, *options: str) -> Iterator[dict[str, str]]:
    """Start a `gravel up` on free ports, and yield what it says when it is ready."""
    command = [GRAVEL, "up", "--json", "--seed", "1", *(f"--{port}-port=0" for port in PORTS), *options]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GRAVEL_")}
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, cwd=folder, env=environment) as process,
    ):
        try:
            assert process.stdout
            assert select.select([process.stdout], [], [], TIMEOUT)[0], "no answer in time"
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()
