"""The http-01 solver of a cluster: presents by leading requests to the bridge's responder.

Its steps are cert-manager's (pkg/issuer/acme/http/http.go): one object of a kind
and challenge, found by labels and owner; more than one are deleted, and an
error; presenting is repeated at the beginning of each check.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from acme_server.protocol.vantage import Inquiry
from issuer_bridge.cluster.solver_objects import (
    Backend,
    ingress_of,
    labels_of,
    route_of,
    service_of,
    with_path,
    without_path,
)
from issuer_bridge.references import is_controlled_by
from issuer_bridge.resources import HTTP_ROUTE, INGRESS, SERVICE, ApiError, Kind, Resource, Resources
from solvers.solver import NotReady, Presentation, Readiness, Solver, SolverError


@attrs.frozen
class ChallengeSolver(Solver):
    """The solver of one Challenge; checker: what looks at the answer."""

    resources: Resources
    backend: Backend
    checker: Solver
    challenge: Resource

    def present(self, presentation: Presentation) -> Inquiry[None]:
        """Lead the challenge's requests to the responder, where they are not led there already."""
        del presentation
        try:
            yield from self._present()
        except ApiError as error:
            raise SolverError(str(error)) from None

    def check(self, presentation: Presentation) -> Inquiry[Readiness]:
        """Present once more, then look."""
        try:
            yield from self.present(presentation)
        except SolverError as error:
            return NotReady(str(error))
        return (yield from self.checker.check(presentation))

    def clean_up(self, presentation: Presentation) -> Inquiry[None]:
        """Delete what was made, and take the path out of an Ingress that is not ours; owners take HTTPRoutes along."""
        del presentation
        try:
            for kind in (SERVICE, INGRESS):
                for found in self._found(kind):
                    yield from self._delete(kind, found)
            yield from self._restore()
        except ApiError as error:
            raise SolverError(str(error)) from None

    def _present(self) -> Inquiry[None]:
        config = self.challenge["spec"]["solver"].get("http01") or {}
        if "gatewayHTTPRoute" in config:
            service = yield from self._service()
            yield from self._present_route(route_of(self.challenge, service, self.backend.port))
        elif "ingress" in config:
            service = yield from self._service()
            if self._named:
                yield from self._edit(service)
            else:
                yield from self._one(INGRESS, ingress_of(self.challenge, service, self.backend.port))

    def _service(self) -> Inquiry[str]:
        """Return the name of what a rule in the challenge's namespace can lead to."""
        if self._namespace == self.backend.namespace:
            return self.backend.name
        service = yield from self._one(SERVICE, service_of(self.challenge, self.backend))
        return str(service["metadata"]["name"])

    def _present_route(self, wanted: Resource) -> Inquiry[None]:
        """As the issuer's labels and parents may change, a route is brought up to date."""
        route = yield from self._one(HTTP_ROUTE, wanted)
        labels = wanted["metadata"]["labels"]
        if route["spec"] != wanted["spec"] or route["metadata"].get("labels") != labels:
            metadata = {**route["metadata"], "labels": labels}
            yield from self.resources.update(HTTP_ROUTE, {**route, "metadata": metadata, "spec": wanted["spec"]})

    def _edit(self, service: str) -> Inquiry[None]:
        ingress = self.resources.get(INGRESS, self._namespace, self._named)
        if ingress is None:
            raise SolverError(f'ingress.networking.k8s.io "{self._named}" not found')
        edited = with_path(ingress, self.challenge, service, self.backend.port)
        if edited != ingress:
            yield from self.resources.update(INGRESS, edited)

    def _restore(self) -> Inquiry[None]:
        ingress = self.resources.get(INGRESS, self._namespace, self._named) if self._named else None
        if ingress is not None:
            restored = without_path(ingress, self.challenge)
            if restored != ingress:
                yield from self.resources.update(INGRESS, restored)

    def _one(self, kind: Kind, wanted: Resource) -> Inquiry[Resource]:
        """Return the object of the challenge, made if there is none."""
        found = self._found(kind)
        if len(found) > 1:
            for each in found:
                yield from self._delete(kind, each)
            raise SolverError(f"multiple existing {kind.plural} found and cleaned up. retrying challenge sync")
        return found[0] if found else (yield from self.resources.create(kind, wanted))

    def _found(self, kind: Kind) -> list[Resource]:
        listed = self.resources.list(kind, self._namespace, labels_of(self.challenge))
        return [each for each in listed if is_controlled_by(each, self.challenge)]

    def _delete(self, kind: Kind, resource: Resource) -> Inquiry[None]:
        try:
            yield from self.resources.delete(kind, self._namespace, resource["metadata"]["name"])
        except ApiError as error:
            if error.code != 404:
                raise

    @property
    def _namespace(self) -> str:
        return str(self.challenge["metadata"]["namespace"])

    @property
    def _named(self) -> str:
        """The Ingress that is to be edited instead of one of the challenge's own."""
        config: Mapping[str, Any] = (self.challenge["spec"]["solver"].get("http01") or {}).get("ingress") or {}
        return str(config.get("name") or "")


@attrs.frozen
class ClusterHttp01(Solver):
    """Makes the solver of each Challenge; by itself it shows nothing, and checks."""

    resources: Resources
    backend: Backend
    checker: Solver

    def of(self, challenge: Resource) -> Solver:
        """Return the solver of a Challenge."""
        return ChallengeSolver(self.resources, self.backend, self.checker, challenge)

    def present(self, presentation: Presentation) -> Inquiry[None]:
        """Show it on the responder of this process."""
        return self.checker.present(presentation)

    def check(self, presentation: Presentation) -> Inquiry[Readiness]:
        """Look."""
        return self.checker.check(presentation)

    def clean_up(self, presentation: Presentation) -> Inquiry[None]:
        """Show it no more."""
        return self.checker.clean_up(presentation)
