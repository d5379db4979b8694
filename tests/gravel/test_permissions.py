"""A bridge asks a cluster for what its RBAC table allows, and the table allows nothing else."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from random import Random

from gravel.running import Running
from issuer_bridge.cluster.permissions import LEASE_PERMISSIONS, PERMISSIONS
from issuer_bridge.kube_api.paths import parse_target
from issuer_bridge.kube_api.store import EmbeddedStore
from issuer_bridge.resources import CERTIFICATE, CERTIFICATE_REQUEST, CLUSTER_ISSUER, INGRESS, ISSUER, LEASE
from tests.gravel.test_cluster_bridge import ISSUER as CLUSTER_WIDE
from tests.gravel.test_cluster_bridge import request_for
from tests.issuer_bridge.cluster.cluster_rig import Faults, kubeconfig, served, status, until

VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
WAYS = {
    "own": {"ingress": {}},
    "named": {"ingress": {"name": "shop"}},
    "route": {"gatewayHTTPRoute": {"parentRefs": [{"name": "gateway"}]}},
}


def permission(method, path, query):
    """Return kind, subresource and verb of a request."""
    target = parse_target(path)
    if target is None:
        return None
    collection = "watch" if "watch" in query else "list"
    verb = VERBS.get(method) or ("get" if target.name else collection)
    return target.kind, target.subresource, verb


def issuer(kind, name, http01):
    acme = {**CLUSTER_WIDE["spec"]["acme"], "solvers": [{"http01": http01}], "privateKeySecretRef": {"name": name}}
    return {"metadata": {"name": name, "namespace": "default"}, "spec": {"acme": acme}}


def certificate(name):
    spec = {
        "secretName": "www-tls",
        "dnsNames": [f"{name}.example.test"],
        "issuerRef": {"name": "gravel", "kind": "ClusterIssuer"},
    }
    return {"metadata": {"name": "www", "namespace": "default"}, "spec": spec}


def ingress(*secrets, limit):
    """One that asks for Certificates of the ClusterIssuer."""
    annotations = {"cert-manager.io/cluster-issuer": "gravel", "cert-manager.io/revision-history-limit": str(limit)}
    tls = [{"hosts": [f"{secret}.example.test"], "secretName": secret} for secret in secrets]
    return {"metadata": {"name": "asks", "namespace": "default", "annotations": annotations}, "spec": {"tls": tls}}


def issued(request):
    return request.get("status", {}).get("certificate")


def ready(store, revision=1):
    return store.get(CERTIFICATE, "default", "www").get("status", {}).get("revision") == revision


def conflicts(faults):
    """Let the first write to each object of a known name, of each kind and verb, be a conflict."""
    met = Counter()

    def conflict(request):
        asked = permission(request.method, request.path, request.query)
        if asked is None or asked[2] not in ("create", "update") or asked[0] == LEASE:
            return None
        met[asked] += 1
        return status(409, "Conflict")(request) if met[asked] == 1 else None

    faults.before = conflict


async def asked_in_a_full_run(folder, free_settings):
    """Issue by every way of presenting, each write a conflict once; return what the cluster was asked."""
    store, faults = EmbeddedStore(lambda: datetime.now(UTC), Random(1).randbytes, ("cert-manager", "gravel")), Faults()
    conflicts(faults)
    paths = [{"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "shop", "port": {"number": 80}}}}]
    shop = {"rules": [{"host": "named.example.test", "http": {"paths": paths}}]}
    store.insert(INGRESS, {"metadata": {"name": "shop", "namespace": "default"}, "spec": shop})
    store.insert(CLUSTER_ISSUER, CLUSTER_WIDE)
    for name, http01 in WAYS.items():
        store.insert(ISSUER, issuer(ISSUER, name, http01))
    async with served(store, faults) as url:
        settings = free_settings(
            kubeconfig=kubeconfig(folder, url), http01_service=("gravel", "responder", 80), http01_port=0
        )
        async with Running(settings, bridge=True):
            for name in ("cluster", *WAYS):
                request = request_for(name)
                if name in WAYS:
                    request["spec"]["issuerRef"] = {"name": name, "kind": "Issuer"}
                store.insert(CERTIFICATE_REQUEST, request)
            store.insert(CERTIFICATE, certificate("www"))
            store.insert(INGRESS, ingress("stays", "goes", limit=1))
            await until(lambda: all(map(issued, store.list(CERTIFICATE_REQUEST))) and ready(store), 60)
            renewed = store.get(CERTIFICATE, "default", "www")
            store.replace(CERTIFICATE, {**renewed, "spec": certificate("other")["spec"]})
            asks, changed = store.get(INGRESS, "default", "asks"), ingress("stays", limit=2)
            store.replace(INGRESS, {**changed, "metadata": {**asks["metadata"], **changed["metadata"]}})
            names = {"www-2", "stays-1", "cluster", *WAYS}
            await until(
                lambda: (
                    ready(store, revision=2)
                    and {each["metadata"]["name"] for each in store.list(CERTIFICATE_REQUEST)} == names
                    and store.get(CERTIFICATE, "default", "stays")["spec"]["revisionHistoryLimit"] == 2
                ),
                60,
            )
    return [permission(*request) for request in faults.asked]


async def test_all_that_is_allowed_is_asked_for_and_nothing_else(tmp_path, free_settings):
    asked = set(filter(None, await asked_in_a_full_run(tmp_path, free_settings)))
    table = {**PERMISSIONS, (LEASE, ""): LEASE_PERMISSIONS}
    allowed = {(*place, verb) for place, verbs in table.items() for verb in verbs.split()}
    names = [
        sorted(f"{kind.plural}/{sub} {verb}" for kind, sub, verb in each) for each in (asked - allowed, allowed - asked)
    ]
    assert names == [[], []]
