"""Which issuer a request means: an issuerRef, or a signerName of Kubernetes (`PLURAL.GROUP/NAME`)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import attrs

from issuer_bridge.resources import Kind, Resource

IssuerKind = partial(Kind, status=True, custom=True)
"""A kind of issuers: group, version, kind, plural, namespaced."""


@attrs.frozen
class Place:
    """Where an issuer is looked for; namespace: "" where it is cluster-wide."""

    kind: Kind
    namespace: str
    name: str

    @property
    def key(self) -> str:
        """`NAMESPACE/NAME`, or the bare name."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name

    def __str__(self) -> str:
        return f'{self.kind.plural}.{self.kind.group} "{self.name}"'


def issuer_of_request(request: Resource, kinds: Sequence[Kind]) -> Place | None:
    """Return what an issuerRef means, None for others' issuers; without a kind, the first namespaced one."""
    reference = request["spec"]["issuerRef"]
    for kind in sorted(kinds, key=lambda kind: not kind.namespaced):
        if reference.get("group", "") == kind.group and reference.get("kind") in (None, "", kind.kind):
            namespace = request["metadata"]["namespace"] if kind.namespaced else ""
            return Place(kind, namespace, reference["name"])
    return None


def issuer_of_signer(request: Resource, kinds: Sequence[Kind]) -> Place | None:
    """Return what a signerName means, None for others' signers; a request without a namespace has no namespaced one."""
    signer, *names = str(request["spec"].get("signerName", "")).split("/")
    if len(names) != 1:
        return None
    for kind in kinds:
        if not kind.namespaced and signer == f"{kind.plural}.{kind.group}":
            return Place(kind, "", names[0])
    return None
