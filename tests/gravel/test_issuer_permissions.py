"""A stranger's issuer asks a cluster for what its RBAC allows, and its RBAC allows nothing else."""

from collections import Counter
from datetime import timedelta

import yaml

from gravel.commands.new_issuer import scaffold
from gravel.issuer import Bundle, IssuerKind
from gravel.issuer_service import IssuerService
from gravel.leading import Candidacy
from issuer_bridge.cluster.connection import Connection, Where
from issuer_bridge.cluster.election import Terms
from issuer_bridge.conditions import APPROVED, set_condition
from issuer_bridge.issuer_lib.conduct import Options
from issuer_bridge.issuer_lib.consulting import author
from issuer_bridge.issuer_lib.forms import CERTIFICATE_REQUESTS, SIGNING_REQUESTS
from issuer_bridge.kube_api.paths import parse_target
from issuer_bridge.resources import CERTIFICATE_REQUEST, CERTIFICATE_SIGNING_REQUEST, CUSTOM_RESOURCE_DEFINITION, LEASE
from tests.embedded_api import NOW, new_store
from tests.issuer_bridge.acme_client.made_certificates import certificate
from tests.issuer_bridge.bridge_resources import csr_of
from tests.issuer_bridge.cluster.cluster_rig import Faults, served, status, until

FILES = scaffold("corp", "corp.test")
ISSUERS = IssuerKind("corp.test", "v1alpha1", "CorpIssuer", "corpissuers")
CLUSTER_ISSUERS = IssuerKind("corp.test", "v1alpha1", "CorpClusterIssuer", "corpclusterissuers", namespaced=False)
NAME = "corp-issuer"
TERMS = Terms(timedelta(seconds=2), timedelta(seconds=1), timedelta(seconds=0.05))
VERBS = {"POST": "create", "PUT": "update"}


def allowed():
    """Group, resource and verb of all that the issuer's own roles allow, but for `sign`, which others ask about."""
    roles = [item for item in yaml.safe_load_all(FILES["manifests/rbac.yaml"]) if item["metadata"]["name"] == NAME]
    return {
        (group, resource, verb)
        for role in roles
        for rule in role.get("rules", ())
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
        if verb != "sign"
    }


def permission(store, method, path, query):
    target = parse_target(path, store.served.places)
    if target is None:
        return None
    resource = "/".join(filter(None, (target.kind.plural, target.subresource)))
    verb = VERBS.get(method) or ("get" if target.name else "watch" if "watch" in query else "list")
    return target.kind.group, resource, verb


def conflicts(store, faults):
    """Let the first write to each kind be a conflict: then the object is read anew."""
    met = Counter()

    def conflict(request):
        asked = permission(store, request.method, request.path, request.query)
        if asked is None or asked[2] not in VERBS.values() or asked[1] == LEASE.plural:
            return None
        met[asked] += 1
        return status(409, "Conflict")(request) if met[asked] == 1 else None

    faults.before = conflict


def put(store, kind, name, spec, namespace="default"):
    metadata = {"name": name, **({"namespace": namespace} if kind.namespaced else {})}
    made = store.insert(kind, {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata, "spec": spec})
    if "request" in spec:
        conditions = set_condition((), APPROVED, "True", "r", "m", NOW)
        part = "approval" if kind == CERTIFICATE_SIGNING_REQUEST else "status"
        store.replace_status(kind, {**made, "status": {"conditions": conditions}}, subresource=part)


def signed(store, kind, namespace):
    return "certificate" in (store.get(kind, namespace, "one").get("status") or {})


async def test_it_asks_for_what_it_is_allowed():
    async def check(issuer):
        pass

    async def sign(request, issuer):
        return Bundle(certificate())

    store, faults = new_store(namespaces=[NAME]), Faults()
    for file in ("manifests/issuers.yaml", "manifests/clusterissuers.yaml"):
        store.insert(CUSTOM_RESOURCE_DEFINITION, yaml.safe_load(FILES[file]))
    conflicts(store, faults)
    async with served(store, faults) as url:
        connection = Connection(Where(server=url))
        await connection.open()
        options = Options(field_owner=NAME, first_backoff=timedelta(milliseconds=10))
        service = IssuerService(
            connection,
            author((ISSUERS, CLUSTER_ISSUERS), check, sign, options.call_timeout),
            options,
            (CERTIFICATE_REQUESTS, SIGNING_REQUESTS),
            Candidacy(NAME, f"{NAME}-controller", TERMS),
        )
        async with service:
            for kind in (ISSUERS, CLUSTER_ISSUERS):
                put(store, kind, "corp", {"url": "https://ca.test", "authSecretName": "token"})
            reference = {"group": "corp.test", "kind": "CorpIssuer", "name": "corp"}
            put(store, CERTIFICATE_REQUEST, "one", {"request": csr_of("a.test"), "issuerRef": reference})
            signer = "corpclusterissuers.corp.test/corp"
            wanted = {"request": csr_of("a.test"), "signerName": signer, "usages": ["server auth"]}
            put(store, CERTIFICATE_SIGNING_REQUEST, "one", wanted)
            await until(lambda: signed(store, CERTIFICATE_REQUEST, "default"))
            await until(lambda: signed(store, CERTIFICATE_SIGNING_REQUEST, ""))
            # An event that is told again, and the Lease renewed.
            issuer = store.get(ISSUERS, "default", "corp")
            store.replace(ISSUERS, {**issuer, "metadata": {**issuer["metadata"], "annotations": {"look": "again"}}})
            await until(
                lambda: ("PUT", "events") in [(method, path.split("/")[-2]) for method, path, _ in faults.asked]
            )
        await connection.close()
    asked = {permission(store, *request) for request in faults.asked} - {None}
    assert asked == allowed()
