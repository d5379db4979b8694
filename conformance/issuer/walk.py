"""One run: all requests at once, then a quiet, then what wakes those that wait; checks look at what was seen.

Requests are made and decided on; when those that can end have ended, an annotation of each is changed, so that its
issuer looks again, and for a while nobody touches anything. Then the unapproved is approved, and the missing issuer
is made, a copy of the one that is held to the checks.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import attrs
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes

from conformance.issuer.forms import APPROVED, UNDECIDED, Form, csr, forms, named
from conformance.issuer.kube import EVENTS, REQUESTS, Follower, Kube, Refused
from conformance.issuer.options import Options
from conformance.issuer.scene import Scene, Version
from conformance.verdict import NotOffered, NotReachable
from conformance.wire import Exchange, Reply, Wire

RUN, NUDGE, WITNESS = (f"conformance.gravel.test/{name}" for name in ("run", "nudge", "witness"))
# Those that end by themselves are all but these.
WAITING = ("unapproved", "foreign", "unknown", "missing", "unready")
# Seconds for a version to come to the watch.
LAG = 0.2


@attrs.frozen
class Made:
    """A request that we created."""

    form: Form
    key: CertificateIssuerPrivateKeyTypes
    names: tuple[x509.GeneralName, ...]
    object: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Its name in the API."""
        return str(self.object["metadata"]["name"])


class Walk:
    """What a check is given."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.kube = Kube(options.target)
        self._run = secrets.token_hex(4)
        self._made: dict[str, Made] = {}
        self._refused: dict[str, str] = {}
        self._remove: list[str] = []
        self._copy_refused = ""
        self._ended: Exception | None = None

    @property
    def wire(self) -> Wire:
        """What was said to the API."""
        return self.kube.wire

    @property
    def late(self) -> bool:
        """Never: a walk is bounded by its patience."""
        return False

    def url(self, member: str) -> str:
        """Say that there is no directory: no check of an issuer needs one."""
        raise NotOffered(member)

    def scene(self, name: str) -> Scene:
        """Return what became of one request, which the report then shows."""
        scene = self._walked.get(name)
        if scene is None:
            raise NotReachable(self._refused.get(name, f"the run made no request called {name!r}"))
        path = f"{self._requests}/{scene.versions[0].object['metadata']['name']}"
        for version in scene.versions:
            reply = Reply(200, (), json.dumps(version.object).encode())
            self.wire.log.append(Exchange("WATCH", self.kube.target.server + path, {}, b"", reply))
        return scene

    def scenes(self, *, issued: bool = False) -> Iterator[Scene]:
        """Yield what became of every request, or of those that were issued; NotReachable where there are none.

        The report shows the one at which a check stopped.
        """
        found = [name for name, scene in self._walked.items() if scene.issued or not issued]
        if not found:
            raise NotReachable("no request was issued")
        for name in found:
            before = len(self.wire.log)
            yield self.scene(name)
            del self.wire.log[before:]

    def woken(self) -> Scene:
        """Return the request whose issuer was made after it."""
        if self._copy_refused:
            raise NotReachable(f"the issuer could not be copied: {self._copy_refused}")
        return self.scene("missing")

    @cached_property
    def issuer_path(self) -> str:
        """The path of the issuer's collection."""
        kind, group = self.options.issuer.kind, self.options.issuer.group
        version = self.kube.get(f"/apis/{group}")["preferredVersion"]["groupVersion"]
        for resource in self.kube.get(f"/apis/{version}")["resources"]:
            if resource["kind"] == kind and "/" not in resource["name"]:
                place = f"namespaces/{self.options.namespace}/" if resource["namespaced"] else ""
                return f"/apis/{version}/{place}{resource['name']}"
        raise NotReachable(f"the API has no kind {kind} in {version}")

    @cached_property
    def issuer(self) -> Mapping[str, Any]:
        """The issuer, as it is after the walk."""
        return self._walked and self._read_issuer()

    def _read_issuer(self) -> Mapping[str, Any]:
        return self.kube.get(f"{self.issuer_path}/{self.options.issuer.name}")

    def close(self) -> None:
        """Remove what was made, and hang up."""
        for path in self._remove:
            with contextlib.suppress(NotReachable):
                self.kube.ask("DELETE", path)
        self.wire.close()

    @property
    def _requests(self) -> str:
        return REQUESTS.format(self.options.namespace)

    @cached_property
    def _copy(self) -> str:
        return f"conformance-{self._run}"

    @property
    def _walked(self) -> Mapping[str, Scene]:
        """The scenes; where the walk did not come to its end, that is said again and again."""
        if self._ended:
            raise self._ended
        try:
            return self._scenes
        except Exception as ended:
            self._ended = ended
            raise

    @cached_property
    def _scenes(self) -> Mapping[str, Scene]:
        issuer = self._read_issuer()
        with (
            contextlib.closing(Follower(self.kube, self._requests, f"{RUN}={self._run}")) as requests,
            contextlib.closing(Follower(self.kube, EVENTS.format(self.options.namespace))) as events,
        ):
            self._begin()
            self._end(requests, [name for name in self._made if name not in WAITING])
            requests.wait(lambda: False, LAG)
            rest = time.monotonic()
            for made in self._made.values():
                self.kube.merge(f"{self._requests}/{made.name}", {"metadata": {"annotations": {NUDGE: self._run}}})
            requests.wait(lambda: False, self.options.quiet)
            woken = time.monotonic()
            self._wake(issuer)
            self._end(requests, [name for name in ("unapproved", "missing") if name in self._made])
            requests.wait(lambda: False, LAG)
            return {name: _scene(name, made, requests, events, (rest, woken)) for name, made in self._made.items()}

    def _begin(self) -> None:
        """Make all requests, and decide on them."""
        for name, form in forms(self.options, self._copy).items():
            key, fresh = form.new_key(), f"c{secrets.token_hex(6)}.{self.options.domain}"
            names = named(form.names, fresh, self.options.address)
            reference = {**attrs.asdict(self.options.issuer), **form.issuer}
            document = {
                "apiVersion": "cert-manager.io/v1",
                "kind": "CertificateRequest",
                "metadata": {"name": f"conformance-{self._run}-{name.replace('_', '-')}", "labels": {RUN: self._run}},
                "spec": {
                    "request": csr(form, key, names, fresh),
                    "issuerRef": reference,
                    "usages": ["digital signature", "key encipherment"],
                },
            }
            try:
                made = Made(form, key, tuple(names), self.kube.create(self._requests, document))
                self._remove.append(f"{self._requests}/{made.name}")
                self._decide(made, form.decision)
            except Refused as refused:
                self._refused[name] = f"the API refuses a request for {form.what}: {refused}"
            else:
                self._made[name] = made

    def _decide(self, made: Made, decision: str) -> None:
        """Write a decision as an approver does, unless it is there, and a condition of a stranger's beside it."""
        if decision == UNDECIDED:
            return
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        ours = [
            {"type": kind, "status": "True", "reason": "conformance", "message": "as a test", "lastTransitionTime": now}
            for kind in (decision, WITNESS)
        ]
        self.kube.update_status(
            f"{self._requests}/{made.name}",
            lambda status: {**status, "conditions": _with(status.get("conditions") or (), ours)},
        )

    def _wake(self, issuer: Mapping[str, Any]) -> None:
        """Approve what nobody decided on, and make the issuer that was missing."""
        if made := self._made.get("unapproved"):
            with contextlib.suppress(Refused):
                self._decide(made, APPROVED)
        metadata = {"name": self._copy, "labels": {RUN: self._run}}
        copy = {name: issuer[name] for name in ("apiVersion", "kind", "spec") if name in issuer}
        try:
            self.kube.create(self.issuer_path, {**copy, "metadata": metadata})
            self._remove.append(f"{self.issuer_path}/{self._copy}")
        except Refused as refused:
            self._copy_refused = str(refused)

    def _end(self, requests: Follower, names: list[str]) -> None:
        """Wait until requests are where nothing comes after, as long as patience lasts."""
        wanted = {self._made[name].name for name in names}

        def ended() -> bool:
            final = {seen.object["metadata"]["name"] for seen in requests.seen if Version(seen.at, seen.object).final}
            return wanted <= final

        requests.wait(ended, self.options.patience)


def _with(conditions: Sequence[Mapping[str, Any]], ours: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Add conditions of types that are not there."""
    types = [one.get("type") for one in conditions]
    return [*conditions, *(one for one in ours if one["type"] not in types)]


def _scene(name: str, made: Made, requests: Follower, events: Follower, rest: tuple[float, float]) -> Scene:
    uid = made.object["metadata"]["uid"]
    versions = tuple(
        Version(seen.at, seen.object)
        for seen in requests.seen
        if seen.object["metadata"]["uid"] == uid and seen.kind != "DELETED"
    )
    told = tuple(
        seen.at
        for seen in events.seen
        if seen.kind != "DELETED" and (seen.object.get("involvedObject") or {}).get("uid") == uid
    )
    if not versions:
        raise NotReachable(f"the watch does not tell of {made.name}")
    return Scene(name, made.form, made.key, made.names, versions, told, rest)
