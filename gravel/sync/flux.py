"""Kustomizations of Flux that depend on each other: each waits until those in `dependsOn` are Ready.

Facts from kustomize-controller and kstatus: a Kustomization is Ready when it is applied and, with `wait` or `healthChecks`,
what it applied is Current. An object without a status is Current, a Certificate that nobody has looked at yet among them;
`healthCheckExprs` are for that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from gravel.sync.stages import FAILED, WAITING, WELL, Health, Tell, apply_stage, wait_until_well
from issuer_bridge.conditions import READY, condition
from issuer_bridge.durations import parse_duration
from issuer_bridge.manifests import Manifest
from issuer_bridge.resources import Kind, Resource
from issuer_bridge.yaml_documents import documents

if TYPE_CHECKING:
    from gravel.kube_client import KubeClient

GROUP = "kustomize.toolkit.fluxcd.io"
# What changes the manifests, or where they go: better refused than left out.
UNKNOWN = ("patches", "images", "components", "postBuild", "decryption", "kubeConfig", "commonMetadata", "namePrefix")


class FluxError(ValueError):
    """What is wrong with the Kustomizations, in a sentence."""


@attrs.frozen
class Kustomization:
    """One of them; depends_on: `NAMESPACE/NAME` of others; folder: where its manifests are."""

    key: str
    folder: Path
    spec: Mapping[str, Any] = attrs.field(repr=False)
    depends_on: tuple[str, ...] = ()

    @property
    def timeout(self) -> float:
        """Seconds until it gives up waiting; without one of its own, its interval."""
        spec = self.spec
        return parse_duration(spec.get("timeout") or spec.get("interval") or "5m").total_seconds()


def kustomizations_in(root: Path) -> dict[str, Kustomization]:
    """Read all in the YAML files of a folder, whose `path` begins there; FluxError says what is wrong."""
    found: dict[str, Kustomization] = {}
    for file in sorted(root.glob("*.yaml")):
        for document in documents(file.read_text(encoding="utf-8")):
            value = document.value
            if isinstance(value, dict) and str(value.get("apiVersion")).startswith(f"{GROUP}/"):
                one = _kustomization(root, value)
                found[one.key] = one
    if not found:
        raise FluxError(f"{root} holds no Kustomization of {GROUP}")
    for one in found.values():
        for other in one.depends_on:
            if other not in found:
                raise FluxError(f"{one.key}: dependency '{other}' not found")
    _check_order(found)
    return found


def _kustomization(root: Path, value: Mapping[str, Any]) -> Kustomization:
    metadata, spec = value.get("metadata") or {}, value.get("spec") or {}
    namespace = metadata.get("namespace") or "flux-system"
    key = f"{namespace}/{metadata.get('name')}"
    beyond = [field for field in UNKNOWN if spec.get(field)]
    if beyond:
        raise FluxError(f"{key}: spec.{beyond[0]} is not known here")
    others = tuple(f"{each.get('namespace') or namespace}/{each['name']}" for each in spec.get("dependsOn") or ())
    return Kustomization(key, root / str(spec.get("path") or "."), spec, others)


def _check_order(found: Mapping[str, Kustomization]) -> None:
    done: list[str] = []
    while len(done) < len(found):
        ready = [one.key for one in found.values() if one.key not in done and all(o in done for o in one.depends_on)]
        if not ready:
            circle = ", ".join(key for key in found if key not in done)
            raise FluxError(f"these depend on each other in a circle, and would wait for ever: {circle}")
        done += ready


def kstatus(_: Kind, resource: Resource | None) -> Health:
    """Return what kstatus computes of a custom resource."""
    if resource is None:
        return Health(WAITING, "it is not there")
    status, generation = resource.get("status") or {}, resource["metadata"].get("generation")
    if resource["metadata"].get("deletionTimestamp"):
        return Health(WAITING, "it is being deleted")
    if status.get("observedGeneration") not in (None, generation):
        return Health(WAITING, f"generation is {generation}, but observed generation is {status['observedGeneration']}")
    for type_, state in (("Reconciling", WAITING), ("Stalled", FAILED)):
        if condition(resource, type_).get("status") == "True":
            return Health(state, condition(resource, type_).get("message", ""))
    ready = condition(resource, READY)
    if ready and ready.get("status") != "True":
        return Health(WAITING, ready.get("message", ""))
    return Health(WELL)


def judged_by(kustomization: Kustomization, kind: Kind, resource: Resource | None) -> Health:
    """Return what its `healthCheckExprs` say of an object, where they have something about its kind; else kstatus."""
    for rule in kustomization.spec.get("healthCheckExprs") or ():
        if (rule.get("apiVersion"), rule.get("kind")) == (kind.api_version, kind.kind) and resource is not None:
            for name, state in (("inProgress", WAITING), ("failed", FAILED), ("current", WELL)):
                if rule.get(name) and _holds(rule[name], resource):
                    return Health(state, "" if state == WELL else f"{name}: {rule[name]}")
            return Health(WAITING, f"not yet: {rule.get('current')}")
    return kstatus(kind, resource)


def _holds(expression: str, resource: Resource) -> bool:
    """Evaluate CEL over the fields of an object; what is not there makes it false."""
    about = {name: resource.get(name) or {} for name in ("status", "metadata", "spec", "data")}
    return _compiled(expression).eval(data=about).value() is True


@lru_cache(maxsize=64)
def _compiled(expression: str) -> Any:
    try:
        from cel_expr_python import cel
    except ModuleNotFoundError:
        raise FluxError("healthCheckExprs need the CEL library: pip install 'gravel[policy]'") from None
    try:
        names = dict.fromkeys(("status", "metadata", "spec", "data"), cel.Type.DYN)
        return cel.NewEnv(variables=names).compile(expression)
    except RuntimeError as error:
        raise FluxError(f"healthCheckExprs: {str(error).splitlines()[0]}") from None


def checked(kustomization: Kustomization, manifests: Sequence[Manifest]) -> list[Manifest]:
    """Return those whose health is waited for: all with `wait`, else those in `healthChecks`."""
    if kustomization.spec.get("wait"):
        return list(manifests)
    wanted = [(each.get("kind"), each.get("name")) for each in kustomization.spec.get("healthChecks") or ()]
    return [each for each in manifests if (each.kind.kind, each.resource["metadata"]["name"]) in wanted]


async def sync(
    client: KubeClient, all_of_them: Mapping[str, tuple[Kustomization, Sequence[Manifest]]], poll: float, tell: Tell
) -> bool:
    """Reconcile each as soon as its dependencies are Ready; False when one fails, whose dependants are never begun."""
    tasks: dict[str, asyncio.Task[bool]] = {}

    async def reconcile(one: Kustomization, manifests: Sequence[Manifest]) -> bool:
        for other in one.depends_on:
            if not await tasks[other]:
                tell(one.key, other, "dependency is not ready")
                return False
        if not await apply_stage(client, one.key, manifests, tell):
            return False
        try:
            waiting = wait_until_well(
                client, one.key, checked(one, manifests), lambda kind, live: judged_by(one, kind, live), poll, tell
            )
            return await asyncio.wait_for(waiting, one.timeout)
        except TimeoutError:
            tell(one.key, one.key, f"health check failed after {one.timeout:g} s")
            return False

    for key, (one, manifests) in all_of_them.items():
        tasks[key] = asyncio.create_task(reconcile(one, manifests))
    try:
        return all(await asyncio.gather(*tasks.values()))
    finally:
        for task in tasks.values():
            task.cancel()
