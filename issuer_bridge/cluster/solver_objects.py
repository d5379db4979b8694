"""The objects that lead http-01 requests to a bridge, as cert-manager has them (pkg/issuer/acme/http/{ingress,httproute}.go).

Where cert-manager starts a pod for each challenge, all of them are answered by
the bridge's one responder, behind a Service. An Ingress can only name a Service
of its own namespace, so one of type ExternalName stands for it elsewhere: it
never goes stale, while an EndpointSlice would have to follow the pods (kube-proxy
takes no ClusterIP for an endpoint), and cluster roles withhold slices since
CVE-2021-25740. What refuses such Services (Traefik and Contour unless allowed,
many gateways) is to be used with challenges in the bridge's own namespace.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any
from zlib import adler32

import attrs

from acme_server.protocol.key_authorization import HTTP01_PATH
from issuer_bridge.references import controller_reference
from issuer_bridge.resources import CHALLENGE, HTTP_ROUTE, INGRESS, SERVICE, Kind, Resource

PREFIX = "acme.cert-manager.io/http"
SOLVER_LABEL = f"{PREFIX}01-solver"
GENERATE_NAME = "cm-acme-http-solver-"
ANYONE = {"nginx.ingress.kubernetes.io/whitelist-source-range": "0.0.0.0/0,::/0"}
CLASS_ANNOTATION = "kubernetes.io/ingress.class"


@attrs.frozen
class Backend:
    """The Service of the responder."""

    namespace: str
    name: str
    port: int

    @property
    def host(self) -> str:
        """Its name inside the cluster."""
        return f"{self.name}.{self.namespace}.svc.cluster.local"


def labels_of(challenge: Resource) -> dict[str, str]:
    """Return the labels by which the objects of a challenge are found."""
    spec = challenge["spec"]
    return {
        f"{PREFIX}-domain": str(adler32(spec["dnsName"].encode())),
        f"{PREFIX}-token": str(adler32(spec["token"].encode())),
        SOLVER_LABEL: "true",
    }


def service_of(challenge: Resource, backend: Backend) -> Resource:
    """Return the Service that stands for the responder in the challenge's namespace."""
    ports = [{"name": "http", "port": backend.port, "targetPort": backend.port}]
    spec = {"type": "ExternalName", "externalName": backend.host, "ports": ports}
    return {**_placed(SERVICE, challenge), "spec": spec}


def ingress_of(challenge: Resource, service: str, port: int) -> Resource:
    """Return an Ingress of the challenge's own."""
    config = _config(challenge, "ingress")
    ingress = _placed(INGRESS, challenge)
    template = (config.get("ingressTemplate") or {}).get("metadata") or {}
    class_ = {CLASS_ANNOTATION: config["class"]} if config.get("class") else {}
    ingress["metadata"]["annotations"] = {**ANYONE, **class_, **(template.get("annotations") or {})}
    ingress["metadata"]["labels"].update(template.get("labels") or {})
    rule = {"host": host_of(challenge), "http": {"paths": [_path(challenge, service, port)]}}
    spec: dict[str, Any] = {"rules": [rule if rule["host"] else {"http": rule["http"]}]}
    if config.get("ingressClassName"):
        spec["ingressClassName"] = config["ingressClassName"]
    return {**ingress, "spec": spec}


def with_path(ingress: Resource, challenge: Resource, service: str, port: int) -> Resource:
    """Return somebody's Ingress with the challenge's path first in the rule of its host."""
    added, host = _path(challenge, service, port), host_of(challenge)
    rules = list((ingress.get("spec") or {}).get("rules") or ())
    for number, rule in enumerate(rules):
        if rule.get("host", "") == host:
            http = rule.get("http") or {}
            others = [path for path in http.get("paths") or () if path.get("path") != added["path"]]
            rules[number] = {**rule, "http": {**http, "paths": [added, *others]}}
            break
    else:
        rules.append({"host": host, "http": {"paths": [added]}} if host else {"http": {"paths": [added]}})
    return {**ingress, "spec": {**(ingress.get("spec") or {}), "rules": rules}}


def without_path(ingress: Resource, challenge: Resource) -> Resource:
    """Return somebody's Ingress as it was before; a rule that has no path left goes."""
    path, host = path_of(challenge), host_of(challenge)
    rules = []
    for rule in ingress["spec"].get("rules") or ():
        if rule.get("host", "") == host and rule.get("http"):
            left = [each for each in rule["http"].get("paths") or () if each.get("path") != path]
            if not left:
                continue
            rule = {**rule, "http": {**rule["http"], "paths": left}}  # noqa: PLW2901 - a copy with less
        rules.append(rule)
    spec = {key: value for key, value in ingress["spec"].items() if key != "rules"}
    return {**ingress, "spec": {**spec, "rules": rules} if rules else spec}


def route_of(challenge: Resource, service: str, port: int) -> Resource:
    """Return the HTTPRoute of a challenge."""
    config = _config(challenge, "gatewayHTTPRoute")
    route = _placed(HTTP_ROUTE, challenge)
    route["metadata"]["labels"].update(config.get("labels") or {})
    reference = {
        "group": "",
        "kind": "Service",
        "name": service,
        "namespace": challenge["metadata"]["namespace"],
        "port": port,
        "weight": 1,
    }
    match = {"path": {"type": "Exact", "value": path_of(challenge)}}
    spec: dict[str, Any] = {"rules": [{"matches": [match], "backendRefs": [reference]}]}
    if config.get("parentRefs"):
        spec["parentRefs"] = config["parentRefs"]
    if host_of(challenge):
        spec["hostnames"] = [host_of(challenge)]
    return {**route, "spec": spec}


def host_of(challenge: Resource) -> str:
    """Return the host of the challenge's requests, "" for an address: no rule can name one."""
    name: str = challenge["spec"]["dnsName"]
    try:
        ip_address(name)
    except ValueError:
        return name
    return ""


def path_of(challenge: Resource) -> str:
    """Return the path of the challenge's requests."""
    return HTTP01_PATH + str(challenge["spec"]["token"])


def _path(challenge: Resource, service: str, port: int) -> dict[str, Any]:
    backend = {"service": {"name": service, "port": {"number": port}}}
    return {"path": path_of(challenge), "pathType": "Exact", "backend": backend}


def _config(challenge: Resource, way: str) -> Mapping[str, Any]:
    return challenge["spec"]["solver"]["http01"].get(way) or {}


def _placed(kind: Kind, challenge: Resource) -> Resource:
    metadata = {
        "generateName": GENERATE_NAME,
        "namespace": challenge["metadata"]["namespace"],
        "labels": labels_of(challenge),
        "ownerReferences": [controller_reference(challenge, CHALLENGE)],
    }
    return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata}
