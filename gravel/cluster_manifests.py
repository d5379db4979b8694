"""What runs gravel in a cluster, as Kubernetes objects: the server with its Services, cluster DNS, a ClusterIssuer.

The server's CA and its key for DNS updates follow from the seed, so that what
the issuer trusts and signs with is right before the server has started, and
after every restart.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import attrs

from acme_server import tls
from gravel.entropy import entropy_of

ACME, MANAGEMENT, DNS = 14000, 15000, 8053
# nobody, in most distributions; any number that is not 0 does.
USER = 65534
_IMPORTED_BY_K3S = "coredns-custom"


@attrs.frozen
class Plan:
    """What differs from cluster to cluster.

    zone: what cluster DNS asks this server for; dns_address: a ClusterIP;
    ingress_address: what the names of the zone lead to; year: of the CA's validity;
    cert_manager_namespace: where cert-manager looks for the Secrets of a ClusterIssuer.
    """

    seed: int
    year: int
    name: str = "gravel"
    namespace: str = "gravel"
    image: str = "gravel"
    zone: str = "test"
    dns_address: str = "10.96.0.53"
    ingress_address: str | None = None
    ingress_class: str = "nginx"
    cert_manager_namespace: str = "cert-manager"

    @property
    def host(self) -> str:
        """The name of the server inside the cluster."""
        return f"{self.name}.{self.namespace}.svc.cluster.local"

    @property
    def dns(self) -> str:
        """`HOST:PORT` of its DNS inside the cluster; an IPv6 address is in brackets."""
        return f"[{self.dns_address}]:53" if ":" in self.dns_address else f"{self.dns_address}:53"


def tls_ca(plan: Plan) -> str:
    """Return the CA under which a server with this seed shows itself, whenever it was started.

    Its certificate is made anew at each start, with the same key and name; that
    is what verifiers go by. Dated to the first day of the year, so that the
    manifests repeat; valid for two years.
    """
    return tls.create(entropy_of(plan.seed), datetime(plan.year, 1, 1, tzinfo=UTC), ("localhost",)).ca_pem


def ca_bundle(plan: Plan) -> str:
    """Return the CA in base64, as `caBundle` wants it."""
    return base64.b64encode(tls_ca(plan).encode("ascii")).decode("ascii")


def management_token(plan: Plan) -> str:
    """Return the token of the management API; as secret as the seed that it follows from."""
    return hashlib.sha256(f"gravel management token {plan.seed}".encode("ascii")).hexdigest()[:32]


def tsig_secret(plan: Plan) -> str:
    """Return the secret, in base64, of the key that signs DNS updates (RFC 8945); the key is called like the server."""
    # Digits, not octets: the chart's templates derive the same, and can hash to nothing else.
    digits = hashlib.sha256(f"gravel TSIG key {plan.seed}".encode("ascii")).hexdigest()[:32]
    return base64.b64encode(digits.encode("ascii")).decode("ascii")


def deployment(plan: Plan) -> Iterator[dict[str, Any]]:
    """Yield the server and all that leads to it."""
    yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": plan.namespace}}
    yield _secret(plan)
    yield _deployment(plan)
    yield _service(plan, plan.name, _ACME_PORTS)
    yield _service(plan, f"{plan.name}-dns", _DNS_PORTS, clusterIP=plan.dns_address)
    yield _cluster_dns(plan)


def cluster_issuer(plan: Plan) -> Iterator[dict[str, Any]]:
    """Yield the ClusterIssuer that trusts the server, and the Secret with which it updates the server's DNS.

    Its solvers need no selectors: cert-manager takes the first that fits what the server offers, which for a
    wildcard is dns-01 only (pkg/util/solverpicker).
    """
    tsig = {"name": f"{plan.name}-tsig", "key": "secret"}
    metadata = {"name": tsig["name"], "namespace": plan.cert_manager_namespace, "labels": labels(plan)}
    yield {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {tsig["key"]: tsig_secret(plan)}}
    rfc2136 = {
        "nameserver": plan.dns,
        "tsigAlgorithm": "HMACSHA256",
        "tsigKeyName": plan.name,
        "tsigSecretSecretRef": tsig,
    }
    acme = {
        "server": f"https://{plan.host}/dir",
        "caBundle": ca_bundle(plan),
        "privateKeySecretRef": {"name": f"{plan.name}-account-key"},
        "solvers": [{"http01": {"ingress": {"ingressClassName": plan.ingress_class}}}, {"dns01": {"rfc2136": rfc2136}}],
    }
    spec = {"acme": acme}
    yield {"apiVersion": "cert-manager.io/v1", "kind": "ClusterIssuer", "metadata": {"name": plan.name}, "spec": spec}


def chart_values(plan: Plan) -> dict[str, Any]:
    """Return the values with which the chart renders the same objects; release and namespace are helm's own options."""
    return {
        "fullnameOverride": plan.name,
        "image": plan.image,
        "seed": str(plan.seed),
        "caBundle": ca_bundle(plan),
        "zone": plan.zone,
        "dns": {"address": plan.dns_address, "corednsCustom": True},
        "ingress": {"address": plan.ingress_address or "", "className": plan.ingress_class},
        "certManager": {"namespace": plan.cert_manager_namespace},
        "clusterIssuer": {"enabled": True},
    }


def cert_manager_flags(plan: Plan) -> tuple[str, str]:
    """Return the flags of cert-manager's controller for dns-01, whose check of authoritative servers always dials 53."""
    return f"--dns01-recursive-nameservers={plan.dns}", "--dns01-recursive-nameservers-only"


_ACME_PORTS = (
    {"name": "https", "port": 443, "targetPort": "acme"},
    {"name": "acme", "port": ACME, "targetPort": "acme"},
    {"name": "management", "port": MANAGEMENT, "targetPort": "management"},
)
_DNS_PORTS = (
    {"name": "dns", "port": 53, "targetPort": "dns", "protocol": "UDP"},
    {"name": "dns-tcp", "port": 53, "targetPort": "dns-tcp", "protocol": "TCP"},
)


def _metadata(plan: Plan, name: str) -> dict[str, Any]:
    return {"name": name, "namespace": plan.namespace, "labels": labels(plan)}


def labels(plan: Plan) -> dict[str, str]:
    """Return the labels of every object."""
    return {"app.kubernetes.io/name": "gravel", "app.kubernetes.io/instance": plan.name}


def _secret(plan: Plan) -> dict[str, Any]:
    values = {
        "seed": str(plan.seed),
        "management-token": management_token(plan),
        "dns-update-key": f"hmac-sha256:{plan.name}:{tsig_secret(plan)}",
    }
    return {"apiVersion": "v1", "kind": "Secret", "metadata": _metadata(plan, plan.name), "stringData": values}


def _service(plan: Plan, name: str, ports: tuple[dict[str, Any], ...], **more: Any) -> dict[str, Any]:
    spec = {**more, "selector": labels(plan), "ports": [dict(port) for port in ports]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": _metadata(plan, name), "spec": spec}


def _cluster_dns(plan: Plan) -> dict[str, Any]:
    """K3s imports this ConfigMap; elsewhere its text goes into the Corefile."""
    stanza = f"{plan.zone}:53 {{\n    errors\n    forward . {plan.dns_address}\n}}\n"
    metadata = {"name": _IMPORTED_BY_K3S, "namespace": "kube-system"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"gravel.server": stanza}}


def _deployment(plan: Plan) -> dict[str, Any]:
    # A new seed is a new CA: the pod must be a new one too.
    changes = {"gravel.test/seed": hashlib.sha256(str(plan.seed).encode("ascii")).hexdigest()[:16]}
    pod = {
        "enableServiceLinks": False,
        "automountServiceAccountToken": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(plan)],
        "volumes": [{"name": "temporary", "emptyDir": {}}],
    }
    spec = {
        "replicas": 1,
        "strategy": {"type": "Recreate"},
        "selector": {"matchLabels": labels(plan)},
        "template": {"metadata": {"labels": labels(plan), "annotations": changes}, "spec": pod},
    }
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": _metadata(plan, plan.name), "spec": spec}


def _container(plan: Plan) -> dict[str, Any]:
    return {
        "name": "gravel",
        "image": plan.image,
        "imagePullPolicy": "IfNotPresent",
        "args": _arguments(plan),
        "env": [
            _from_secret(plan, "GRAVEL_SEED", "seed"),
            _from_secret(plan, "GRAVEL_MANAGEMENT_TOKEN", "management-token"),
            _from_secret(plan, "GRAVEL_DNS_UPDATE_KEY", "dns-update-key"),
        ],
        "ports": [
            {"name": "acme", "containerPort": ACME},
            {"name": "management", "containerPort": MANAGEMENT},
            {"name": "dns", "containerPort": DNS, "protocol": "UDP"},
            {"name": "dns-tcp", "containerPort": DNS, "protocol": "TCP"},
        ],
        "startupProbe": _probe(1, failureThreshold=60),
        "readinessProbe": _probe(5),
        "livenessProbe": _probe(10),
        "resources": {"requests": {"cpu": "100m", "memory": "96Mi"}, "limits": {"memory": "512Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "temporary", "mountPath": "/tmp"}],  # noqa: S108 - a volume of the pod's own
    }


def _probe(seconds: int, **more: int) -> dict[str, Any]:
    """The one path of the management API that wants no token."""
    request = {"path": "/healthz", "port": "management", "scheme": "HTTPS"}
    return {"httpGet": request, "periodSeconds": seconds, **more}


def _arguments(plan: Plan) -> list[str]:
    short = (f"{plan.name}.{plan.namespace}.svc", f"{plan.name}.{plan.namespace}")
    own = (f"--acme-port={ACME}", f"--management-port={MANAGEMENT}", f"--dns-port={DNS}")
    ports = (*own, "--http01-port=80", "--tls-alpn-port=443")
    names = [f"--tls-name={name}" for name in short]
    address = [f"--default-address={plan.ingress_address}"] if plan.ingress_address else []
    return ["--host=0.0.0.0", f"--base-url=https://{plan.host}", *names, *ports, *address]


def _from_secret(plan: Plan, variable: str, key: str) -> dict[str, Any]:
    return {"name": variable, "valueFrom": {"secretKeyRef": {"name": plan.name, "key": key}}}
