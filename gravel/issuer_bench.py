"""A bench for the tests of an issuer: the embedded Kubernetes API in this process, and a clock that moves on request.

The author's functions run for real, on real sockets; between them hours pass in no time.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from acme_server.runner import AsyncioDriver
from gravel.issuer_service import call
from issuer_bridge.conditions import APPROVED, DENIED, READY, condition, set_condition
from issuer_bridge.context import Context
from issuer_bridge.issuer_lib.conduct import Options
from issuer_bridge.issuer_lib.consulting import author
from issuer_bridge.issuer_lib.frame import Frame
from issuer_bridge.issuer_lib.values import Check, Sign
from issuer_bridge.kube_api.store import EmbeddedStore
from issuer_bridge.recorder import Recorder
from issuer_bridge.resources import (
    CERTIFICATE_REQUEST,
    CUSTOM_RESOURCE_DEFINITION,
    KINDS,
    Kind,
    Resource,
)

NAMESPACE = "default"
_START = datetime(2030, 1, 1, tzinfo=UTC)


class IssuerBench:
    """An async context: inside, an issuer works on what is put in, while time passes.

    crds: of its kinds, as manifests have them; chosen: fields of `issuer_bridge.issuer_lib.conduct.Options`.
    """

    def __init__(
        self, kinds: Sequence[Kind], check: Check, sign: Sign, crds: Sequence[Resource], **chosen: Any
    ) -> None:
        self._options = Options(field_owner="bench", **chosen)
        self._author = author(tuple(kinds), check, sign, self._options.call_timeout)
        self._crds = crds
        self._kinds = {(kind.api_version, kind.kind): kind for kind in (*KINDS, *kinds)}

    async def __aenter__(self) -> Self:
        entropy = Random(1).randbytes  # noqa: S311 - names of events, and jitter
        self._driver = driver = AsyncioDriver(lambda: _START, call)
        await driver.freeze()
        self._store = EmbeddedStore(driver.now, entropy)
        for crd in self._crds:
            self._store.insert(CUSTOM_RESOURCE_DEFINITION, crd)
        recorder = Recorder(self._store, driver.now, entropy, "bench")
        context = Context(self._store, driver.now, entropy, recorder, lambda _house, _facts: None)
        self._frame = Frame(driver, context, self._author, self._options)
        self._frame.start()
        return self

    async def __aexit__(self, *error: object) -> None:
        self._frame.stop()
        await self._driver.close()

    async def pass_(self, duration: timedelta) -> None:
        """Let time pass; return when all that was due has happened, and every call has been answered."""
        await self._driver.advance(duration)

    def put(self, document: Resource) -> Resource:
        """Create an object, or replace it; what the API refuses is an `ApiError`."""
        kind = self._kinds[document["apiVersion"], document["kind"]]
        metadata = {"namespace": NAMESPACE, **document["metadata"]} if kind.namespaced else document["metadata"]
        known = self._store.get(kind, metadata.get("namespace", ""), metadata["name"])
        if known is None:
            return self._store.insert(kind, {**document, "metadata": metadata})
        return self._store.replace(kind, {**known, **document, "metadata": {**known["metadata"], **metadata}})

    def request(
        self, name: str, issuer: Resource, dns_names: Sequence[str], decision: str | None = APPROVED, **spec: Any
    ) -> Resource:
        """Create a CertificateRequest for names; issuer: an issuerRef; decision: Approved, Denied or None."""
        builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
        if dns_names:
            sans = x509.SubjectAlternativeName([x509.DNSName(each) for each in dns_names])
            builder = builder.add_extension(sans, critical=False)
        pem = builder.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256()).public_bytes(Encoding.PEM)
        made = self.put(
            {
                "apiVersion": CERTIFICATE_REQUEST.api_version,
                "kind": CERTIFICATE_REQUEST.kind,
                "metadata": {"name": name},
                "spec": {"request": base64.b64encode(pem).decode(), "issuerRef": issuer, **spec},
            }
        )
        return made if decision is None else self.decide(name, decision)

    def decide(self, name: str, decision: str = APPROVED) -> Resource:
        """Approve a request, or deny it."""
        assert decision in (APPROVED, DENIED)
        found = self._get(CERTIFICATE_REQUEST, name)
        status = found.get("status") or {}
        now = self._driver.now()
        conditions = set_condition(status.get("conditions") or (), decision, "True", "Bench", "by the test", now)
        return self._store.replace_status(
            CERTIFICATE_REQUEST, {**found, "status": {**status, "conditions": conditions}}
        )

    def ready(self, name: str, kind: Kind = CERTIFICATE_REQUEST) -> tuple[str, str, str]:
        """Return status, reason and message of an object's Ready condition, empty while it has none."""
        found = condition(self._get(kind, name), READY)
        return found.get("status", ""), found.get("reason", ""), found.get("message", "")

    def chain(self, name: str) -> bytes:
        """Return the PEM chain of a request that was issued."""
        return base64.b64decode(self._get(CERTIFICATE_REQUEST, name)["status"]["certificate"])

    def _get(self, kind: Kind, name: str) -> Resource:
        found = self._store.get(kind, NAMESPACE if kind.namespaced else "", name)
        if found is None:
            raise LookupError(f"there is no {kind.kind} {name!r}")
        return found
