"""What the http-01 pods of a real cert-manager would answer, where no kubelet and no ingress controller run.

A request goes as in a cluster: by host and exact path of an Ingress or HTTPRoute to a Service, by its selector to
a Pod, and there by the arguments of its acmesolver container, which say what it shows
(pkg/issuer/acme/http/pod.go, cmd/acmesolver).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from acme_server.protocol.key_authorization import HTTP01_PATH
from issuer_bridge.resources import HTTP_ROUTE, INGRESS, POD, SERVICE, Kind, Resource, Resources
from solvers.http01.responder import bare_host
from solvers.http01.site import Reply, Visit

Route = tuple[Kind, str, str]


class AcmeSolvers:
    """A table of an http-01 listener that stands for all acmesolver pods of the resources."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._routes: dict[str, dict[Route, None]] = {}  # by path
        self._paths: dict[Route, tuple[str, ...]] = {}
        resources.watch(self._heard)
        for kind in (INGRESS, HTTP_ROUTE):
            for resource in resources.list(kind):
                self._heard("ADDED", kind, resource)

    def reply(self, visit: Visit) -> Reply | None:
        """Return a pod's answer; None when no route leads to one."""
        host = bare_host(visit.host)
        for namespace, service in self._services(host, visit.path):
            for shown in self._shown(namespace, service):
                fits = shown.get("domain") == host and visit.path == HTTP01_PATH + shown.get("token", "")
                return Reply(200, shown.get("key", "").encode()) if fits else Reply(404)
        return None

    def _services(self, host: str, path: str) -> Iterator[tuple[str, str]]:
        """Yield namespace and name of the Services to which a request is led."""
        for kind, namespace, name in self._routes.get(path, ()):
            route = self._resources.get(kind, namespace, name) or {}
            for service, at_path, at_host in _backends(kind, route):
                if at_path == path and at_host in ("", host):
                    yield namespace, service

    def _shown(self, namespace: str, name: str) -> Iterator[dict[str, str]]:
        """Yield the arguments of the acmesolvers behind a Service."""
        service = self._resources.get(SERVICE, namespace, name)
        wanted = (service or {}).get("spec", {}).get("selector")
        if wanted:
            for pod in self._resources.list(POD, namespace, wanted):
                yield _arguments(pod)

    def _heard(self, event: str, kind: Kind, resource: Resource) -> None:
        """Keep which routes there are for a path."""
        if kind not in (INGRESS, HTTP_ROUTE):
            return
        metadata = resource["metadata"]
        route = (kind, metadata["namespace"], metadata["name"])
        for path in self._paths.pop(route, ()):
            self._routes[path].pop(route, None)
            if not self._routes[path]:
                del self._routes[path]
        if event != "DELETED":
            self._paths[route] = tuple(dict.fromkeys(path for _, path, _ in _backends(kind, resource)))
            for path in self._paths[route]:
                self._routes.setdefault(path, {})[route] = None


def _backends(kind: Kind, route: Resource) -> Iterator[tuple[str, str, str]]:
    """Yield service, path and host ("" for any) of each rule."""
    rules: list[Any] = route.get("spec", {}).get("rules") or []
    if kind == INGRESS:
        for rule in rules:
            for path in (rule.get("http") or {}).get("paths") or ():
                service = path["backend"].get("service") or {}
                yield service.get("name", ""), path.get("path", ""), rule.get("host", "")
        return
    for rule in rules:
        for match in rule.get("matches") or ():
            for backend in rule.get("backendRefs") or ():
                for host in route["spec"].get("hostnames") or ("",):
                    yield backend.get("name", ""), (match.get("path") or {}).get("value", ""), host


def _arguments(pod: Resource) -> dict[str, str]:
    """Read `--domain=NAME` and the like."""
    arguments = [text for container in pod["spec"].get("containers") or () for text in container.get("args") or ()]
    return {name.removeprefix("--"): value for name, _, value in (text.partition("=") for text in arguments)}
