"""The types of issuers whose CA is asked over a protocol of its own, by their field of `spec`."""

from __future__ import annotations

from collections.abc import Mapping

from issuer_bridge.cert_manager.remote_issuers import RemoteIssuer
from issuer_bridge.cert_manager.vault import Vault
from issuer_bridge.cert_manager.venafi import Venafi
from issuer_bridge.context import Context


def remote_types(context: Context, cluster_namespace: str) -> Mapping[str, RemoteIssuer]:
    """Return them; cluster_namespace: where ClusterIssuers have their Secrets."""
    return {"vault": Vault(context, cluster_namespace), "venafi": Venafi(context, cluster_namespace)}
