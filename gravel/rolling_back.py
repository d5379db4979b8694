"""Goes back to an earlier certificate of a Certificate: the one that the CertificateRequest of that revision still has."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from issuer_bridge.cert_manager.certificates.policies import data_of
from issuer_bridge.cert_manager.certificates.private_keys import public_key_of, read_key
from issuer_bridge.cert_manager.certificates.steps import REVISION
from issuer_bridge.pem import leaf_key
from issuer_bridge.references import is_controlled_by
from issuer_bridge.resources import Resource


class RollbackError(ValueError):
    """Why there is no way back, in a sentence."""


def revisions(certificate: Resource, requests: Iterable[Resource]) -> dict[int, Resource]:
    """Return the requests that were issued for a Certificate, by revision, the oldest first."""
    found = {
        int(request["metadata"]["annotations"][REVISION]): request
        for request in requests
        if is_controlled_by(request, certificate)
        and (request.get("status") or {}).get("certificate")
        and str((request["metadata"].get("annotations") or {}).get(REVISION, "")).isdigit()
    }
    return dict(sorted(found.items()))


def rolled_back(
    certificate: Resource, requests: Iterable[Resource], secret: Resource, to: int | None
) -> tuple[int, Resource]:
    """Return the revision, and the Secret with its certificate; to: None for the one before the current one.

    The key stays: a certificate of another key is of no use, as its key is gone.
    """
    known, current = revisions(certificate, requests), (certificate.get("status") or {}).get("revision") or 0
    kept = ", ".join(map(str, known)) or "none"
    if to is None:
        to = max((revision for revision in known if revision < current), default=0)
    if to not in known:
        raise RollbackError(
            f"there is no request of revision {to or 'before it'} any more; kept are {kept} (spec.revisionHistoryLimit)"
        )
    status: dict[str, Any] = known[to]["status"]
    if leaf_key(status["certificate"]) != public_key_of(read_key(data_of(secret, "tls.key"))):
        raise RollbackError(
            f"the key of revision {to} is gone; only spec.privateKey.rotationPolicy: Never keeps one key for all revisions"
        )
    entries = {"tls.crt": status["certificate"], **({"ca.crt": status["ca"]} if status.get("ca") else {})}
    return to, {**secret, "data": {**secret["data"], **entries}}
