"""Trust stores: Secrets and ConfigMaps with roots, what they should hold, and whether who reads them has loaded it.

Three ways in: the Secrets of the issuer's own certificates (`ca.crt`); what has the label LABEL, which the rotation
fills; what the issuer lists in its annotation LISTED, which somebody else fills, such as istio-csr.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import attrs
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from issuer_bridge.cert_manager.certificates.matching import issuer_of
from issuer_bridge.cert_manager.certificates.policies import ISSUER_ANNOTATIONS, data_of
from issuer_bridge.references import GROUP
from issuer_bridge.resources import CONFIG_MAP, SECRET, Kind, Resource, Resources

LABEL = "gravel.test/trust-store"
"""Its value is KIND.NAME of an issuer; an Issuer's are in its own namespace."""
LISTED = "gravel.test/trust-stores"
"""`KIND NAMESPACE/NAME`, with commas between them; `*` is every namespace."""
ACKNOWLEDGED = "gravel.test/trust-acknowledged"
"""Where a store has it, the SHA-256 (hex) of the bundle that its reader has loaded; each change empties it."""
ENTRIES = ("root-cert.pem", "ca.crt")
KINDS = {kind.kind: kind for kind in (SECRET, CONFIG_MAP)}


@attrs.frozen
class TrustStore:
    """A Secret or a ConfigMap; ours: the rotation fills it."""

    kind: Kind
    resource: Resource
    ours: bool = True

    def __str__(self) -> str:
        metadata = self.resource["metadata"]
        return f"{self.kind.kind} {metadata['namespace']}/{metadata['name']}"

    @property
    def entry(self) -> str:
        """Which entry holds the roots: istio's, or `ca.crt`."""
        return next((name for name in ENTRIES if name in (self.resource.get("data") or {})), ENTRIES[-1])

    @property
    def bundle(self) -> str:
        """The roots, in PEM."""
        if self.kind == SECRET:
            return data_of(self.resource, self.entry).decode("latin-1")
        return str((self.resource.get("data") or {}).get(self.entry) or "")

    @property
    def is_acknowledged(self) -> bool:
        """Whether its reader has loaded what it holds, or does not tell."""
        annotations = self.resource["metadata"].get("annotations") or {}
        return ACKNOWLEDGED not in annotations or annotations[ACKNOWLEDGED] == hash_of(self.bundle)

    def filled(self, bundle: str) -> Resource:
        """Return the resource with other roots, which nobody has acknowledged yet."""
        text = base64.b64encode(bundle.encode("latin-1")).decode("ascii") if self.kind == SECRET else bundle
        metadata = self.resource["metadata"]
        annotations = metadata.get("annotations") or {}
        if ACKNOWLEDGED in annotations:
            metadata = {**metadata, "annotations": {**annotations, ACKNOWLEDGED: ""}}
        return {
            **self.resource,
            "metadata": metadata,
            "data": {**(self.resource.get("data") or {}), self.entry: text},
        }


def hash_of(bundle: str) -> str:
    """Return what acknowledges a bundle, as `sha256sum` prints it."""
    return hashlib.sha256(bundle.encode("latin-1")).hexdigest()


def is_as_wanted(bundle: str, trusted: Sequence[str], distrusted: Sequence[str]) -> bool:
    """Whether a bundle holds all anchors that are trusted, and none that is not any more."""
    held = anchors_in(bundle)
    return all(anchor in held for anchor in trusted) and not any(anchor in held for anchor in distrusted)


def as_wanted(bundle: str, trusted: Sequence[str], distrusted: Sequence[str]) -> str:
    """Return the bundle with the one and without the other; what else it holds stays."""
    kept = [anchor for anchor in anchors_in(bundle) if anchor not in distrusted]
    return "".join([*kept, *(anchor for anchor in trusted if anchor not in kept)])


@lru_cache(maxsize=256)
def anchors_in(bundle: str) -> tuple[str, ...]:
    """Return the certificates of a bundle, each in PEM of one spelling; none where it cannot be read."""
    try:
        found = x509.load_pem_x509_certificates(bundle.encode("latin-1"))
    except ValueError:
        return ()
    return tuple(each.public_bytes(Encoding.PEM).decode("ascii") for each in found)


def trust_stores(issuer: Resource, resources: Resources) -> list[TrustStore]:
    """Return all trust stores of an issuer, each once; ValueError says what of its list cannot be read."""
    namespace = issuer["metadata"].get("namespace")
    labels = {LABEL: f"{issuer['kind']}.{issuer['metadata']['name']}"}
    found = [TrustStore(kind, each) for kind in KINDS.values() for each in resources.list(kind, namespace, labels)]
    found += [TrustStore(SECRET, each) for each in issued_secrets(issuer, resources) if data_of(each, "ca.crt")]
    found += [TrustStore(kind, each, ours=False) for kind, each in _listed(issuer, resources)]
    once: dict[str, TrustStore] = {}
    for store in found:
        once.setdefault(str(store), store)
    return list(once.values())


def issued_secrets(issuer: Resource, resources: Resources) -> Iterator[Resource]:
    """Yield the Secrets with certificates of an issuer, whether their Certificate is still there or not."""
    wanted = (issuer["metadata"]["name"], issuer["kind"], GROUP)
    for secret in resources.list(SECRET, issuer["metadata"].get("namespace")):
        annotations: dict[str, Any] = secret["metadata"].get("annotations") or {}
        told = [annotations.get(name, "") for name in ISSUER_ANNOTATIONS]
        if told[0] == wanted[0] and issuer_of(dict(zip(("name", "kind", "group"), told, strict=True))) == wanted:
            yield secret


def _listed(issuer: Resource, resources: Resources) -> Iterator[tuple[Kind, Resource]]:
    text = (issuer["metadata"].get("annotations") or {}).get(LISTED) or ""
    home = issuer["metadata"].get("namespace")
    for item in filter(None, map(str.strip, text.split(","))):
        word, _, place = item.partition(" ")
        namespace, slash, name = place.strip().partition("/")
        if word not in KINDS or not (namespace and slash and name):
            raise ValueError(f"{item!r} in the annotation {LISTED} is not 'Secret NAMESPACE/NAME' or 'ConfigMap ...'")
        for each in resources.list(KINDS[word], None if namespace == "*" else namespace):
            if each["metadata"]["name"] == name and home in (None, each["metadata"]["namespace"]):
                yield KINDS[word], each
